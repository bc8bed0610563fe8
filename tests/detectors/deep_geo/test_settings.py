import re

import pytest
from pydantic import ValidationError

from pipeline.detectors.deep_geo.settings import DeepGeoSettings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"side": 48}, "side: the network sees squares whose side is a multiple of 32 px, not 48 px"),
        ({"side": 32, "shift": 32}, "shift: 32 px shift an image of 32 px out of itself"),
        ({"depth": 12}, "depth is 12, but has to be 4 and a multiple of 6"),
        ({"depth": 4}, "greater than or equal to 10"),
        ({"epochs": 0}, "greater than 0"),
        ({"learning_rate": 0.0}, "greater than 0"),
        ({"weight": 1}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        DeepGeoSettings.read(changes)


def test_the_defaults_are_those_of_the_paper_at_64_px() -> None:
    found = DeepGeoSettings.read({})
    assert (found.depth, found.width, found.shift, found.epochs, found.batch_size) == (16, 8, 16, 3, 128)
    assert found.resolution is None
    assert DeepGeoSettings.read({"side": 64}).resolution == 64
