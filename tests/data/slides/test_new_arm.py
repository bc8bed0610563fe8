from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.kinds import Adapted, with_values
from pipeline.data.slides.new_arm import NAMES, adapted
from pipeline.demo.lymph_node import STAINS, render
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

HEADER = "path,role,annotation,group\n"
FILE, REGION = "normalize_tiles.target.file", "normalize_tiles.target.region"
# 128 px of a slide to a mask pixel
SMALL = {"tissue_masks.microns_per_pixel": 32.0, f"{REGION}.size": 512, "normalize_tiles.sampled_pixels": 2000}


def stained(size: int = 2048, x: int = 1024, y: int = 640, side: int = 700) -> np.ndarray:
    """Glass with a square of tissue."""
    random = np.random.default_rng(0)
    maps = np.zeros((2, size, size), np.uint8)
    maps[:, y : y + side, x : x + side] = random.integers(20, 120, (2, side, side))
    return render(maps[0], maps[1], STAINS, np.full(3, 245.0))


@pytest.fixture
def folder(write_slide: Callable[..., Path], tmp_path: Path) -> Path:
    """A collection of one blank slide, one with tissue, and an unreadable one."""
    write_slide(np.full((1024, 1024, 3), 245, np.uint8), "scans/a.tif")
    write_slide(stained(), "scans/b.tif")
    (tmp_path / "scans/c.tif").write_text("no slide")
    return tmp_path


@pytest.fixture
def described(folder: Path) -> Path:
    (folder / "slides.csv").write_text(f"{HEADER}scans/b.tif,train,,1\nscans/a.tif,train,,2\nscans/c.tif,train,,3\n")
    return folder


def adapt(folder: Path, like: str = "camelyon16", given: dict[str, Any] | None = None) -> Adapted:
    borders = {f"tissue_masks.border.{side}": 0 for side in ("top", "bottom", "left", "right")}
    return adapted("mine", with_values(shipped_slides(like), SMALL | borders), folder, given or {})


@pytest.mark.parametrize("like", ["camelyon16", "demo_slides"])
def test_a_csv_takes_the_place_of_all_that_names_slides_of_the_other_collection(described: Path, like: str) -> None:
    found = adapt(described, like).changes
    assert found | {"collection.generated": False, "collection.table": "slides.csv"} == found
    assert [found[key] for key in NAMES] == [[], [], [], []]


def square(found: Adapted) -> tuple[int, int, int]:
    x, y, size = (found.changes[f"{REGION}.{key}"] for key in ("x", "y", "size"))
    return x, y, size


def test_stains_are_learnt_from_where_the_first_readable_training_slide_has_most_tissue(described: Path) -> None:
    found = adapt(described)
    # the mask pixels of 128 px that tissue reaches into well enough begin at (1024, 640): 4 of them are 512 px
    assert found.changes[FILE] == "scans/b.tif"
    assert square(found) == (1024, 640, 512)
    assert found.said[0] == "slides.csv gives every slide its role"
    assert "look at reports/data/mine/normalisation.png" in found.said[1]


def test_the_whole_mask_is_the_square_where_the_slide_is_smaller(
    write_slide: Callable[..., Path], tmp_path: Path
) -> None:
    write_slide(stained(size=700, x=0, y=130, side=570), "a.tif", factors=())
    (tmp_path / "slides.csv").write_text(f"{HEADER}a.tif,train,,1\n")
    settings = with_values(shipped_slides("demo_slides"), SMALL | {f"{REGION}.size": 4096})
    found = adapted("mine", settings, tmp_path, {})
    assert square(found) == (0, 0, 640)  # 5 mask pixels


def test_the_square_of_a_slide_that_is_given_is_chosen(described: Path) -> None:
    with pytest.raises(PipelineError, match=r"of scans/a\.tif, the slide is uniform"):
        adapt(described, given={FILE: "scans/a.tif"})
    assert square(adapt(described, given={FILE: "scans/b.tif"})) == (1024, 640, 512)


def test_a_square_of_another_size_is_chosen_where_only_its_size_is_given(described: Path) -> None:
    assert square(adapt(described, given={f"{REGION}.size": 256}))[2] == 256


@pytest.mark.parametrize(
    "given",
    [
        {"normalize_tiles.method": "none"},
        {"normalize_tiles.target": {"file": "scans/b.tif", "region": {"x": 1, "y": 2, "size": 3}}},
        {FILE: "scans/b.tif", REGION: {"x": 1, "y": 2, "size": 3}},
    ],
)
def test_what_is_given_or_not_needed_is_not_chosen(described: Path, given: dict[str, Any]) -> None:
    assert not [key for key in adapt(described, given=given).changes if key.startswith("normalize_tiles")]


@pytest.mark.parametrize("given", [{REGION: {"x": 1, "y": 2, "size": 3}}, {FILE: "d.tif"}])
def test_a_target_that_is_not_there_is_to_be_named(described: Path, given: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match=r"which is not in .*: name a slide that is by --set normalize"):
        adapt(described, given=given)


def test_where_no_slide_serves_a_person_has_to_choose(described: Path) -> None:
    (described / "slides.csv").write_text(f"{HEADER}scans/a.tif,train,,1\nscans/c.tif,train,,1\n")
    with pytest.raises(PipelineError, match=r"\(of scans/a\.tif, the slide is uniform .*--set normalize_tiles\.target"):
        adapt(described)
    (described / "slides.csv").write_text(f"{HEADER}scans/b.tif,test_normal,,1\n")
    with pytest.raises(PipelineError, match=r"\(there is no such slide\)"):
        adapt(described)


def test_other_settings_count_where_slides_are_read(described: Path) -> None:
    (described / "slides.csv").write_text(f"{HEADER}scans/b.tif,train,,1\n")
    with pytest.raises(PipelineError, match=r"no tissue is left after clearing border"):
        adapt(described, given={"tissue_masks.border": dict.fromkeys(("top", "bottom", "left", "right"), 9)})


@pytest.fixture
def published(folder: Path) -> Path:
    (folder / "training").mkdir()
    (folder / "scans").rename(folder / "training/normal")
    return folder


def test_camelyon16s_own_layout_keeps_its_lists_and_target_if_that_is_there(published: Path) -> None:
    assert adapt(published, given={}).changes.keys() == {
        "collection.generated",
        FILE,
        *(f"{REGION}.{key}" for key in ("x", "y", "size")),
    }
    (published / "training/normal/b.tif").rename(published / "training/normal/normal_056.tif")
    assert adapt(published).changes == {"collection.generated": False}


def test_names_of_drawn_slides_are_no_names_of_others_even_in_the_same_layout(published: Path) -> None:
    (published / "training/normal/b.tif").rename(published / "training/normal/normal_001.tif")
    found = adapt(published, "demo_slides").changes
    assert [found[key] for key in NAMES] == [[], [], [], []]
    assert found[FILE] == "training/normal/normal_001.tif"


def test_without_any_description_the_columns_of_one_are_named(folder: Path) -> None:
    with pytest.raises(PipelineError, match=r"no CSV with the columns path, role, annotation, group and no training/"):
        adapt(folder)
