"""What sees gray on an arm in colour is what it would be on an arm in gray."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.compute import portions
from pipeline.compute.device import Workplace
from pipeline.compute.tensor_files import read_tensors
from pipeline.detectors import registry
from pipeline.detectors.base import Detector
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.in_gray import GrayImages, gray
from tests.hostile.test_models import SMALL

COLOURS = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)
GRAYS = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in COLOURS]).reshape(9, 32, 32, 1)
TRAIN, HELD_OUT = np.array([5, 0, 2, 7, 3]), np.array([1, 4])
MADE = {"made": "in a test"}

pytestmark = pytest.mark.usefixtures("networks_read_once")


@pytest.fixture(params=registry.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def content(name: str, tiny_train: DpaSettings) -> dict[str, Any]:
    """Settings of a detector with which it is fitted in no time."""
    return SMALL[name] if name in SMALL else tiny_train.model_dump(mode="json", exclude={"gray"})


def fitted(name: str, content: dict[str, Any], images: np.ndarray, scratch: Path | None = None) -> Detector:
    settings = registry.settings_of(name, content)
    detector = registry.build(name, settings, images.shape[3], Workplace(), MADE)
    detector.fit(images, TRAIN, HELD_OUT, seed=0, scratch=scratch)
    return detector


def all_made_of(detector: Detector, images: np.ndarray) -> dict[str, np.ndarray]:
    """Scores, what they have to beat, and maps."""
    made = {"score": detector.score(images)}
    made |= {column: scorer(images) for column, scorer in detector.references(0).items()}
    maps = detector.anomaly_maps(images)
    return made if maps is None else made | {"maps": maps}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return set(one) == set(other) and all(one[key].tobytes() == other[key].tobytes() for key in one)


def test_every_colour_becomes_the_gray_that_pillow_makes_of_it() -> None:
    every = np.indices((256, 256, 256), np.uint8).reshape(3, 4096, 4096).transpose(1, 2, 0)
    expected = np.asarray(Image.fromarray(np.ascontiguousarray(every)).convert("L"))
    assert np.array_equal(gray(every)[..., 0], expected)


def test_a_detector_is_the_same_to_the_bit_as_on_an_arm_in_gray(
    name: str, content: dict[str, Any], tmp_path: Path
) -> None:
    shown, plain = fitted(name, content | {"gray": True}, COLOURS), fitted(name, content, GRAYS)
    assert same(all_made_of(shown, COLOURS), all_made_of(plain, GRAYS))
    shown.save(tmp_path / "shown.pt")
    plain.save(tmp_path / "plain.pt")
    one, other = (read_tensors(tmp_path / f"{file}.pt") for file in ("shown", "plain"))
    assert one.pop("settings").replace('"gray":true,', "") == other.pop("settings")
    assert repr(one) == repr(other)


def test_a_model_knows_whether_it_sees_gray(name: str, content: dict[str, Any], tmp_path: Path) -> None:
    of_arm = registry.settings_of(name, content)  # neither model depends on what the arm says now
    for file, images in (("gray.pt", COLOURS), ("colour.pt", COLOURS)):
        detector = fitted(name, content | {"gray": file == "gray.pt"}, images)
        detector.save(tmp_path / file)
        for settings in (of_arm, of_arm.model_copy(update={"gray": True})):
            loaded = registry.load(name, tmp_path / file, settings, Workplace())
            assert same(all_made_of(loaded, COLOURS), all_made_of(detector, COLOURS))
            loaded.save(tmp_path / "again.pt")
            assert (tmp_path / "again.pt").read_bytes() == (tmp_path / file).read_bytes()
    assert (tmp_path / "gray.pt").read_bytes() != (tmp_path / "colour.pt").read_bytes()


@pytest.mark.parametrize("name", ["dpa", "knn"])
def test_images_that_are_gray_already_stay_as_they_are(name: str, content: dict[str, Any]) -> None:
    assert same(
        all_made_of(fitted(name, content | {"gray": True}, GRAYS), GRAYS),
        all_made_of(fitted(name, content, GRAYS), GRAYS),
    )


def test_no_more_images_become_gray_at_once_than_are_asked_for(
    name: str, content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def watched(self: GrayImages, rows: Any) -> np.ndarray:
        found = gray(self.images[rows])
        asked.append(len(found) if found.ndim == 4 else 1)
        return found

    monkeypatch.setattr(GrayImages, "__getitem__", watched)
    monkeypatch.setattr(portions, "AT_ONCE", 4)
    monkeypatch.setattr(portions, "LEAST", 2)
    fitted(name, content | {"gray": True}, COLOURS, tmp_path / "scratch")
    assert 0 < max(asked) <= len(TRAIN) < len(COLOURS)
