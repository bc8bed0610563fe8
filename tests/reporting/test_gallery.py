from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.data.images import Images
from pipeline.reporting import gallery as reporting_gallery
from pipeline.reporting.gallery import chosen_images, write_gallery
from tests.detectors.test_fitting import Recorder

Sheet = dict[str, Sequence[np.ndarray]]


class MiddleMapper(Recorder):
    """A detector that maps the middle 8×8 pixels only."""

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        return super().anomaly_maps(images[:, 4:12, 4:12])


class Mapless(Recorder):
    """A detector without maps."""

    def anomaly_maps(self, images: np.ndarray) -> None:
        return None


@pytest.fixture
def split(tiny_images: Images) -> pd.DataFrame:
    """Scores of the 12 test images, 4 normal and 8 abnormal: 0.0, 0.1, … 1.1 in the order of their names."""
    test = tiny_images.index.iloc[12:][["id", "label", "findings"]].reset_index(drop=True)
    return test.assign(score=np.arange(12) / 10)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> tuple[Sheet, dict[str, Sequence[str]]]:
    """What a gallery puts on its sheet, caught before it is drawn: rows and notes."""
    rows: Sheet = {}
    notes: dict[str, Sequence[str]] = {}

    def catch(path: Path, title: str, of: Mapping[str, Sequence[np.ndarray]], notes: dict[str, Sequence[str]]) -> None:
        rows.update(of)
        caught[1].update(notes)

    caught = (rows, notes)
    monkeypatch.setattr(reporting_gallery, "contact_sheet", catch)
    return caught


def ids(chosen: dict[str, pd.DataFrame]) -> list[list[str]]:
    return [[name.removeprefix("image_") for name in table["id"]] for table in chosen.values()]


def test_most_and_least_abnormal_are_shown_from_the_outermost_in(split: pd.DataFrame) -> None:
    chosen = chosen_images(split, 0.25, 3)
    assert ids(chosen)[:2] == [["23", "22", "21"], ["12", "13", "14"]]
    assert list(chosen)[:2] == ["highest scores: 3 of 3 are abnormal", "lowest scores: 0 of 3 are abnormal"]


def test_false_alarms_are_normal_images_above_the_threshold_and_misses_abnormal_ones_not_above(
    split: pd.DataFrame,
) -> None:
    chosen = chosen_images(split.assign(score=split["score"].mask(split.index == 11, 0.05)), 0.15, 8)
    assert ids(chosen)[2:] == [["15", "14"], ["23"]]
    captions = list(chosen)[2:]
    assert captions == [
        "false alarms: 2 of 4 normal images, highest first",
        "misses: 1 of 8 abnormal images, lowest first",
    ]


def test_a_score_at_the_threshold_is_not_above_it(split: pd.DataFrame) -> None:
    assert ids(chosen_images(split, 0.3, 8))[2] == []
    assert ids(chosen_images(split, 0.4, 8))[3] == ["16"]


def test_rows_that_stay_empty_say_so(split: pd.DataFrame) -> None:
    assert list(chosen_images(split, 0.35, 8))[2:] == [
        "false alarms: none of 4 normal images, highest first",
        "misses: none of 8 abnormal images, lowest first",
    ]


def test_without_a_threshold_there_are_neither_false_alarms_nor_misses(split: pd.DataFrame) -> None:
    chosen = chosen_images(split, None, 8)
    assert list(chosen)[2:] == ["false alarms and misses: n/a, since no normals are held out to set a threshold"]


def test_the_choice_does_not_depend_on_the_order_of_rows(split: pd.DataFrame) -> None:
    equal = split.assign(score=1.0)
    for threshold in (0.25, 2.0):
        shuffled = chosen_images(equal.sample(frac=1, random_state=0), threshold, 3)
        assert ids(shuffled) == ids(chosen_images(equal, threshold, 3))


def test_images_stand_above_their_maps_by_the_part_that_is_scored(
    tiny_images: Images, split: pd.DataFrame, drawn: tuple[Sheet, dict[str, Sequence[str]]]
) -> None:
    write_gallery(Path("x.png"), "arm", MiddleMapper(), tiny_images, chosen_images(split, 0.35, 3), 255.0)
    rows = list(drawn[0].values())
    np.testing.assert_array_equal(rows[0], tiny_images.pixels[[23, 22, 21], 4:12, 4:12])
    np.testing.assert_array_equal(rows[2], tiny_images.pixels[[12, 13, 14], 4:12, 4:12])
    assert [len(row) for row in rows] == [3, 3, 3, 3, 0, 0]


def test_without_a_scale_the_highest_value_is_brightest(
    tiny_images: Images, split: pd.DataFrame, drawn: tuple[Sheet, dict[str, Sequence[str]]]
) -> None:
    write_gallery(Path("x.png"), "arm", MiddleMapper(), tiny_images, chosen_images(split, 0.35, 3), None)
    maps = {caption: heat for caption, heat in drawn[0].items() if caption.startswith("anomaly maps")}
    (top,) = {float(caption.partition("bright ")[2].partition(";")[0]) for caption in maps}
    shown = [MiddleMapper().anomaly_maps(tiny_images.pixels[rows]).max() for rows in ([23, 22, 21], [12, 13, 14])]
    assert top == pytest.approx(max(shown), rel=0.01)
    assert all(caption.endswith("; 0.0% of the pixels are beyond") for caption in maps)


def test_without_maps_the_whole_images_stand_alone(
    tiny_images: Images, split: pd.DataFrame, drawn: tuple[Sheet, dict[str, Sequence[str]]]
) -> None:
    write_gallery(Path("x.png"), "arm", Mapless(), tiny_images, chosen_images(split, 0.35, 3), 255.0)
    rows, notes = drawn
    assert [caption.partition(":")[0] for caption in rows] == [
        "highest scores",
        "lowest scores",
        "false alarms",
        "misses",
    ]
    np.testing.assert_array_equal(next(iter(rows.values())), tiny_images.pixels[[23, 22, 21]])
    assert len(notes) == 2


def test_score_and_findings_stand_below_each_image(
    tiny_images: Images, split: pd.DataFrame, drawn: tuple[Sheet, dict[str, Sequence[str]]]
) -> None:
    split.loc[11, "findings"] = "Atelectasis|Cardiomegaly"
    write_gallery(Path("x.png"), "arm", Recorder(), tiny_images, chosen_images(split, None, 2), 255.0)
    assert list(drawn[1].values()) == [["1.1 Atelectasis|Cardi…", "1 Mass"], ["0 normal", "0.1 normal"]]


def test_all_maps_have_the_given_scale_and_say_how_much_lies_beyond(
    tiny_images: Images, split: pd.DataFrame, drawn: tuple[Sheet, dict[str, Sequence[str]]]
) -> None:
    pixels = np.zeros_like(tiny_images.pixels)
    pixels[:, 2, 3], pixels[:, 5, 5] = 255, 100
    write_gallery(
        Path("x.png"),
        "arm",
        Recorder(),
        Images(pixels, tiny_images.index, {}),
        chosen_images(split, None, 2),
        200.0,
    )
    caption, heat = list(drawn[0].items())[1]
    assert caption == "anomaly maps of the highest scores, dark 0 to bright 200; 0.4% of the pixels are beyond"
    assert heat[0].shape == (16, 16, 3)
    assert heat[0][0, 0].max() < 10
    red, green, blue = heat[0][2, 3].tolist()
    assert min(red, green) > 240
    assert blue < red
    assert heat[0][5, 5].sum() < heat[0][2, 3].sum()


def test_a_gallery_is_a_picture_even_when_it_is_empty(tmp_path: Path, tiny_images: Images, split: pd.DataFrame) -> None:
    def drawn_size(test: pd.DataFrame) -> tuple[int, ...]:
        write_gallery(tmp_path / "x.png", "arm", Recorder(), tiny_images, chosen_images(test, 0.35, 8), 255.0)
        picture = cv2.imread(str(tmp_path / "x.png"))
        assert picture is not None
        return picture.shape

    empty, full = drawn_size(split[:0]), drawn_size(split)
    assert empty[0] < 150 < full[0]
