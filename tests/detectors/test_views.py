import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detectors.views import central_view, random_view, shuffled_batches, to_network


def pixels(n: int = 5, side: int = 12) -> torch.Tensor:
    return torch.randint(0, 256, (n, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_values_go_to_plus_and_minus_one() -> None:
    black_and_white = torch.tensor([[[[0], [255]]]], dtype=torch.uint8)
    assert to_network(black_and_white).flatten().tolist() == [-1.0, 1.0]


def test_the_test_view_is_the_middle() -> None:
    images = pixels()
    assert torch.equal(central_view(images, 4), images[:, 4:8, 4:8])


def test_a_training_view_is_a_flipped_window_of_its_own_image() -> None:
    images = pixels()
    views = random_view(images, 7, flips=True, generator=torch.Generator().manual_seed(3))
    for image, view in zip(images, views, strict=True):
        windows = [
            image[y : y + 7, x : x + 7].flip(dims)
            for y in range(6)
            for x in range(6)
            for dims in ((), (0,), (1,), (0, 1))
        ]
        assert any(torch.equal(view, window) for window in windows)


def test_every_window_and_flip_is_equally_likely_for_each_image_on_its_own() -> None:
    n = 4000
    numbered = torch.arange(16, dtype=torch.uint8).view(1, 4, 4, 1).expand(n, 4, 4, 1)
    views = random_view(numbered, 3, flips=True, generator=torch.Generator().manual_seed(0))
    _, counts = np.unique(views.flatten(1).numpy(), axis=0, return_counts=True)
    assert len(counts) == 2 * 2 * 2 * 2  # places down and across, flips down and across
    assert counts.min() > 180  # expected 250 ± 15
    assert counts.max() < 320


def test_training_views_are_drawn_anew_each_time() -> None:
    images, generator = pixels(), torch.Generator().manual_seed(3)
    first, second = (random_view(images, 7, flips=True, generator=generator) for _ in range(2))
    assert not torch.equal(first, second)


def test_without_flips_and_crop_the_image_is_shown_as_it_is() -> None:
    images = pixels()
    assert torch.equal(random_view(images, 12, flips=False, generator=torch.Generator()), images)


@given(st.integers(1, 20), st.integers(1, 30))
def test_every_image_is_shown_once_per_epoch(n: int, batch_size: int) -> None:
    batches = shuffled_batches(n, batch_size, torch.Generator().manual_seed(0))
    shown = torch.cat(list(itertools.islice(batches, -(-3 * n // batch_size)))).tolist()
    for epoch in range(3):
        assert sorted(shown[epoch * n : (epoch + 1) * n]) == list(range(n))
