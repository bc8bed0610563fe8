from functools import partial

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.images import read_images
from pipeline.params import StainTarget
from pipeline.slides.preparing import count_tiles, normalize_slide, prepare_tiles, read_tiles, target_normalizer
from pipeline.slides.tiles import COLUMNS

ARM = "demo_slides"


@pytest.fixture
def collection(tmp_path, write_slide, tile):
    """Two slides of 2×1 tiles of 384 px; the last tile of the second is empty."""
    both = np.hstack([tile, tile[::-1]])
    write_slide(both, "a.tif")
    write_slide(np.hstack([tile, np.full_like(tile, 250)]), "b.tif")
    slides = (("a", "train"), ("b", "test"))
    rows = [(name, f"{name}.tif", split, 0, x, 0, 0.25, 1.0, 0.0) for name, split in slides for x in (0, 384)]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture
def settings(params):
    target = StainTarget(slide="a.tif", x=0, y=0, size=384)
    return params.normalize_tiles[ARM].model_copy(update={"target": target, "working_size": 96})


@pytest.fixture
def job(tmp_path, params, settings):
    def make():
        normalizer = target_normalizer(tmp_path, params.slides[ARM], settings, ARM)
        return partial(
            normalize_slide, root=tmp_path, slides=params.slides[ARM], arm=ARM, sizes=(384, 96), normalizer=normalizer
        )

    return make


def test_tiles_are_normalised_and_shrunk_and_empty_ones_left_out_with_a_reason(collection, job):
    result = job()(collection[2:].reset_index(drop=True))
    assert result.images.shape == (1, 96, 96, 3)
    assert result.kept == [0]
    assert result.reasons == {1: "too little stain: hardly any pixel is tissue"}
    assert result.example.shape == (96, 96, 3)


def test_a_broken_slide_gives_reasons_not_a_crash(collection, job, tmp_path):
    make = job()
    (tmp_path / "b.tif").write_bytes(b"broken")
    result = make(collection[2:].reset_index(drop=True))
    assert len(result.images) == 0
    assert all("b.tif" in reason for reason in result.reasons.values())


@pytest.mark.slow
def test_the_prepared_array_holds_the_kept_tiles_whatever_the_number_of_workers(collection, job, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.slides.masking.ALLOWED_FAILURES", 0.5)
    tiles, examples = prepare_tiles(collection, tmp_path / "one", job(), 1)
    prepare_tiles(collection, tmp_path / "two", job(), 2)
    images = read_images(tmp_path / "one")
    assert images.index["id"].tolist() == ["a_x0_y0", "a_x384_y0", "b_x0_y0"]
    assert images.pixels.shape == (3, 96, 96, 3)
    assert np.array_equal(images.pixels[0], examples["a"][1])
    for name in ("images.npy", "index.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    counts = count_tiles(tiles)
    assert counts["images"].tolist() == [1, 1, 2]
    assert counts["left_out"].tolist()[1].startswith("too little stain")


def test_too_many_left_out_tiles_stop_the_stage_and_leave_nothing(collection, job, tmp_path):
    with pytest.raises(PipelineError, match="1 of 4 failed"):
        prepare_tiles(collection, tmp_path / "prepared", job(), 1)
    assert not (tmp_path / "prepared").exists()


def test_a_target_outside_its_slide_or_without_stain_is_named(collection, tmp_path, params, settings):
    for target, what in (
        (StainTarget(slide="a.tif", x=700, y=0, size=384), "ends outside"),
        (StainTarget(slide="b.tif", x=400, y=0, size=200), "choose a well stained region"),
        (StainTarget(slide="gone.tif", x=0, y=0, size=200), r"gone\.tif"),
    ):
        changed = settings.model_copy(update={"target": target})
        with pytest.raises(PipelineError, match=what):
            target_normalizer(tmp_path, params.slides[ARM], changed, ARM)


def test_the_table_of_tiles_is_read_in_order_of_slide_row_and_column(collection, tmp_path):
    collection.sample(frac=1, random_state=0).to_csv(tmp_path / "tiles.csv", index=False)
    assert read_tiles(tmp_path / "tiles.csv")[["slide", "x"]].equals(collection[["slide", "x"]])
    with pytest.raises(PipelineError, match="sample_tiles"):
        read_tiles(tmp_path / "gone.csv")
