from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detectors.growth import Phase, at_resolution, faded_input, phases
from pipeline.params.file import Params
from pipeline.params.train import Train


def test_the_phases_alternate_as_published(params: Params) -> None:
    found = [(p.kind, p.resolution, p.iterations) for p in phases(params.train["nih_subset"].schedule)]
    assert found == [
        ("stable", 8, 20000),
        ("transition", 16, 20000),
        ("stable", 16, 20000),
        ("transition", 32, 20000),
        ("stable", 32, 20000),
        ("transition", 64, 20000),
        ("stable", 64, 3500),
    ]


def test_a_phase_of_one_step_is_kept_and_one_of_none_is_not(tiny_train: Train) -> None:
    low, high = tiny_train.schedule
    found = phases((low, high.model_copy(update={"transition": 0, "stable": 1})))
    assert [(p.kind, p.resolution, p.iterations) for p in found] == [("stable", 8, 6), ("stable", 16, 1)]


@given(st.integers(1, 500))
def test_alpha_rises_evenly_to_one(iterations: int) -> None:
    phase = Phase("transition", 16, iterations)
    alphas = [phase.alpha(i) for i in range(iterations)]
    assert alphas[-1] == 1
    assert all(abs(b - a - 1 / iterations) < 1e-9 for a, b in pairwise(alphas))


def test_shrinking_reads_every_pixel() -> None:
    images = torch.arange(64.0).view(1, 1, 8, 8)
    assert at_resolution(images, 2).flatten().tolist() == [13.5, 17.5, 45.5, 49.5]
    assert at_resolution(images, 8) is images


def test_the_faded_input_goes_from_blocks_to_pixels() -> None:
    images = torch.tensor([[[[0.0, 1.0], [2.0, 5.0]]]])
    assert faded_input(images, 0.0).flatten().tolist() == [2.0] * 4
    assert faded_input(images, 0.5).flatten().tolist() == [1.0, 1.5, 2.0, 3.5]
    assert faded_input(images, 1.0) is images
