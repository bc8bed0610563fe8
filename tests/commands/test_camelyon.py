"""Judging the slides of a challenge by the command, with scores that a model gave them and with written ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from sklearn.metrics import roc_auc_score

from pipeline import layout
from pipeline.commands import camelyon, score
from pipeline.data.inventory import make_inventory
from pipeline.data.slides.annotations import read_lesions
from pipeline.demo.slides import make_slides
from pipeline.params.demo import DemoSlides
from pipeline.scoring import whole_slide
from stages import fit_and_score, normalize_tiles, sample_tiles, tissue_masks
from tests.camelyon.collection import OUT, add_slide, list_files, outlines, write_results
from tests.in_process import Done, call
from tests.shipped import shipped, shipped_slides, with_values, write

ARM = "demo_slides"
SIDE = 2304
RUN = layout.run_name(ARM, "padim", 0)
SETTINGS = {
    "collection.validation_tumour": ["tumor_001"],
    "collection.validation_share": 0.5,
    "tissue_masks.microns_per_pixel": 16.0,
    "sample_tiles.tile_size": 192,  # px, 3 mask pixels; shown at 48 px, of which a view is 16
    "normalize_tiles.working_size": 48,
    "normalize_tiles.target": {
        "file": "training/normal/normal_001.tif",
        "region": {"x": 384, "y": 384, "size": 768},
    },
    "evaluate.heat_map_top": {},
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's folder, in which PaDiM was fitted to drawn slides and has scored those of the test."""
    folder = tmp_path_factory.mktemp("challenge")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(whole_slide, "SIDE", 300)  # to encode a picture of a slide takes longer than to score it
        raw = layout.RAW / ARM
        make_slides(raw, DemoSlides(normal=4, tumour=1, test_normal=2, test_tumour=2, blank=0, size=SIDE), 0, 1)
        content = with_values(
            ("demo_data.slides.size", SIDE), *((f"arms/{ARM}.yaml:{key}", value) for key, value in SETTINGS.items())
        )
        content["params.yaml"] |= {"seeds": [0], "detectors": ["padim"], "quick_detectors": []}
        content["params.yaml"]["arms"] = {"slides": [ARM], "xrays": [], "folders": [], "train": [ARM]}
        padim = content[f"arms/{ARM}.yaml"]["detectors"]["padim"]
        content[f"arms/{ARM}.yaml"]["detectors"] = {"padim": padim | {"side": 16, "input_size": 32, "channels": 16}}
        write(content)
        make_inventory(raw, layout.inventory(ARM), Path("scratch.json"))
        for stage in (tissue_masks, sample_tiles, normalize_tiles):
            stage.main(ARM)
        fit_and_score.main(ARM, "padim")
        words = [str(layout.calibrated(RUN)), str(raw / "testing/images"), "--out", "scored", "--device", "cpu"]
        assert score.main([*words, "--workers", "1"]) == 0
    return folder


@pytest.mark.slow
def test_slides_that_a_model_has_scored_are_judged(scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scored)
    before = sorted(Path("scored").rglob("*"))
    assert camelyon.main(["scored", "--arm", ARM]) == 0
    assert [path for path in sorted(Path("scored").rglob("*")) if "camelyon" not in path.parts] == before
    folder = Path("scored/camelyon")
    figures = json.loads((folder / "figures.json").read_bytes())
    reference = pd.read_csv(layout.RAW / ARM / "testing/reference.csv", header=None, index_col=0)[1]
    slides = pd.read_csv(folder / "slides.csv", header=None, index_col=0)[1]
    assert figures["roc_auc"]["value"] == roc_auc_score(reference[slides.index] == "Tumor", slides)
    assert figures["lesions"] == {"counted": 2, "hit": 2, "isolated_tumour_cells": 0}
    assert all(0 <= froc["value"] <= 1 for froc in figures["froc"].values())
    # of each slide the places; of one with metastases, some lie in its lesion, and some do not
    for name in reference.index:
        places = pd.read_csv(folder / f"lesions/{name}.csv", header=None, names=["confidence", "x", "y"])
        assert places[["x", "y"]].to_numpy().dtype == np.int64
        assert places["confidence"].is_monotonic_decreasing
        assert places["x"].between(0, SIDE).all()
        if reference[name] == "Tumor":
            outline = layout.RAW / ARM / f"testing/lesion_annotations/{name}.xml"
            area = read_lesions(outline, shipped_slides(ARM).sample_tiles, ARM).area
            inside = shapely.contains_xy(area, places["x"], places["y"])
            assert 0 < inside.sum() < len(places)
    made = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert {file.name for file in folder.iterdir()} == {
        "figures.json",
        "froc.png",
        "lesions",
        "report.md",
        "slides.csv",
    }
    shutil.rmtree(folder)
    camelyon.main(["scored", "--arm", ARM])
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == made


@pytest.fixture
def written(in_folder: Path) -> Path:
    """A repository's folder with results of two of three slides of a collection."""
    write(shipped())
    add_slide("test_001", annotation=outlines((1000, 1000, 1400)))
    add_slide("test_002")
    add_slide("test_003")
    list_files({"test_001": "Tumor", "test_002": "Normal", "test_003": "Normal"})
    write_results({"test_001": 2.0, "test_002": 1.0, "normal_001": 1.5})
    return in_folder


def run(*words: str, folder: Path) -> Done:
    return call("camelyon", *words, folder=folder)


def test_what_is_missing_is_counted_and_the_status_says_so(written: Path) -> None:
    done = run(str(OUT), folder=written)
    assert done.returncode == 3
    assert "**Missing test slides: 1, and no figure is of the whole test set.** test_003 (it is" in done.stdout
    assert "Left out: normal_001 (it is no test slide)." in done.stdout
    assert done.stdout.rstrip("\n") == (OUT / "camelyon/report.md").read_text(encoding="utf-8").rstrip("\n")
    figures = json.loads((OUT / "camelyon/figures.json").read_bytes())
    assert figures["missing"] == {"test_003": "it is not among the results"}
    assert figures["model"] == {"detector": "padim", "md5": "0" * 32, "name": "calibrated.pt"}


def test_a_folder_without_results_says_how_to_score(written: Path) -> None:
    done = run("nowhere", folder=written)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("error: nowhere/run.json is missing: score the test slides with a model of slides")
    (OUT / "run.json").write_text("{}", encoding="utf-8")
    assert "out/run.json does not say detector: score the test slides" in run(str(OUT), folder=written).stderr


def test_an_arm_of_another_kind_or_layout_is_refused(written: Path) -> None:
    assert "kind is xrays" in run(str(OUT), "--arm", "nih_pa", folder=written).stderr
    empty = {"validation_tumour": [], "not_exhaustively_annotated": []}
    content = shipped()
    content["arms/camelyon16.yaml"]["collection"] |= {"table": "slides.csv"} | empty
    write(content)
    done = run(str(OUT), folder=written)
    assert "slides.csv describes, which is not in Camelyon16's layout: name another arm by --arm" in done.stderr


def test_a_collection_that_was_never_listed_says_how(written: Path) -> None:
    layout.inventory("camelyon16").unlink()
    done = run(str(OUT), folder=written)
    assert done.stderr.startswith("error: data/raw/inventory/camelyon16.csv is missing: run `make check-data`")
