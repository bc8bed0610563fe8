"""Which scored slides are judged."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.camelyon.judged import Chosen, choose_slides
from pipeline.errors import PipelineError
from tests.camelyon.collection import ARM, OUT, ROOT, add_outlines, add_slide, list_files, outlines, write_results
from tests.shipped import shipped_slides

LESION = outlines((1000, 1000, 800))
LABELS = {"test_001": "Tumor", "test_002": "Normal", "test_049": "Normal", "test_114": "Tumor"}


@pytest.fixture
def inventory(in_folder: Path) -> pd.DataFrame:
    """Four test slides, of which test_049 is a copy of test_002 and test_114 has outlines that are not complete."""
    add_slide("test_001", annotation=LESION)
    add_slide("test_002")
    add_slide("test_049", content="test_002")
    add_slide("test_114", annotation=LESION)
    return list_files(LABELS)


def choose(inventory: pd.DataFrame, **changes: tuple[str, ...]) -> Chosen:
    settings = shipped_slides(ARM).collection.model_copy(update=changes)
    return choose_slides(OUT, ROOT, inventory, settings, ARM)


def test_test_slides_are_judged_with_what_the_reference_says_of_them(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.25, "test_114": 3.0})
    first, second, third = choose(inventory).slides
    assert (first.name, first.label, first.score, first.folder) == ("test_001", 1, 5.5, "slides/test_001.tif")
    assert first.annotation == "testing/lesion_annotations/test_001.xml"
    assert (second.name, second.label, second.annotation) == ("test_002", 0, "")
    assert (third.name, third.label) == ("test_114", 1)


def test_a_slide_with_incomplete_outlines_is_judged_as_a_whole_only(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.25, "test_114": 3.0})
    left_out = {slide.name: slide.left_out for slide in choose(inventory).slides}
    why = "its outlines are not complete (named in arms/camelyon16.yaml:collection.not_exhaustively_annotated)"
    assert left_out == {"test_001": "", "test_002": "", "test_114": why}


def test_it_needs_no_outlines(inventory: pd.DataFrame) -> None:
    (ROOT / "testing/lesion_annotations/test_114.xml").unlink()
    write_results({"test_001": 5.5, "test_002": 1.25, "test_114": 3.0})
    assert [slide.name for slide in choose(list_files(LABELS)).slides] == ["test_001", "test_002", "test_114"]


def test_a_copy_and_what_is_no_test_slide_are_left_out_and_counted(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0, "test_049": 1.0, "test_114": 3.0, "normal_001": 2.0})
    chosen = choose(inventory)
    assert chosen.left_out == {"normal_001": "it is no test slide", "test_049": "same content as test_002"}
    assert len(chosen.slides) == 3
    assert not chosen.missing


def test_a_slide_that_is_to_be_excluded_is_left_out(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0, "test_114": 3.0})
    left_out = choose(inventory, excluded=("test_114",), not_exhaustively_annotated=()).left_out
    assert left_out == {"test_114": "named in arms/camelyon16.yaml:collection.excluded"}


def test_slides_that_were_not_scored_are_missing_and_say_why(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0, "test_114": "test_114.tif holds nothing to score"})
    assert choose(inventory).missing == {"test_114": "test_114.tif holds nothing to score"}
    write_results({"test_001": 5.5, "test_002": 1.0})
    assert choose(inventory).missing == {"test_114": "it is not among the results"}


def test_the_training_part_of_the_collection_is_not_needed(inventory: pd.DataFrame) -> None:
    assert not (ROOT / "training").exists()
    write_results({"test_001": 5.5, "test_002": 1.0})
    assert len(choose(inventory, validation_tumour=("tumor_016",)).slides) == 2


@pytest.mark.parametrize("only", [{"test_001": 5.5, "test_114": 3.0}, {"test_002": 1.0}])
def test_slides_of_one_kind_cannot_be_judged(inventory: pd.DataFrame, only: dict[str, float]) -> None:
    write_results(only)
    with pytest.raises(PipelineError, match=r"results\.csv has no score of a test slide with(out)? metastases"):
        choose(inventory)


def test_results_of_images_are_no_results_of_slides(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0})
    table = pd.read_csv(OUT / "results.csv", keep_default_na=False)
    for images in (table.assign(folder=""), table.drop(columns="folder")):
        images.to_csv(OUT / "results.csv", index=False)
        with pytest.raises(PipelineError, match=r"results\.csv has scores of images, but of no whole slide: score the"):
            choose(inventory)


def test_pictures_of_tiles_among_slides_are_passed_over(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0, "tile": 3.0})
    table = pd.read_csv(OUT / "results.csv", keep_default_na=False)
    table.loc[table["name"] == "images/tile.tif", "folder"] = ""
    table.to_csv(OUT / "results.csv", index=False)
    assert not choose(inventory).left_out


def test_two_results_of_one_slide_are_refused(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0})
    table = pd.read_csv(OUT / "results.csv", keep_default_na=False)
    other = table.assign(name=table["name"].str.replace("images", "old"))
    pd.concat([table, other]).to_csv(OUT / "results.csv", index=False)
    with pytest.raises(PipelineError, match=r"has two results for test_001: score each test slide once"):
        choose(inventory)


def test_another_file_of_the_same_name_is_refused(inventory: pd.DataFrame) -> None:
    write_results({"test_001": 5.5, "test_002": 1.0})
    text = (OUT / "results.csv").read_text(encoding="utf-8")
    checksum = inventory.set_index("path").loc["testing/images/test_002.tif", "md5"]
    (OUT / "results.csv").write_text(text.replace(str(checksum), "1" * 32), encoding="utf-8")
    with pytest.raises(PipelineError, match=r"images/test_002\.tif is another file than testing/images/test_002\.tif"):
        choose(inventory)


def test_a_tumour_slide_without_outlines_is_named(inventory: pd.DataFrame) -> None:
    (ROOT / "testing/lesion_annotations/test_001.xml").unlink()
    write_results({"test_001": 5.5, "test_002": 1.0})
    with pytest.raises(PipelineError, match=r"test_001\.tif has no lesion_annotations/test_001\.xml: add it"):
        choose(list_files(LABELS))


def test_outlines_that_changed_since_they_were_listed_are_named(inventory: pd.DataFrame) -> None:
    add_outlines("test_001", outlines((1000, 1000, 900)))
    write_results({"test_001": 5.5, "test_002": 1.0})
    with pytest.raises(PipelineError, match=r"test_001\.xml has another content than when it was listed"):
        choose(inventory)
