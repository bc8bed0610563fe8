import json

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.images import read_images
from pipeline.data.slides.normalize_job import NormalizeJob
from pipeline.data.slides.preparation import Preparation, preparation_of
from pipeline.data.slides.prepared_arm import add_prepared, count_tiles, join_tiles, shown_slides
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.settings import Region, StainTarget
from pipeline.data.slides.target import target_stains
from pipeline.data.slides.tiles import COLUMNS
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

ARM = "demo_slides"
TOO_LITTLE = "too little stain: hardly any pixel is tissue"


@pytest.fixture
def tiles(write_slide, tile):
    """Tiles of 384 px, two on each of two slides; the last one is empty."""
    write_slide(np.hstack([tile, tile[::-1]]), "a.tif")
    write_slide(np.hstack([tile, np.full_like(tile, 250)]), "b.tif")
    slides = (("a", "train"), ("b", "test_normal"))
    rows = [(name, f"{name}.tif", role, name, x, 0, 0, 0.25, 1.0, 0.0) for name, role in slides for x in (0, 384)]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture
def settings():
    target = StainTarget(file="a.tif", region=Region(x=0, y=0, size=384))
    data = shipped_slides(ARM)
    normalize = data.normalize_tiles.model_copy(update={"target": target, "working_size": 96})
    sampling = data.sample_tiles.model_copy(update={"tile_size": 384})
    return data.model_copy(update={"normalize_tiles": normalize, "sample_tiles": sampling})


@pytest.fixture
def prepare(tmp_path, tiles, settings):
    """Run the branch's last step without processes."""

    def run(**changes) -> pd.DataFrame:
        normalize = settings.normalize_tiles.model_copy(update=changes)
        target = target_stains(tmp_path, settings.collection, normalize, ARM)
        preparation = preparation_of(settings.model_copy(update={"normalize_tiles": normalize}), target)
        job = NormalizeJob(tmp_path, preparation, ARM)
        (tmp_path / "parts").mkdir(exist_ok=True)
        parts = [tmp_path / "parts" / f"{name}.npz" for name in "ab"]
        for part, (_, own) in zip(parts, tiles.groupby("slide"), strict=True):
            assert job(own.reset_index(drop=True), part) == 2
        return join_tiles(tiles, parts, tmp_path / "prepared", tmp_path / "normalized", preparation)

    return run


def test_tiles_are_normalised_and_shrunk_and_empty_ones_left_out_with_a_reason(prepare, tmp_path):
    assert prepare()["reason"].tolist() == ["", "", "", TOO_LITTLE]
    images = read_images(tmp_path / "prepared")
    assert images.index["id"].tolist() == ["a_x0_y0", "a_x384_y0", "b_x0_y0"]
    assert images.index[["split", "label", "group"]].to_numpy().tolist() == [
        ["train", 0, "a"], ["train", 0, "a"], ["test", 0, "b"],
    ]  # fmt: skip
    assert images.pixels.shape == (3, 96, 96, 3)
    written = pd.read_csv(tmp_path / "normalized" / "tiles.csv", keep_default_na=False)
    assert written["reason"].tolist() == ["", "", "", TOO_LITTLE]
    after = cv2.imread(str(tmp_path / "normalized" / "after" / "b.png"), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(after, images.pixels[2])
    assert not (tmp_path / "normalized" / "tiles").exists()


def test_a_slide_that_breaks_gives_reasons_and_the_others_go_on(prepare, tmp_path):
    (tmp_path / "b.tif").write_bytes(b"broken")
    reasons = prepare()["reason"].tolist()
    assert reasons[:2] == ["", ""]
    assert all("b.tif cannot be opened" in reason for reason in reasons[2:])


def test_a_collection_of_which_nothing_is_left_stops_the_stage(prepare, tmp_path):
    (tmp_path / "b.tif").write_bytes(b"broken")
    (tmp_path / "a.tif").rename(tmp_path / "target.tif")
    with pytest.raises(PipelineError, match="every tile was left out; the first because"):
        prepare(target=StainTarget(file="target.tif", region=Region(x=0, y=0, size=384)))
    assert not (tmp_path / "prepared").exists()


def test_full_size_tiles_are_written_if_asked_for(prepare, tmp_path):
    prepare(full_size_tiles=True)
    files = sorted((tmp_path / "normalized" / "tiles").iterdir())
    assert [file.name for file in files] == ["a_x0_y0.png", "a_x384_y0.png", "b_x0_y0.png"]
    large = cv2.imread(str(files[0]), cv2.IMREAD_COLOR_RGB)
    assert large.shape == (384, 384, 3)
    small = cv2.resize(large, (96, 96), interpolation=cv2.INTER_AREA)
    assert np.array_equal(small, read_images(tmp_path / "prepared").pixels[0])


def test_full_size_tiles_of_an_earlier_run_do_not_come_through(prepare, tmp_path):
    prepare(full_size_tiles=True)
    prepare(full_size_tiles=False)
    assert not (tmp_path / "normalized" / "tiles").exists()


def test_a_tile_without_stain_is_left_out_with_one_matrix_per_slide_too(prepare):
    assert prepare(stains_of="slide")["reason"].tolist() == ["", "", "", TOO_LITTLE]


def test_one_matrix_per_slide_makes_a_tile_depend_on_its_neighbours(prepare, tmp_path, write_slide, tile):
    first = {}
    for kind in ("tile", "slide"):
        prepare(stains_of=kind)
        first[kind] = read_images(tmp_path / "prepared").pixels[0].copy()
    eosin = (tile.astype(float) * (1.0, 0.8, 0.9)).astype(np.uint8)
    write_slide(np.hstack([tile, eosin]), "a.tif")
    for kind, changes in (("tile", False), ("slide", True)):
        prepare(stains_of=kind)
        assert (not np.array_equal(read_images(tmp_path / "prepared").pixels[0], first[kind])) == changes


def test_a_target_may_be_an_image_file(prepare, tmp_path, tile):
    prepare()
    region = read_images(tmp_path / "prepared").pixels.copy()
    Image.fromarray(tile).save(tmp_path / "target.png")
    prepare(target=StainTarget(file="target.png", region=None))
    assert np.array_equal(read_images(tmp_path / "prepared").pixels, region)


def test_a_target_that_cannot_be_used_is_named(tiles, tmp_path, settings):
    (tmp_path / "text.png").write_text("no image")
    for file, region, what in (
        ("a.tif", Region(x=700, y=0, size=384), "ends outside"),
        ("b.tif", Region(x=400, y=0, size=200), "choose a well stained region"),
        ("gone.tif", Region(x=0, y=0, size=200), r"gone\.tif"),
        ("text.png", None, r"text\.png cannot be read as an image"),
        ("../target.png", None, "leaves the collection's folder"),
    ):
        changed = settings.normalize_tiles.model_copy(update={"target": StainTarget(file=file, region=region)})
        with pytest.raises(PipelineError, match=what):
            target_stains(tmp_path, settings.collection, changed, ARM)


def test_left_out_tiles_are_counted_apart(prepare):
    counts = count_tiles(prepare())
    assert counts.to_dict("list") == {
        "split": ["test", "test", "train"],
        "label": [0, 0, 0],
        "left_out": ["", TOO_LITTLE, ""],
        "images": [1, 1, 2],
        "groups": [1, 1, 1],
    }


def test_the_status_of_a_slide_says_how_many_of_its_tiles_were_kept():
    status = pd.DataFrame({"name": ["a", "b", "c"], "status": ["ok", "ok", "empty"], "reason": ["", "", "no tissue"]})
    tiles = pd.DataFrame({"slide": ["a", "a", "b"], "reason": ["", "pale", "pale"]})
    table = add_prepared(status, tiles)
    assert table["prepared"].tolist() == [1, 0, 0]
    assert table["status"].tolist() == ["ok", "failed", "empty"]
    assert table["reason"].tolist() == ["pale", "pale", "no tissue"]


def test_examples_are_spread_over_the_slides_of_each_role():
    tiles = pd.DataFrame(
        {"slide": [f"n{i}" for i in range(7) for _ in "xy"] + ["t"], "role": ["train"] * 14 + ["test_tumour"]}
    )
    assert shown_slides(tiles) == ["n0", "n2", "n4", "n6", "t"]


def test_tiles_are_downsampled_by_areas_or_bilinearly(settings):
    checks = np.indices((384, 384)).sum(0).astype(np.uint8) % 2 * 255
    normalize = settings.normalize_tiles.model_copy(update={"method": "none"})
    settings = settings.model_copy(update={"normalize_tiles": normalize})
    by_areas = preparation_of(settings, None)
    assert np.unique(by_areas.shrink(np.dstack([checks] * 3))).tolist() == [128]
    ramp = np.dstack([np.tile(np.linspace(0, 255, 384).astype(np.uint8), (384, 1))] * 3)
    normalize = settings.normalize_tiles.model_copy(update={"downsampling": "bilinear"})
    bilinear = preparation_of(settings.model_copy(update={"normalize_tiles": normalize}), None)
    expected = np.asarray(Image.fromarray(ramp).resize((96, 96), Image.Resampling.BILINEAR))
    assert np.array_equal(bilinear.shrink(ramp), expected)
    assert not np.array_equal(bilinear.shrink(ramp), by_areas.shrink(ramp))


def rebuilt(tmp_path) -> Preparation:
    """What a program knows that has nothing but preparation.json."""
    return Preparation.model_validate_json((tmp_path / "prepared" / "preparation.json").read_bytes())


@pytest.mark.parametrize("changes", [{}, {"rescale_codes": True}, {"method": "none"}])
def test_a_prepared_tile_can_be_made_again_from_what_its_preparation_says(prepare, tmp_path, tile, changes):
    prepare(**changes)
    (tmp_path / "a.tif").unlink()  # the target's slide, too
    preparation, images = rebuilt(tmp_path), read_images(tmp_path / "prepared")
    with Slide(tmp_path / "b.tif", preparation.scale, ARM) as slide:
        read = slide.read(0, 0, preparation.tile_size)
    again = preparation.shrink(preparation.normalizer().normalize(read, "b_x0_y0"))
    assert np.array_equal(again, images.pixels[images.index["id"].tolist().index("b_x0_y0")])


def test_the_preparation_says_what_the_images_are_and_names_no_member_of_the_collection(prepare, tmp_path):
    prepare()
    content = read_images(tmp_path / "prepared").preparation
    assert {key: content[key] for key in ("kind", "unit", "image", "generated")} == {
        "kind": "slides", "unit": "slide", "image": "tile", "generated": True,
    }  # fmt: skip
    assert set(content["scale"]) == {"microns_per_pixel", "tolerance", "assumed_microns_per_pixel", "upsampling"}
    assert "warn" not in content["tissue"]
    assert content["tissue"]["microns_per_pixel"] == 64.0
    assert (content["tile_size"], content["normalize_tiles"]["working_size"]) == (384, 96)
    assert set(content["target"]) == {"matrix", "strength"}
    text = json.dumps(content)
    assert str(tmp_path) not in text
    assert ".tif" not in text
