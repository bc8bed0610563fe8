"""Whole slides that the user names as normal, which give slides a p."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
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
from tests.data.slides.conftest import save_slide
from tests.scoring.slide_chain import ARM, RUN, TILE, tissue

NORMALS = 6


@pytest.fixture
def elsewhere(in_folder: Path, chain: Path) -> Path:
    """An empty folder with the model's file and nothing else of the repository."""
    shutil.copy(chain / layout.calibrated(RUN), in_folder / "model.pt")
    return in_folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normal slides to name, and of others a usual one, one of a tumour, and one of a scanner with a broken lamp."""
    folder = tmp_path_factory.mktemp("drawn")
    for number in range(NORMALS):
        save_slide(folder / f"normals/{number}.tif", tissue(seed=number))
    save_slide(folder / "in/usual.tif", tissue(seed=100))
    save_slide(folder / "in/odd.tif", tissue(seed=101, tumour=True))
    striped = tissue(seed=102)
    striped[:, np.arange(768) % 32 < 16] //= 2
    save_slide(folder / "striped/striped.tif", striped)
    return folder


@pytest.fixture
def slides(elsewhere: Path, drawn: Path) -> Path:
    """A folder with the drawn slides and the model's file."""
    shutil.copytree(drawn, elsewhere, dirs_exist_ok=True)
    return elsewhere


def run(*words: Any, named: str = "model.pt", out: str = "out") -> tuple[int, pd.DataFrame]:
    status = score.main([named, *map(str, words), "--out", out, "--device", "cpu", "--workers", "1"])
    table = pd.read_csv(f"{out}/results.csv", keep_default_na=False, na_values=[""]).set_index("name")
    return status, table


@dataclass(frozen=True)
class Judged:
    """What was made of all drawn slides: by the normals among them in ``out``, of the normals in ``as_inputs``."""

    status: int
    table: pd.DataFrame
    of_normals: pd.DataFrame
    printed: str
    folder: Path


@pytest.fixture(scope="module")
def judged(chain: Path, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder, printed = tmp_path_factory.mktemp("judged"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        shutil.copy(chain / layout.calibrated(RUN), "model.pt")
        words = (drawn / "in", drawn / "striped", "--normals", drawn / "normals")
        status, table = run(*words, "--alpha", 0.15)
        _, of_normals = run(drawn / "normals", out="as_inputs")
    return Judged(status, table, of_normals, printed.getvalue(), folder)


def test_a_slide_has_its_place_among_named_slides(judged: Judged) -> None:
    assert judged.status == 0
    table, out = judged.table, judged.folder / "out"
    known = pd.read_csv(out / "normals.csv")
    assert known["counts"].sum() == NORMALS
    for _, row in table.iterrows():
        assert row["p"] == pytest.approx((1 + (known["score"] >= row["score"]).sum()) / (NORMALS + 1), abs=1e-6)
        assert row["percentile"] == pytest.approx(100 * (known["score"] < row["score"]).mean(), abs=1e-5)
        assert row["flagged"] == (row["p"] <= 0.15)
    assert table["q"].notna().all()
    assert table.loc["in/odd.tif", "flagged"]
    facts = json.loads((out / "run.json").read_bytes())
    assert facts["flagged"] == table["flagged"].sum()
    assert facts["slides"]["normals"] == NORMALS
    assert facts["slides"]["threshold"] == known["score"].max()
    assert facts["slides"]["p"] in judged.printed
    assert facts["slides"]["p"].endswith(f"its place among the scores of {NORMALS} named normal slides")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"those that score above {known['score'].max():.4g}" in page
    assert f"{NORMALS} named normals" in page


def test_the_named_slides_score_as_they_do_as_inputs(judged: Judged) -> None:
    known = pd.read_csv(judged.folder / "out/normals.csv")
    assert known["score"].tolist() == judged.of_normals["score"].tolist()


def test_views_have_their_place_among_one_view_of_each_named_slide(judged: Judged) -> None:
    facts = json.loads((judged.folder / "out/run.json").read_bytes())
    assert facts["normals"] == NORMALS
    views = pd.read_csv(judged.folder / "out/slides/odd.tif/views.csv")
    as_inputs = judged.folder / "as_inputs"
    of_normals = [set(pd.read_csv(as_inputs / folder / "views.csv")["score"]) for folder in judged.of_normals["folder"]]
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


def test_a_slide_most_of_whose_tiles_look_unlike_all_normals_is_doubted(judged: Judged, slides: Path) -> None:
    warnings = judged.table["warnings"]
    assert warnings["striped/striped.tif"] == "100% of the tiles look unlike any named normal's"
    assert pd.isna(warnings["in/usual.tif"])
    _, few = run("striped", "--normals", *sorted((slides / "normals").iterdir())[:4], out="few")
    assert few["warnings"].isna().all()
