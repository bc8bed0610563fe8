"""Whole slides that the user names as normal, which give slides a p."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import layout
from pipeline.commands import score
from pipeline.compute.tensor_files import read_tensors
from pipeline.scoring.slides import NO_SLIDES
from tests.data.slides.conftest import write_slide as write_slide  # noqa: PLC0414  (a fixture)
from tests.scoring.slide_chain import ARM, RUN, TILE, tissue

NORMALS = 6


@pytest.fixture
def elsewhere(in_folder: Path, chain: Path) -> Path:
    """An empty folder with the model's file and nothing else of the repository."""
    shutil.copy(chain / layout.calibrated(RUN), in_folder / "model.pt")
    return in_folder


@pytest.fixture
def slides(elsewhere: Path, write_slide: Callable) -> Path:
    """Normal slides to name, another one, and one of a tumour."""
    for number in range(NORMALS):
        write_slide(tissue(seed=number), f"normals/{number}.tif")
    write_slide(tissue(seed=100), "in/usual.tif")
    write_slide(tissue(seed=101, tumour=True), "in/odd.tif")
    return elsewhere


def run(*words: Any, named: str = "model.pt", out: str = "out") -> tuple[int, pd.DataFrame]:
    status = score.main([named, *map(str, words), "--out", out, "--device", "cpu", "--workers", "1"])
    table = pd.read_csv(f"{out}/results.csv", keep_default_na=False, na_values=[""]).set_index("name")
    return status, table


def test_a_slide_has_its_place_among_named_slides(slides: Path, capsys: pytest.CaptureFixture) -> None:
    status, table = run("in", "--normals", "normals", "--alpha", 0.15)
    assert status == 0
    known = pd.read_csv("out/normals.csv")
    assert known["counts"].sum() == NORMALS
    for _, row in table.iterrows():
        assert row["p"] == pytest.approx((1 + (known["score"] >= row["score"]).sum()) / (NORMALS + 1), abs=1e-6)
        assert row["percentile"] == pytest.approx(100 * (known["score"] < row["score"]).mean(), abs=1e-5)
        assert row["flagged"] == (row["p"] <= 0.15)
    assert table["q"].notna().all()
    assert table.loc["in/odd.tif", "flagged"]
    facts = json.loads(Path("out/run.json").read_bytes())
    assert facts["flagged"] == table["flagged"].sum()
    assert facts["slides"]["normals"] == NORMALS
    assert facts["slides"]["threshold"] == known["score"].max()
    assert facts["slides"]["p"] in capsys.readouterr().out
    assert facts["slides"]["p"].endswith(f"its place among the scores of {NORMALS} named normal slides")
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert f"those that score above {known['score'].max():.4g}" in page
    assert f"{NORMALS} named normals" in page


def test_the_named_slides_score_as_they_do_as_inputs(slides: Path) -> None:
    run("in", "--normals", "normals")
    _, table = run("normals", out="as_inputs")
    assert pd.read_csv("out/normals.csv")["score"].tolist() == table["score"].tolist()


def test_views_have_their_place_among_one_view_of_each_named_slide(slides: Path) -> None:
    run("in", "--normals", "normals", "--alpha", 0.15)
    _, table = run("normals", out="as_inputs")
    facts = json.loads(Path("out/run.json").read_bytes())
    assert facts["normals"] == NORMALS
    views = pd.read_csv("out/slides/odd.tif/views.csv")
    of_normals = [set(pd.read_csv(f"as_inputs/{folder}/views.csv")["score"]) for folder in table["folder"]]
    assert sum(facts["threshold"] in scores for scores in of_normals) == 1
    assert (views["flagged"] == (views["score"] > facts["threshold"])).all()
    assert (views["percentile"] * NORMALS / 100).round(4).isin(range(NORMALS + 1)).all()


def test_a_normal_slide_that_cannot_be_scored_and_a_picture_have_rows(slides: Path, write_slide: Callable) -> None:
    write_slide(np.full((768, 768, 3), 240, np.uint8), "normals/blank.tif")
    Image.fromarray(tissue(TILE, 0)).save("normals/tile.png")
    status, table = run("in", "--normals", "normals")
    assert status == 3
    assert table["p"].notna().all()
    known = pd.read_csv("out/normals.csv").set_index("name")
    assert "holds nothing to score" in known.loc["normals/blank.tif", "reason"]
    assert known.loc["normals/tile.png", "reason"] == (
        "normals/tile.png is no whole slide, and other normals are: name slides or pictures of tiles"
    )
    assert known["counts"].sum() == NORMALS


def test_pictures_of_tiles_give_tiles_a_p_and_slides_none(slides: Path, capsys: pytest.CaptureFixture) -> None:
    Path("tiles").mkdir()
    for number in range(8):
        Image.fromarray(tissue(TILE, 0, seed=number)).save(f"tiles/{number}.png")
    Image.fromarray(tissue(TILE, 0, seed=50)).save("in/tile.png")
    _, table = run("in", "--normals", "tiles")
    assert table["p"].notna().to_dict() == {"in/odd.tif": False, "in/tile.png": True, "in/usual.tif": False}
    assert NO_SLIDES in capsys.readouterr().out
    facts = json.loads(Path("out/run.json").read_bytes())
    assert facts["normals"] == 8
    assert "threshold" not in facts["slides"]


def test_a_picture_of_a_tile_has_its_place_among_a_view_of_each_named_slide(slides: Path) -> None:
    shutil.rmtree("in")
    Image.fromarray(tissue(TILE, 0, seed=50)).save("tile.png")
    status, table = run("tile.png", "--normals", "normals")
    assert status == 0
    facts = json.loads(Path("out/run.json").read_bytes())
    assert facts["normals"] == NORMALS
    assert (table["p"] * (NORMALS + 1)).round(4).isin(range(1, NORMALS + 2)).all()
    assert f"{NORMALS} named normals" in Path("out/report.html").read_text(encoding="utf-8")


def test_an_arms_seeds_are_averaged_view_by_view(slides: Path, chain: Path) -> None:
    shutil.copy(chain / "params.yaml", "params.yaml")
    Path("data").mkdir()
    Path("data/models").symlink_to(chain / "data/models")
    run("in", named=ARM)
    views = pd.read_csv("out/slides/odd.tif/views.csv").set_index(["x", "y"])["score"]
    each = []
    for seed in (0, 1):
        file = layout.calibrated(layout.run_name(ARM, "padim", seed))
        run("in", named=str(file), out=f"seed-{seed}")
        normals = read_tensors(file)["normals"].numpy()
        alone = pd.read_csv(f"seed-{seed}/slides/odd.tif/views.csv").set_index(["x", "y"])["score"]
        each.append((alone - normals.mean()) / normals.std())
    assert views.to_numpy() == pytest.approx(((each[0] + each[1]) / 2)[views.index].to_numpy(), rel=1e-5, abs=1e-5)


def test_an_arm_and_named_slides_go_together(slides: Path, chain: Path) -> None:
    shutil.copy(chain / "params.yaml", "params.yaml")
    Path("data").mkdir()
    Path("data/models").symlink_to(chain / "data/models")
    _, table = run("in", "--normals", "normals", "--alpha", 0.15, named=ARM)
    assert table.loc["in/odd.tif", "p"] == pytest.approx(1 / (NORMALS + 1), abs=1e-6)


def test_a_scale_that_does_not_fit_the_objective_is_doubted(elsewhere: Path, write_slide: Callable) -> None:
    for power in (40, 20, 2.5):  # 20x at 0.25 is what an adapter makes of it
        write_slide(
            tissue(), f"in/{power}.svs", description=f"Aperio Image Library v11\r\n768x768|AppMag = {power}|MPP = 0.25"
        )
    _, table = run("in")
    assert (table["status"] == "ok").all()
    assert table.loc[["in/40.svs", "in/20.svs"], "warnings"].fillna("").tolist() == ["", ""]
    assert table.loc["in/2.5.svs", "warnings"] == "0.25 µm/px do not fit its objective of 2.5x: is its scale right?"


def test_a_slide_most_of_whose_tiles_look_unlike_all_normals_is_doubted(slides: Path, write_slide: Callable) -> None:
    striped = tissue(seed=102)
    striped[:, np.arange(768) % 32 < 16] //= 2  # by a broken lamp
    write_slide(striped, "striped.tif")
    _, table = run("in/usual.tif", "striped.tif", "--normals", "normals")
    assert table.loc["striped.tif", "warnings"] == "100% of the tiles look unlike any named normal's"
    assert pd.isna(table.loc["usual.tif", "warnings"])
    _, few = run("striped.tif", "--normals", *sorted(Path("normals").iterdir())[:4], out="few")
    assert few["warnings"].isna().all()
