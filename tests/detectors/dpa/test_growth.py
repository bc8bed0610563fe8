from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from pipeline.detectors.dpa.growth import Phase, at_resolution, phases, shown_at
from pipeline.detectors.dpa.settings import DpaSettings
from tests.shipped import shipped_dpa

CPU = torch.device("cpu")


def test_the_phases_alternate_as_published() -> None:
    found = [(p.kind, p.resolution, p.iterations, p.batch_size) for p in phases(shipped_dpa("nih_subset").steps)]
    assert found == [
        ("stable", 8, 20000, 128),
        ("transition", 16, 20000, 128),
        ("stable", 16, 20000, 128),
        ("transition", 32, 20000, 128),
        ("stable", 32, 20000, 128),
        ("transition", 64, 20000, 128),
        ("stable", 64, 3500, 128),
    ]


def test_without_growth_there_is_the_last_stable_phase_only() -> None:
    train = shipped_dpa("nih_subset").model_copy(update={"grow": False})
    assert phases(train.steps) == [Phase("stable", 64, 3500, 128)]


def test_a_phase_of_one_step_is_kept_and_one_of_none_is_not(tiny_train: DpaSettings) -> None:
    low, high = tiny_train.schedule.values()
    found = phases({8: low, 16: high.model_copy(update={"transition": 0, "stable": 1})})
    assert [(p.kind, p.resolution, p.iterations) for p in found] == [("stable", 8, 6), ("stable", 16, 1)]


@given(st.integers(1, 500))
def test_alpha_rises_evenly_to_one(iterations: int) -> None:
    phase = Phase("transition", 16, iterations, 4)
    alphas = [phase.alpha(i) for i in range(iterations)]
    assert alphas[-1] == 1
    assert all(abs(b - a - 1 / iterations) < 1e-9 for a, b in pairwise(alphas))
    assert [a.item() for a in phase.alphas(CPU) if a is not None] == pytest.approx(alphas, abs=1e-6)


def test_a_stable_phase_has_no_alpha() -> None:
    assert Phase("stable", 16, 3, 4).alphas(CPU) == [None] * 3


def test_shrinking_reads_every_pixel() -> None:
    images = torch.arange(64.0).view(1, 1, 8, 8)
    assert at_resolution(images, 2).flatten().tolist() == [13.5, 17.5, 45.5, 49.5]
    assert at_resolution(images, 8) is images


def test_the_released_shrinking_reads_the_four_middle_pixels_of_64() -> None:
    image = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    middle = image[..., 3::8, :] + image[..., 4::8, :]
    expected = (middle[..., 3::8] + middle[..., 4::8]) / 4
    torch.testing.assert_close(at_resolution(image, 8, reference=True), expected)


def test_what_is_shown_in_a_transition_goes_from_blocks_to_pixels() -> None:
    images = torch.tensor([[[[0.0, 1.0], [2.0, 5.0]]]])
    assert shown_at(images, 2, torch.tensor(0.0)).flatten().tolist() == [2.0] * 4
    assert shown_at(images, 2, torch.tensor(0.5)).flatten().tolist() == [1.0, 1.5, 2.0, 3.5]
    assert torch.equal(shown_at(images, 2, torch.tensor(1.0)), images)
    assert shown_at(images, 2, None) is images


@pytest.mark.parametrize("reference", [False, True])
def test_the_low_resolution_of_a_transition_is_shrunk_from_the_whole_image(reference: bool) -> None:
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    low = at_resolution(images, 8, reference)
    expected = 0.75 * F.interpolate(low, scale_factor=2) + 0.25 * at_resolution(images, 16, reference)
    torch.testing.assert_close(shown_at(images, 16, torch.tensor(0.25), reference), expected)
