from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.features.views import Batches, ImageStore, central_view, central_views, drawn_view, to_network

CPU = torch.device("cpu")


def pixels(n: int = 5, side: int = 12) -> torch.Tensor:
    return torch.randint(0, 256, (n, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def views(images: torch.Tensor, side: int, flips: bool, seed: int = 3, batches: int = 1) -> list[torch.Tensor]:
    """The views of whole epochs of images, drawn as training draws them."""
    spare = (images.shape[1] - side, images.shape[2] - side)
    draws = Batches(len(images), spare, flips, seed).draw(batches, len(images))
    return [
        drawn_view(images, side, draws.top[i], draws.left[i], draws.upside_down[i], draws.mirrored[i])
        for i in range(batches)
    ]


def test_values_go_to_plus_and_minus_one() -> None:
    black_and_white = torch.tensor([[[[0], [255]]]], dtype=torch.uint8)
    assert to_network(black_and_white).flatten().tolist() == [-1.0, 1.0]


def test_the_test_view_is_the_middle() -> None:
    images = pixels()
    assert torch.equal(central_view(images, 4), images[:, 4:8, 4:8])


def test_without_a_side_images_stay_whole() -> None:
    images = pixels().numpy()
    np.testing.assert_array_equal(central_view(images, None), images)


def test_test_views_come_in_batches_in_the_order_of_the_rows() -> None:
    images, rows = pixels(150), np.arange(149, -1, -2)
    found = list(central_views(images.numpy(), rows, 4, CPU))
    assert [len(batch) for batch in found] == [64, 11]
    assert torch.equal(torch.cat(found), to_network(images[rows, 4:8, 4:8]))


def test_a_training_view_is_a_flipped_window_of_its_own_image() -> None:
    images = pixels()
    for image, view in zip(images, views(images, 7, flips=True)[0], strict=True):
        windows = [
            image[y : y + 7, x : x + 7].flip(dims)
            for y in range(6)
            for x in range(6)
            for dims in ((), (0,), (1,), (0, 1))
        ]
        assert any(torch.equal(view, window) for window in windows)


def test_every_window_and_flip_is_equally_likely_for_each_image_on_its_own() -> None:
    numbered = torch.arange(16, dtype=torch.uint8).view(1, 4, 4, 1).expand(4000, 4, 4, 1)
    _, counts = np.unique(views(numbered, 3, flips=True)[0].flatten(1).numpy(), axis=0, return_counts=True)
    assert len(counts) == 2 * 2 * 2 * 2  # places down and across, flips down and across
    assert counts.min() > 180  # expected 250 ± 15
    assert counts.max() < 320


def test_training_views_are_drawn_anew_each_time() -> None:
    first, second = views(pixels(), 7, flips=True, batches=2)
    assert not torch.equal(first, second)


def test_without_flips_and_crop_the_image_is_shown_as_it_is() -> None:
    images = pixels()
    assert torch.equal(views(images, 12, flips=False)[0], images)


@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 4))
def test_every_image_is_shown_once_per_epoch(n: int, batch_size: int, pieces: int) -> None:
    batches = Batches(n, (0, 0), flips=False, seed=0)
    each = -(-3 * n // (batch_size * pieces))
    shown = torch.cat([batches.draw(each, batch_size).numbers.flatten() for _ in range(pieces)]).tolist()
    for epoch in range(3):
        assert sorted(shown[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_what_is_drawn_does_not_depend_on_how_much_is_drawn_at_a_time() -> None:
    at_once, in_steps = (Batches(7, (3, 2), flips=True, seed=0) for _ in range(2))
    whole = at_once.draw(6, 5)
    steps = [in_steps.draw(n, 5) for n in (1, 3, 2)]
    for name in ("numbers", "top", "left", "upside_down", "mirrored", "mixing"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(step, name) for step in steps])), name


def test_batches_go_on_where_their_state_was_taken() -> None:
    batches = Batches(7, (3, 3), flips=True, seed=0)
    batches.draw(2, 5)
    state = batches.state()
    expected = batches.draw(3, 5)
    other = Batches(7, (3, 3), flips=True, seed=1)
    other.restore(state)
    found = other.draw(3, 5)
    for name in ("numbers", "top", "left", "upside_down", "mirrored", "mixing"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name


def test_the_draws_of_each_batch_can_be_taken_alone() -> None:
    draws = Batches(7, (3, 3), flips=True, seed=0).draw(3, 5)
    alone = draws.one_by_one()
    assert len(alone) == 3
    for number, batch in enumerate(alone):
        assert torch.equal(batch.numbers, draws.numbers[number])
        assert torch.equal(batch.mirrored, draws.mirrored[number])


def test_shares_of_real_and_reconstructed_images_lie_between_0_and_1() -> None:
    mixing = Batches(7, (0, 0), flips=False, seed=0).draw(100, 7).mixing
    assert mixing.min() >= 0
    assert mixing.max() < 1
    assert mixing.mean().item() == pytest.approx(0.5, abs=0.05)


def test_images_are_the_same_from_the_device_and_from_a_file(tmp_path: Path) -> None:
    images = pixels(20).numpy()
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows, numbers = np.arange(3, 18), torch.tensor([14, 0, 0, 7])
    stores = [ImageStore(mapped, rows, CPU, room) for room in (15 * images[0].nbytes, 15 * images[0].nbytes - 1)]
    assert [store.resident for store in stores] == [True, False]
    for store in stores:
        assert torch.equal(store.take(numbers), torch.from_numpy(images[[17, 3, 3, 10]]))


@pytest.mark.parametrize("shape", [(4, 7, 16, 1), (4, 0, 0, 1)])
def test_images_smaller_than_the_view_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PipelineError, match="smaller than 16 px"):
        list(central_views(np.zeros(shape, np.uint8), np.arange(4), 16, torch.device("cpu")))
