"""The file of a model that scores new images: what is added to a detector's own content, which test_models tries."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.commands import score
from pipeline.compute.tensor_files import read_tensors, write_tensors
from tests.hostile.calibrated import FILE, write_model
from tests.hostile.oracle import Line, judge, lines

# The input is missing: a model is refused before any input is looked for.
WORDS = [str(FILE), "missing.png", "--out", "out", "--device", "cpu"]
REFUSED = r"^error: calibrated\.pt is not a whole model of this version: train again$"
ABSENT = object()


@pytest.fixture(autouse=True)
def calibrated(folder: Path) -> None:
    write_model()


def change(place: str, value: Any) -> None:
    """Put another value in a place of the file, as preparation.steps; or what a function makes of what is there."""
    content = read_tensors(FILE)
    *above, last = place.split(".")
    part = content
    for key in above:
        part = part[key]
    part[last] = value(part[last]) if callable(value) else value
    if value is ABSENT:
        del part[last]
    write_tensors(FILE, content)


def with_number(number: float) -> Any:
    """Put a number in a tensor's first place."""

    def changed(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[0] = number
        return tensor

    return changed


def test_the_file_as_it_was_written_is_a_model() -> None:
    judge(lambda: score.main(WORDS), r"missing\.png is missing")


def test_a_file_without_held_out_normals_is_one_too() -> None:
    change("normals", lambda tensor: tensor[:0])
    change("appearance_normals", lambda tensor: tensor[:0])
    judge(lambda: score.main(WORDS), r"missing\.png is missing")


@lines(
    *(Line(f"{name}_{what}", (name, value), REFUSED)
      for name in ("normals", "appearance_normals")
      for what, value in {
          "absent": ABSENT, "nothing": None, "word": "word", "empty_word": "", "list": [0.5], "empty_list": [],
          "not_a_number": with_number(np.nan), "infinite": with_number(np.inf), "of_two_axes": lambda one: one[None],
          "empty_of_two_axes": lambda one: one[:0, None], "one_number": lambda one: one[0],
          "of_32_bits": torch.Tensor.float,
          "complex": lambda one: one.to(torch.complex128), "sparse": torch.Tensor.to_sparse,
      }.items()),
    Line("looks_absent", ("appearance_mean", ABSENT), REFUSED),
    Line("looks_of_19_numbers", ("appearance_mean", lambda one: one[:19]), REFUSED),
    Line("looks_of_three_channels", ("appearance_mean", lambda one: one.repeat(3)), REFUSED),
    Line("looks_not_a_number", ("appearance_mean", with_number(np.nan)), REFUSED),
    Line("spread_of_19_numbers", ("appearance_precision", lambda one: one[:19, :19]), REFUSED),
    Line("spread_not_a_number", ("appearance_precision", with_number(np.nan)), REFUSED),
    Line("spread_of_negative_variances", ("appearance_precision", torch.neg), REFUSED),
    Line("spread_not_symmetric", ("appearance_precision", torch.tril), REFUSED),
    *(Line(f"{number}_channels", ("image_channels", number), REFUSED) for number in (0, 2, 3, 4, -1, 1.0, True, "1")),
    *(Line(f"brightest_{number}", ("map_top", number), REFUSED)
      for number in (0.0, -1.0, np.nan, np.inf, 1, "1.0")),
    Line("brightest_absent", ("map_top", ABSENT), REFUSED),
    Line("preparation_absent", ("preparation", ABSENT), REFUSED),
    Line("preparation_of_no_kind", ("preparation.kind", "films"), REFUSED),
    Line("preparation_of_another_kind", ("preparation.kind", "xrays"), REFUSED),
    Line("no_steps", ("preparation.steps", {}), REFUSED),
    Line("no_crop", ("preparation.steps.crop_size", ABSENT), REFUSED),
    Line("no_size", ("preparation.steps.working_size", ABSENT), REFUSED),
    Line("size_of_zero", ("preparation.steps.working_size", 0), REFUSED),
    Line("crop_larger_than_the_image", ("preparation.steps.crop_size", 17), REFUSED),
    Line("colours_for_a_gray_model", ("preparation.steps.colour", True), REFUSED),
    Line("stains_of_gray_images", ("preparation.stain", {}), REFUSED),
    Line("target_without_stains", ("preparation.target",
         {"matrix": [[0.6, 0.7, 0.3], [0.1, 1.0, 0.1]], "strength": [1.0, 1.0]}), REFUSED),
    Line("another_key", ("preparation.more", 1), REFUSED),
    Line("detector_that_is_none", ("detector", "eye"), r"calibrated\.pt was not calibrated: name calibrated\.pt"),
)  # fmt: skip
def test_content_that_no_stage_wrote(line: Line) -> None:
    change(*line.made)
    judge(lambda: score.main(WORDS), line.says)
