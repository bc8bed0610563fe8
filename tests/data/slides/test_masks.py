import cv2
import numpy as np
import pytest

from pipeline.data.slides.masks import MaskJob, join_masks, read_mask, read_thumbnail
from pipeline.data.slides.slide_record import SlideRecord
from pipeline.data.slides.status import read_status, rows_of
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

ARM = "demo_slides"
GLASS = (240, 240, 240)


def record(name: str) -> SlideRecord:
    return SlideRecord(name, f"{name}.tif", "train", "", name)


@pytest.fixture
def mask(tmp_path):
    """Mask slides and return their rows by name."""

    def run(*names: str, unused: tuple[SlideRecord, ...] = ()) -> dict[str, dict]:
        job = MaskJob(tmp_path, shipped_slides(ARM).collection, shipped_slides(ARM).tissue_masks, ARM)
        parts = [tmp_path / f"{name}.npz" for name in names]
        for name, part in zip(names, parts, strict=True):
            assert job(record(name), part) == 1
        join_masks(tmp_path / "masks", parts, unused)
        return {row["name"]: row for row in rows_of(read_status(tmp_path / "masks" / "status.csv"))}

    return run


def slide(colour=(170, 90, 160)) -> np.ndarray:
    image = np.full((2048, 2560, 3), GLASS, np.uint8)
    image[512:1536, 256:1792] = colour
    return image


def test_a_slide_gives_a_mask_a_thumbnail_and_a_row(mask, write_slide, tmp_path):
    write_slide(slide(), "normal_001.tif", factors=(4,))
    row = mask("normal_001")["normal_001"]
    assert (row["status"], row["reason"], row["role"], row["group"]) == ("ok", "", "train", "normal_001")
    assert (row["width"], row["height"], row["level"], row["scale"], row["pixel"], row["extent"]) == (
        2560, 2048, 0, 0.25, 256.0, 1.0,
    )  # fmt: skip
    found = read_mask(tmp_path / "masks", "normal_001")
    assert found.shape == (8, 10)
    assert found[2:6, 1:7].all()
    assert found.sum() == 24
    assert row["tissue"] == 0.3
    thumbnail = read_thumbnail(tmp_path / "masks", "normal_001")
    assert thumbnail[4, 4].tolist() == [170, 90, 160]
    assert thumbnail[0, 0].tolist() == list(GLASS)


def test_slides_of_which_otsu_makes_no_sense_are_rows_with_a_reason(mask, write_slide, tmp_path):
    for name, image in {
        "white": np.full((1024, 1024, 3), 240, np.uint8),
        "black": np.full((1024, 1024, 3), 3, np.uint8),
        "black_background": cv2.rectangle(
            np.zeros((2048, 2048, 3), np.uint8), (512, 512), (1500, 1500), (90, 60, 90), -1
        ),
        "noise": np.random.default_rng(0).integers(236, 242, (2048, 2048, 3), dtype=np.uint8),
    }.items():
        write_slide(image, f"{name}.tif", factors=())
    rows = mask("white", "black", "black_background", "noise")
    assert {row["status"] for row in rows.values()} == {"failed"}
    assert rows["white"]["reason"] == "the slide is uniform (gray 240 everywhere)"
    assert rows["black"]["reason"] == "the slide is uniform (gray 3 everywhere)"
    assert rows["black_background"]["reason"].startswith("the background is black")
    assert "an empty slide?" in rows["noise"]["reason"]
    assert not list((tmp_path / "masks").glob("*.png"))
    assert len(list((tmp_path / "masks" / "thumbnails").glob("*.png"))) == 4


def test_files_that_are_no_slides_are_rows_that_name_them(mask, write_slide, tmp_path):
    whole = write_slide(slide(), "whole.tif").read_bytes()
    (tmp_path / "truncated.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.tif").write_text("no slide")
    cv2.imwrite(str(tmp_path / "picture.tif"), slide())
    rows = mask("truncated", "empty", "text", "picture", "../outside", "missing")
    assert {row["status"] for row in rows.values()} == {"failed"}
    for name in ("truncated", "empty", "text", "picture", "missing"):
        assert f"{name}.tif" in rows[name]["reason"]
        assert "\n" not in rows[name]["reason"]
    assert "leaves the collection" in rows["../outside"]["reason"]


def test_reasons_are_the_same_in_every_folder_and_hold_nothing_of_the_machine(write_slide, tmp_path):
    whole = write_slide(slide(), "whole.tif").read_bytes()
    files = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"no slide", "header": whole[:8]}
    reasons = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}.tif").write_bytes(content)
        names = (*files, "missing", "../outside")
        job = MaskJob(folder, shipped_slides(ARM).collection, shipped_slides(ARM).tissue_masks, ARM)
        parts = [folder / f"{number}.npz" for number in range(len(names))]
        for name, part in zip(names, parts, strict=True):
            job(record(name), part)
        reasons.append(join_masks(folder / "masks", parts, ())["reason"].tolist())
    assert reasons[0] == [reason.replace("two", "one") for reason in reasons[1]]
    assert all(reasons[0])
    assert not any("/" in reason.replace("../outside.tif", "") or "0x" in reason for reason in reasons[0])


def test_pen_and_blur_are_warned_of(mask, write_slide):
    marked = cv2.rectangle(slide(), (300, 600), (1700, 1100), (20, 60, 160), -1)
    write_slide(marked, "pen.tif")
    write_slide(cv2.GaussianBlur(slide(), (0, 0), 20), "blurred.tif")
    rows = mask("pen", "blurred")
    assert "pen on" in rows["pen"]["warnings"]
    assert "pen" not in rows["blurred"]["warnings"]
    assert "blurred" in rows["blurred"]["warnings"]
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_a_slide_that_is_not_used_has_a_row_that_says_why(mask, write_slide):
    write_slide(slide(), "normal_001.tif")
    rows = mask(
        "normal_001", unused=(SlideRecord("a", "a.tif", "", "", "a", "named in arms/x.yaml:collection.excluded"),)
    )
    assert list(rows) == ["a", "normal_001"]
    assert (rows["a"]["status"], rows["a"]["reason"]) == ("unused", "named in arms/x.yaml:collection.excluded")


def test_missing_masks_and_thumbnails_are_named(tmp_path):
    with pytest.raises(PipelineError, match=r"normal_001\.png cannot be read"):
        read_mask(tmp_path, "normal_001")
    with pytest.raises(PipelineError, match=r"thumbnails/normal_001\.png cannot be read"):
        read_thumbnail(tmp_path, "normal_001")
