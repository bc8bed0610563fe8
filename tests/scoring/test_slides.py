"""Whole slides through the command, with a model that a chain of small slides made."""

import contextlib
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
import shapely
import torch
from openslide import OpenSlide
from PIL import Image
from tifffile import TiffFile

from pipeline import layout
from pipeline.commands import score
from pipeline.compute import workers
from pipeline.compute.tensor_files import read_tensors, write_tensors
from pipeline.errors import PipelineError
from pipeline.files import md5
from pipeline.scoring import slide_picture, whole_slide
from tests.data.dicoms import slide_level
from tests.data.slides.conftest import save_slide
from tests.import_closure import ROOT
from tests.scoring.slide_chain import ARM, RUN, SIDE, TILE, tissue
from tests.scoring.test_qupath import features_of


@pytest.fixture
def elsewhere(in_folder: Path, chain: Path) -> Path:
    """An empty folder with the model's file and nothing else of the repository."""
    shutil.copy(chain / layout.calibrated(RUN), in_folder / "model.pt")
    return in_folder


def run(*words: Any, out: str = "out") -> tuple[int, pd.DataFrame]:
    status = score.main(["model.pt", *map(str, words), "--out", out, "--device", "cpu", "--workers", "1"])
    return status, results(Path(out))


def results(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "results.csv", keep_default_na=False, na_values=[""]).set_index("name")


@pytest.fixture(scope="module")
def tumour(chain: Path) -> Path:
    """A slide of the chain with a tumour."""
    return chain / "data/raw" / ARM / "training/tumor/tumor_001.tif"


@pytest.fixture(scope="module")
def scored(chain: Path, tumour: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and, in ``out``, what it makes of the tumour; nothing may be changed in it.

    The model is given 40 held-out normals, since a collection this small has only two.
    """
    content = read_tensors(chain / layout.calibrated(RUN))
    low, high = content["normals"].min(), content["normals"].max()
    scores = torch.linspace(float(low), float(high), 40, dtype=torch.float64)
    folder = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(whole_slide, "SIDE", slide_picture.SIDE)  # as it is drawn for users
        write_tensors(Path("model.pt"), content | {"normals": scores})
        assert run(tumour)[0] == 0
    return folder


@pytest.fixture(scope="module")
def as_in_chain(chain: Path, tumour: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, pd.Series]:
    """A folder, in whose ``out`` the chain's model scored the tumour and a picture of one tile, as the chain had both.

    With it goes what was printed, and the tile's row of the chain's scores. Nothing may be changed in it.
    """
    known = pd.read_csv(chain / f"reports/scores/{RUN}.csv")
    tile = known[known["source"] == tumour.relative_to(chain / "data/raw" / ARM).as_posix()].iloc[0]
    x, y = map(int, tile["id"].rpartition("_x")[2].split("_y"))
    folder, printed = tmp_path_factory.mktemp("as_in_chain"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        shutil.copy(chain / layout.calibrated(RUN), "model.pt")
        with Image.open(tumour) as slide:
            slide.crop((x, y, x + TILE, y + TILE)).save(f"{tile['id']}.png")
        assert run(f"{tile['id']}.png", tumour)[0] == 0
    return folder, printed.getvalue(), tile


@pytest.mark.slow
def test_the_middle_view_of_a_tile_scores_as_it_did_in_the_chain(elsewhere: Path, chain: Path) -> None:
    known = pd.read_csv(chain / f"reports/scores/{RUN}.csv")
    slides = chain / "data/raw" / ARM
    status, table = run(*(slides / source for source in known["source"].unique()))
    assert status == 0
    middle = TILE // 3
    for source, tiles in known.groupby("source"):
        views = pd.read_csv(f"out/{table.loc[Path(source).name, 'folder']}/views.csv").set_index(["x", "y"])
        assert (views["size"] == middle).all()
        corners = tiles["id"].str.extract(r"_x(\d+)_y(\d+)$").astype(int) + middle
        found = views.loc[[tuple(corner) for corner in corners.to_numpy()], "score"]
        assert found.tolist() == tiles["score"].tolist()


def test_all_of_the_tissue_is_scored_and_summed_up(scored: Path) -> None:
    row = results(scored / "out").loc["tumor_001.tif"]
    views = pd.read_csv(scored / "out/slides/tumor_001.tif/views.csv")
    assert row["views"] == len(views) == views.drop_duplicates(["x", "y"]).shape[0]
    assert len(views) % 9 == 0
    assert 0.7 < row["tissue_scored"] <= 1
    assert row["highest_view"] == views["score"].max()
    assert row["upper_quantile"] == pytest.approx(views["score"].quantile(0.99), rel=1e-5)
    assert row["flagged_share"] == pytest.approx(views["flagged"].mean(), abs=1e-6)
    assert views["score"].median() < row["score"] < row["highest_view"]
    facts = json.loads((scored / "out/run.json").read_bytes())
    normal = read_tensors(scored / "model.pt")["normals"].numpy()
    assert views["percentile"].tolist() == pytest.approx([100 * (normal < s).mean() for s in views["score"]], abs=1e-5)
    assert (views["flagged"] == (views["score"] > facts["threshold"])).all()


def test_a_slide_has_no_p_since_the_models_normals_are_tiles(as_in_chain: tuple[Path, str, pd.Series]) -> None:
    folder, printed, _ = as_in_chain
    row = results(folder / "out").loc["tumor_001.tif"]
    assert row[["p", "q", "percentile", "appearance_p"]].isna().all()
    assert not row["flagged"]
    facts = json.loads((folder / "out/run.json").read_bytes())
    assert facts["slides"]["rule"] == "the highest mean of 3×3 neighbouring views"
    assert facts["slides"]["p"].startswith("a slide has no p and is not flagged: the model's normals are tiles")
    assert facts["slides"]["p"] in printed
    # two held-out slides are too few to flag anything at 5 %
    assert not facts["slides"]["views_can_be_flagged"]
    assert pd.isna(row["flagged_share"])
    assert pd.read_csv(folder / "out/slides/tumor_001.tif/views.csv")["flagged"].isna().all()


def made(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


INPUTS = ("a.tif", "b.tif")
# A slide that is drawn fast has three portions then, and what is written of it is written long enough to be hit.
SMALLER = {"TILES": 8, "SIDE": 600}


@pytest.fixture(scope="module")
def undisturbed(chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, two slides of three portions each and, in ``out``, what an undisturbed run makes of them.

    Nothing may be changed in it.
    """
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in SMALLER.items():
            patch.setattr(whole_slide, name, value)
        shutil.copy(chain / layout.calibrated(RUN), "model.pt")
        for seed, name in enumerate(INPUTS, 1):
            save_slide(Path(name), tissue(5 * TILE, margin=0, seed=seed))
        assert run(*INPUTS)[0] == 0
    return folder


@pytest.fixture
def again(undisturbed: Path, in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to score the same slides in."""
    for name, value in SMALLER.items():
        monkeypatch.setattr(whole_slide, name, value)
    for file in ("model.pt", *INPUTS):
        shutil.copy(undisturbed / file, file)
    return in_folder


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_an_interrupted_one_goes_on(
    undisturbed: Path, again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    real = whole_slide._portion

    def interrupted(*arguments: Any) -> Any:
        if len(counted) == 4:  # in the midst of the second slide
            raise KeyboardInterrupt
        counted.append(arguments)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(whole_slide, "_portion", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(*INPUTS)
    left = len([*Path("out/.parts").glob("*.npz")]), len([*Path("out/.parts").glob("*/*.npz")])
    assert left[0] == 1
    assert left[1] == 4 - 3
    counted.clear()
    with monkeypatch.context() as patch:
        patch.setattr(whole_slide, "_portion", lambda *arguments: counted.append(0) or real(*arguments))
        run(*INPUTS)
    assert len(counted) == 2
    assert made(again / "out") == made(undisturbed / "out")


# Files that appear one after the other, of a first slide a and a second one b.
MOMENTS = [
    ".parts/model",  # nothing was scored
    ".parts/*/000000.npz",  # in the midst of a slide
    ".parts/*.npz",  # it is scored, and not written
    "slides/a.tif/overlay.png",  # it is, and the other one not scored
    "slides/b.tif/slide.json",  # all is scored, and not all written
]


def score_and_kill(folder: Path) -> None:
    """Start the command once for each moment, and kill it with its workers when that comes.

    It is forked from this process, so that nothing is imported twice; this one therefore has to be without threads.
    """
    os.chdir(folder)
    workers.compute_with_one_thread()
    workers.START = "fork"
    vars(whole_slide).update(SMALLER)
    words = ["model.pt", *INPUTS, "--out", "out", "--device", "cpu", "--workers", "1"]
    for moment in MOMENTS:
        process = multiprocessing.get_context("fork").Process(target=score.main, args=(words,))
        process.start()
        assert process.pid
        os.setpgid(process.pid, process.pid)  # and that of its workers, whom it has not started yet
        while not [*Path("out").glob(moment)] and process.is_alive():
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"it ended before {moment}"


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_same_bytes(undisturbed: Path, again: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as alone:
        alone.submit(score_and_kill, again).result()
    assert not Path("out/run.json").exists()
    run(*INPUTS)
    assert made(again / "out") == made(undisturbed / "out")


def test_a_picture_of_one_tile_is_scored_like_an_image(as_in_chain: tuple[Path, str, pd.Series]) -> None:
    folder, _, known = as_in_chain
    row = results(folder / "out").loc[f"{known['id']}.png"]
    assert row["score"] == known["score"]
    assert row["p"] > 0


def marked(size: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Glass with a square of one colour in its middle."""
    image = np.full((768, 768, 3), 240, np.uint8)
    image[384 - size // 2 : 384 + size // 2, 384 - size // 2 : 384 + size // 2] = colour
    return image


def test_a_slide_that_cannot_be_scored_says_why_and_the_others_go_on(elsewhere: Path, write_slide: Callable) -> None:
    purple = (120, 60, 140)
    write_slide(tissue(), "in/fine.tif")
    write_slide(tissue(), "in/unscaled.tif", microns=None)
    write_slide(tissue(), "in/coarse.tif", microns=0.5)
    write_slide(marked(0, purple), "in/blank.tif")
    write_slide(marked(60, purple), "in/speck.tif")
    write_slide(marked(300, purple), "in/thin.tif")
    write_slide(marked(600, purple), "in/one_colour.tif")
    Path("out/slides/blank.tif").mkdir(parents=True)  # of an earlier run, when it was not blank
    Path("out/.parts").mkdir()
    Path("out/.parts/model").write_text(md5(Path("model.pt")), encoding="utf-8")
    cut = write_slide(tissue(seed=1), "in/cut.tif", factors=())
    cut.write_bytes(cut.read_bytes()[:-900_000])
    Image.fromarray(tissue(400)).save("in/small.png")
    Image.fromarray(tissue(TILE)).convert("L").save("in/gray.png")
    Path("in/notes.txt").write_text("mine", encoding="utf-8")
    status, table = run("in")
    assert status == 3
    assert table.loc["in/fine.tif", "status"] == "ok"
    says = {
        "unscaled.tif": "does not tell its µm/px: give it by --microns-per-pixel",
        "coarse.tif": "has 0.5 µm/px, coarser than the model's 0.25",
        "blank.tif": "holds nothing to score: the slide is uniform",
        "speck.tif": "holds nothing to score: no tissue is left after clearing border, opening and dropping",
        "thin.tif": "has tissue, but no tile of which 100% is tissue, as the model wants it",
        "one_colour.tif": "has too little stain in all of its",
        "cut.tif": "cannot be opened as a slide",
        "small.png": "is no whole slide that OpenSlide reads, and with 400×400 px no picture of one tile either",
        "gray.png": "has no colour",
        "notes.txt": "is neither a whole slide that OpenSlide reads nor a picture of one tile",
    }
    failed = table[table["status"] == "failed"]
    assert {*failed.index} == {f"in/{name}" for name in says}
    for name, reason in says.items():
        assert f"{name} {reason}" in failed.loc[f"in/{name}", "reason"]
    assert failed[["score", "views", "folder"]].isna().all(axis=None)
    assert {file.name for file in Path("out/slides").iterdir()} == {"fine.tif"}


def test_the_scale_of_a_slide_that_states_none_can_be_given(elsewhere: Path, write_slide: Callable) -> None:
    write_slide(tissue(), "stated.tif")
    write_slide(tissue(), "unstated/stated.tif", microns=None)
    status, table = run("stated.tif", "unstated", "--microns-per-pixel", 0.25)
    assert status == 0
    given, stated = table.loc["unstated/stated.tif"], table.loc["stated.tif"]
    assert given["score"] == stated["score"]
    assert given["warnings"] == "scale given by --microns-per-pixel"
    assert given["folder"] != stated["folder"]
    with pytest.raises(PipelineError, match=r"--microns-per-pixel is 250, but slides have 0\.02 to 100 µm/px"):
        run("stated.tif", "--microns-per-pixel", 250)


def test_tiles_with_too_little_stain_are_left_out_and_counted(elsewhere: Path, write_slide: Callable) -> None:
    image = tissue(margin=0)
    image[: TILE + 96] = (150, 150, 150)  # dark, but no stain
    write_slide(image, "slide.tif")
    _, table = run("slide.tif")
    assert table["warnings"].str.contains("4 tiles with too little stain were left out").all()
    views = pd.read_csv("out/slides/slide.tif/views.csv")
    assert views["y"].min() == TILE
    assert len(views) <= 9 * 12
    assert len(views) / 9 / 16 <= table["tissue_scored"].item() < 12 / 16


def test_the_picture_shows_where_the_views_are_and_has_the_colours_of_held_out_normals(
    scored: Path, tumour: Path
) -> None:
    with Image.open(scored / "out/slides/tumor_001.tif/overlay.png") as picture:
        drawn = np.asarray(picture).astype(int)
    assert drawn.shape == (1500, 1500, 3)
    facts = json.loads((scored / "out/run.json").read_bytes())
    colours = facts["slides"]["colours"]
    assert (colours["dark"] + colours["bright"]) / 2 == pytest.approx(facts["threshold"])
    assert colours["meaning"].endswith("half bright the threshold")
    views = pd.read_csv(scored / "out/slides/tumor_001.tif/views.csv")
    middles = ((views[["y", "x"]] + views["size"].iloc[0] / 2) / (SIDE / 1500)).astype(int).to_numpy()
    with Image.open(tumour) as slide:
        plain = np.asarray(slide.convert("RGB").resize((1500, 1500), Image.Resampling.BOX)).astype(int)
    change = np.abs(drawn - plain).max(axis=2)
    rows, columns = middles.T
    assert (change[rows, columns] > 10).mean() > 0.9
    covered = np.zeros((1500, 1500), bool)
    for x, y, size in views[["x", "y", "size"]].to_numpy():
        left, top, right, bottom = (np.array([x, y, x + size, y + size]) / (SIDE / 1500)).round().astype(int)
        covered[top:bottom, left:right] = True
    assert np.median(change[~covered]) <= 2
    # a bright view is one with a high score
    brightness = drawn[rows, columns].mean(axis=1) - plain[rows, columns].mean(axis=1) / 2
    assert np.corrcoef(views["score"], brightness)[0, 1] > 0.5


def test_qupath_finds_each_view_as_a_tile_with_measurements_and_flagged_ones_joined(scored: Path) -> None:
    folder = scored / "out/slides/tumor_001.tif"
    views = pd.read_csv(folder / "views.csv")
    features = features_of(folder / "regions.geojson")
    assert len({str(UUID(feature["id"])) for feature in features}) == len(features)
    by_type = {kind: [f for f in features if f["properties"]["objectType"] == kind] for kind in ("annotation", "tile")}
    assert sum(map(len, by_type.values())) == len(features)
    boxes = shapely.box(views["x"], views["y"], views["x"] + views["size"], views["y"] + views["size"])
    tiles = shapely.from_geojson([json.dumps(tile["geometry"]) for tile in by_type["tile"]])
    assert shapely.equals(tiles, boxes).all()
    measured = pd.DataFrame([tile["properties"]["measurements"] for tile in by_type["tile"]])
    assert measured["Score"].tolist() == views["score"].tolist()
    assert measured["Percentile"].tolist() == views["percentile"].tolist()
    regions = shapely.from_geojson([json.dumps(region["geometry"]) for region in by_type["annotation"]])
    assert len(regions) > 1
    assert shapely.is_valid(regions).all()
    assert shapely.equals(shapely.union_all(regions), shapely.union_all(boxes[views["flagged"]]))
    of_regions = [region["properties"] for region in by_type["annotation"]]
    assert sum(region["measurements"]["Views"] for region in of_regions) == views["flagged"].sum()
    assert max(region["measurements"]["Highest score"] for region in of_regions) == views["score"].max()
    assert all(region["classification"] == {"name": "Flagged", "color": [220, 0, 0]} for region in of_regions)


def test_the_heat_map_has_a_pixel_per_view_at_its_scale(scored: Path) -> None:
    folder = scored / "out/slides/tumor_001.tif"
    views = pd.read_csv(folder / "views.csv")
    with TiffFile(folder / "heatmap.tiff") as tiff:
        page = tiff.pages[0]
        scores = page.asarray()
        assert page.is_tiled
        across, centimetre = page.tags["XResolution"].value
        assert 1e4 * centimetre / across == pytest.approx(64 * 0.25)  # µm
        assert page.tags["ResolutionUnit"].value == 3  # centimetre
    assert scores.shape == (SIDE // 64, SIDE // 64)
    assert scores[views["y"] // 64, views["x"] // 64].tolist() == pytest.approx(views["score"].tolist(), rel=1e-6)
    assert np.isfinite(scores).sum() == len(views)


MEASURED = """
import sys
from pathlib import Path
from pipeline.commands import score
from pipeline.scoring import whole_slide
# In this process, so that all memory is its own.
whole_slide.process_all = lambda job, items, *others, **named: (job(item) for item in items)
for slide in sys.argv[1:]:
    score.main(["model.pt", slide, "--out", slide + ".out", "--device", "cpu"])
    status = Path("/proc/self/status").read_text().split()
    print("MB:", int(status[status.index("VmHWM:") + 1]) / 1024)  # not ru_maxrss, which begins at what the parent has
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux, which tells the most memory held")
def test_memory_does_not_grow_with_the_slide(elsewhere: Path, write_slide: Callable) -> None:
    content = read_tensors(Path("model.pt"))
    plain = {**content["preparation"]["normalize_tiles"], "method": "none"}  # which is faster
    preparation = {**content["preparation"], "normalize_tiles": plain, "target": None}
    write_tensors(Path("model.pt"), {**content, "preparation": preparation})
    pattern, names = tissue(margin=0), {2: "small.tif", 8: "large.tif"}  # 7 and 113 MB of pixels
    for times, name in names.items():
        write_slide(np.tile(pattern, (times, times, 1)), name, factors=(8,))
    command, environment = [sys.executable, "-c", MEASURED, *names.values()], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert all(f"{name}.out" in done.stdout for name in names.values())
    small, large = map(float, re.findall("^MB: (.*)$", done.stdout, re.MULTILINE))
    assert large < small + 40  # MB


@pytest.mark.skipif("PIPELINE_REAL_DATA" not in os.environ, reason="needs PIPELINE_REAL_DATA")
def test_a_real_slide_of_another_scale_is_scored(elsewhere: Path) -> None:
    """Its 0.499 µm/px are twice those of the model, which would refuse it."""
    slide = Path(os.environ["PIPELINE_REAL_DATA"]) / "slides/CMU-1-Small-Region.svs"
    status, table = run(slide)
    assert status == 1
    assert "has 0.499 µm/px, coarser than the model's 0.25" in table["reason"].item()
    content = read_tensors(Path("model.pt"))
    scale = {**content["preparation"]["scale"], "microns_per_pixel": 0.5}
    # a mask pixel is as many pixels as it was
    tissue_steps = {**content["preparation"]["tissue"], "microns_per_pixel": 32.0}
    preparation = {**content["preparation"], "scale": scale, "tissue": tissue_steps}
    write_tensors(Path("model.pt"), {**content, "preparation": preparation})
    shutil.rmtree("out")
    status, table = run(slide)
    assert status == 0
    row = table.iloc[0]
    assert row["score"] > 0
    assert row["tissue_scored"] > 0.4
    assert row["views"] == len(pd.read_csv(Path("out", row["folder"], "views.csv")))
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert page.count("<article") == 1
    assert page.count("<img") == 5  # the slide, its heat map, and three places
    assert str(slide.parent) not in page
    where = json.loads(Path("out", row["folder"], "slide.json").read_bytes())
    assert where["highest"][0]["score"] == row["score"]
    with OpenSlide(slide) as opened:
        for place in where["highest"]:
            with Image.open(Path("out", row["folder"], place["picture"])) as picture:
                shown = np.asarray(picture).astype(int)
            region = np.asarray(opened.read_region((place["x"], place["y"]), 0, (place["size"], place["size"])))
            inside = region[..., 3] == 255  # of the slide
            assert np.abs(shown - region[..., :3])[inside].mean() < 8  # it is a JPEG
    assert {file.name for file in Path("out", row["folder"]).iterdir()} == {
        "heatmap.tiff", "highest_1.jpg", "highest_2.jpg", "highest_3.jpg", "overlay.png", "overview.jpg",
        "regions.geojson", "slide.json", "views.csv",
    }  # fmt: skip


def test_the_files_of_a_slide_in_dicom_are_scored_as_one_slide(elsewhere: Path, write_slide: Callable) -> None:
    Path("in").mkdir()
    levels = {"b.dcm": (tissue(1024)[::2, ::2], 0.5), "a.dcm": (tissue(1024), 0.25)}
    for name, (image, microns) in levels.items():
        Path("in", name).write_bytes(slide_level(np.ascontiguousarray(image), microns))
    write_slide(tissue(1024), "in/same.tif")
    status, table = run("in")
    assert status == 0
    assert [*table.index] == ["in/a.dcm", "in/same.tif"]
    assert table.loc["in/a.dcm", "views"] == table.loc["in/same.tif", "views"] > 0
    assert table.loc["in/a.dcm", "score"] == pytest.approx(table.loc["in/same.tif", "score"], rel=0.2)
