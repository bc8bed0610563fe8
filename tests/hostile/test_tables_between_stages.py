"""split.csv, tiles.csv, status.csv, metrics.json and the other tables that one stage hands to another."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.arms import read_arm
from pipeline.commands import adopt
from pipeline.data.slides.masks import read_mask
from pipeline.data.slides.status import read_status
from pipeline.data.slides.tiles import read_tiles
from pipeline.data.xrays.splits import read_split
from pipeline.evaluation.breakdown import read_breakdown
from pipeline.files import write_csv
from pipeline.reporting.facts import arm_facts, detector_facts
from pipeline.reporting.html import html_page
from pipeline.reporting.plots import plot_detector
from pipeline.reporting.summary import read_results
from pipeline.tuning.tables import read_scores
from tests.hostile.inputs import put
from tests.hostile.oracle import Gives, Line, judge, lines
from tests.import_closure import ROOT

SPLIT = {
    "id": ["a.png", "b.png"], "split": ["train", "test"], "label": [0, 1], "findings": ["", "Mass"],
    "group": ["p1", "p2"], "fold": [0, -1], "view": "PA", "age": [58.0, None], "sex": ["F", ""],
    "source": ["images/a.png", "images/b.png"], "md5": ["0" * 32, "1" * 32],
}  # fmt: skip
TILES = {
    "slide": ["a", "b"], "path": ["a.tif", "b.tif"], "role": ["train", "test_normal"], "group": ["p1", "p2"],
    "x": [0, 768], "y": [0, 768], "level": 0, "microns_per_pixel": 0.25, "tissue": 1.0, "lesion": 0.0,
}  # fmt: skip
STATUS = {
    "name": ["a", "NA"], "path": ["a.tif", "b.tif"], "role": ["train", ""], "annotation": "", "group": ["p1", "p2"],
    "status": ["ok", "unused"], "reason": ["", "excluded"], "warnings": "", "width": [4608, None],
    "height": [4608, None], "level": [0, None], "threshold": [100, None], "scale": [0.25, None],
    "extent": [1.0, None], "pixel": [256.0, None], "tissue": [0.5, None], "pen": [0.0, None], "black": [0.0, None],
    "blur": [0.1, None],
}  # fmt: skip
BREAKDOWN = {
    "detector": "dpa", "part": "finding", "name": ["Mass", "NA"], "images": [3, 4], "groups": [2, 2],
    "roc_auc": [0.5, None], "roc_auc_std": None, "low": None, "high": None, "flagged": 0.1,
}  # fmt: skip
# Name of the file → what makes it, what reads it, a column of names and one of numbers in every row.
TABLES: dict[str, tuple[dict[str, Any], Callable[[Path], pd.DataFrame], str, str]] = {
    "split.csv": (SPLIT, read_split, "group", "label"),
    "tiles.csv": (TILES, read_tiles, "slide", "x"),
    "status.csv": (STATUS, read_status, "name", "status"),
    "breakdown.csv": (BREAKDOWN, lambda path: read_breakdown(path, "dpa"), "name", "images"),
}


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: whole.replace(old, new, 1)


@pytest.mark.parametrize("name", TABLES)
@lines(
    Line("good", lambda whole: whole, Gives(2)),
    Line("missing", None, r"dvc repro"),
    Line("empty", lambda whole: b"", r"dvc repro"),
    Line("binary", lambda whole: bytes(range(256)), r"dvc repro"),
    Line("zeros", lambda whole: bytes(1000), r"dvc repro"),
    Line("utf_16", lambda whole: whole.decode().encode("utf-16"), r"dvc repro"),
    Line("html_page", lambda whole: b"<!DOCTYPE html>\n<p>404, <b>no</b>", r"dvc repro"),
    Line("cut_in_the_header", lambda whole: whole[:9], r"dvc repro"),
    Line("cut_in_a_row", lambda whole: whole[: -len(whole.splitlines()[-1]) // 2], r"dvc repro"),
    Line("row_too_long", lambda whole: whole[:-1] + b",1,2,3\n", r"dvc repro"),
    Line("open_quote", lambda whole: whole[:-4] + b',"', r"dvc repro"),
)
def test_a_table(line: Line, name: str) -> None:
    content, read, _, _ = TABLES[name]
    path = Path("data/interim/arm") / name
    write_csv(path, pd.DataFrame(content))
    put(path, line.made and line.made(path.read_bytes()))
    judge(lambda: len(read(path)), rf"{name}.*{line.says}" if isinstance(line.says, str) else line.says)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("column", [2, 3])
def test_a_column_that_is_missing(name: str, column: int) -> None:
    missing = TABLES[name][column]
    path = Path("data/interim/arm") / name
    write_csv(path, pd.DataFrame(TABLES[name][0]).rename(columns={missing: "other"}))
    judge(lambda: TABLES[name][1](path), rf"{name}.*{missing}")


@pytest.mark.parametrize(("name", "value"), [("split.csv", "no"), ("tiles.csv", "left"), ("breakdown.csv", "many")])
def test_a_word_for_a_number(name: str, value: str) -> None:
    path = Path("data/interim/arm") / name
    write_csv(path, pd.DataFrame(TABLES[name][0] | {TABLES[name][3]: value}))
    judge(lambda: TABLES[name][1](path), rf"{name}.*{TABLES[name][3]}.*dvc repro")


@pytest.mark.parametrize("name", TABLES)
def test_a_folder_for_a_table(name: str) -> None:
    path = Path("data/interim/arm") / name
    path.mkdir(parents=True)
    judge(lambda: TABLES[name][1](path), name)


COMMITTED = (ROOT / "reports/arms/nih_sample/metrics.json").read_bytes()
METRICS = r"metrics\.json.*dvc repro"


@lines(
    Line("good", COMMITTED, Gives(["arm"])),
    Line("missing", None, METRICS),
    Line("empty", b"", METRICS),
    Line("binary", bytes(range(256)), METRICS),
    Line("cut", b'{"seeds": [0', METRICS),
    Line("20_000_levels", b"[" * 20_000, METRICS),
    Line("list", b"[]", METRICS),
    Line("nothing", b"null", METRICS),
    Line("without_detectors", b"{}", METRICS),
    Line("detector_as_word", b'{"dpa": "x"}', METRICS),
    Line("without_seeds", b'{"dpa": {}}', METRICS),
    Line("seeds_as_word", b'{"dpa": {"seeds": "x"}}', METRICS),
    Line("of_other_seeds", COMMITTED.replace(b'"seeds": [\n      0', b'"seeds": [\n      98'), METRICS),
)
def test_metrics(line: Line) -> None:
    put(Path("reports/arms/arm/metrics.json"), line.made)
    judge(lambda: list(read_results(["arm"], ["dpa"], json.loads(COMMITTED)["dpa"]["seeds"])), line.says)


@lines(
    Line("missing", None, r"a\.png.*tissue_masks"),
    Line("empty", b"", r"a\.png.*tissue_masks"),
    Line("text", b"no picture", r"a\.png.*tissue_masks"),
)
def test_a_mask(line: Line) -> None:
    put(Path("a.png"), line.made)
    judge(lambda: read_mask(Path(), "a"), line.says)


FIGURES, RUN = Path("reports/arms/nih_sample"), Path("reports/runs/nih_sample/dpa/seed-0")
SHOWN = [
    FIGURES / "roc.csv", FIGURES / "precision_recall.csv", FIGURES / "histogram.csv", RUN / "history.csv",
    RUN / "provenance.json", Path("reports/data/nih_sample/counts.csv"),
]  # fmt: skip


def copy_shipped(*names: str) -> None:
    for name in names:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, name)


def read_as_the_report() -> None:
    detector_facts("nih_sample", "dpa", (0,))
    arm_facts("nih_sample")
    plot_detector(Path("figures"), "nih_sample", "dpa", (0,), 0.5)  # which takes longest


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
@lines(
    Line("empty", b"", r"dvc repro"),
    Line("utf_16", "seed,fpr\n".encode("utf-16"), r"dvc repro"),
    Line("of_something_else", b"a,b\n1,2\n", r"dvc repro"),
    Line("list", b"[]", r"dvc repro"),
)
def test_what_the_report_reads(line: Line, path: Path) -> None:
    copy_shipped("params.yaml", "arms", "reports")
    put(path, line.made)
    judge(read_as_the_report, rf"{path.name}.*{line.says}")


AGAIN = r"make tune"
TUNING = Path("reports/arms/demo_slides/tuning")
HEADER = (ROOT / TUNING / "trials.csv").read_bytes().splitlines()[0]


@lines(
    Line("trials_empty", ("trials.csv", lambda whole: b""), AGAIN),
    Line("trials_binary", ("trials.csv", lambda whole: bytes(range(256))), AGAIN),
    Line("trials_header_only", ("trials.csv", lambda whole: HEADER + b"\n"), AGAIN),
    Line("trials_that_all_failed", ("trials.csv", lambda whole: whole.replace(b"complete", b"failed")), AGAIN),
    Line("trials_without_number", ("trials.csv", replaced(b"trial", b"number")), AGAIN),
    Line("trials_without_figure", ("trials.csv", replaced(b"roc_auc", b"auc")), AGAIN),
    Line("trials_of_other_options", ("trials.csv", lambda whole: whole.replace(b"normalised", b"zzz")
                                     .replace(b"as_scanned", b"zzz")), r"'zzz'.*make tune"),
    Line("search_empty", ("search.json", lambda whole: b""), AGAIN),
    Line("search_as_list", ("search.json", lambda whole: b"[]"), AGAIN),
    Line("search_of_20_000_levels", ("search.json", lambda whole: b"[" * 20_000), AGAIN),
    Line("search_with_rubbish_behind", ("search.json", lambda whole: whole + b"x"), AGAIN),
)  # fmt: skip
def test_what_a_search_left(line: Line) -> None:
    copy_shipped("params.yaml", "arms", str(TUNING))
    put(TUNING / "search.json", json.dumps(read_arm("demo_slides").search.searched))
    name, change = line.made
    put(TUNING / name, change((TUNING / name).read_bytes()))
    judge(lambda: adopt.main(["demo_slides"]), rf"{name.split('.')[0]}.*{line.says}")


@lines(
    Line("empty", lambda whole: b"", AGAIN),
    Line("header_only", lambda whole: whole.splitlines()[0] + b"\n", AGAIN),
    Line("without_folds", replaced(b"fold", b"part"), AGAIN),
    Line("cut_before_the_test", lambda whole: whole[: whole.index(b"\ntest,") + 1], AGAIN),
)
def test_scores_of_a_search(line: Line) -> None:
    put(TUNING / "scores.csv", line.made((ROOT / TUNING / "scores.csv").read_bytes()))
    judge(lambda: read_scores(TUNING / "scores.csv", "demo_slides"), rf"scores\.csv.*{line.says}")


def test_a_text_for_a_picture() -> None:
    put(Path("a.png"), "no picture")
    judge(lambda: html_page("# x\n\n![a](a.png)\n", Path()), r"a\.png.*dvc repro")
