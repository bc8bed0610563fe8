"""Normals of another scanner that the user names."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.commands import score
from pipeline.errors import PipelineError
from pipeline.scoring.inputs import Input
from pipeline.scoring.own_normals import Normals
from tests.scoring.conftest import film, save


def grainy(number: int, abnormal: bool = False) -> np.ndarray:
    """A film of a scanner whose exposure is lower, so that noise is higher."""
    draws = np.random.default_rng([7, number])
    return (film(number, abnormal) + draws.normal(0, 20, (40, 40))).clip(0, 255).astype(np.uint8)


@pytest.fixture
def elsewhere(in_folder: Path, model_file: Path) -> Path:
    """An empty folder with the model's file and nothing else of the repository."""
    shutil.copy(model_file, in_folder / "model.pt")
    return in_folder


@pytest.fixture
def normals(elsewhere: Path) -> Path:
    """A folder of 39 normals of the other scanner."""
    for number in range(1000, 1039):
        save(Path(f"normals/{number}.png"), grainy(number))
    return Path("normals")


def run(*words: Any, out: str = "out") -> tuple[int, pd.DataFrame]:
    status = score.main(["model.pt", *map(str, words), "--out", out, "--device", "cpu", "--workers", "1"])
    return status, pd.read_csv(f"{out}/results.csv").set_index("name")


def facts(out: str = "out") -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(out, "run.json").read_bytes())
    return content


def named(out: str = "out") -> pd.DataFrame:
    return pd.read_csv(f"{out}/normals.csv", keep_default_na=False, na_values={"score": [""]}).set_index("name")


def test_normals_of_the_models_own_scanner_are_flagged_no_more_often_than_is_said(elsewhere: Path) -> None:
    for number in range(200):
        save(Path(f"new/{number}.png"), film(2000 + number))
    _, table = run("new")
    expected = facts()["false_alarms"]
    flagged = int(table["flagged"].sum())
    assert stats.binom(200, expected["low"]).ppf(0.005) <= flagged <= stats.binom(200, expected["high"]).ppf(0.995)
    # how many of n held-out normals score as high is as probable for each number from 0 to n; each draw has the same n
    assert 0.3 < table["p"].mean() < 0.7


def test_another_scanner_shifts_p_and_its_own_normals_put_it_right(normals: Path) -> None:
    for number in range(100):
        save(Path(f"new/{number}.png"), grainy(3000 + number))
    save(Path("new/odd.png"), grainy(5000, abnormal=True))
    _, before = run("new", out="before")
    usual = before.index != "new/odd.png"
    assert before.loc[usual, "flagged"].mean() > 0.5
    assert before.loc[usual, "appearance_p"].median() < 0.1
    status, after = run("new", "--normals", normals)
    assert status == 0
    assert after["score"].tolist() == before["score"].tolist()
    expected = facts()["false_alarms"]
    flagged = int(after.loc[usual, "flagged"].sum())
    assert stats.binom(100, expected["low"]).ppf(0.005) <= flagged <= stats.binom(100, expected["high"]).ppf(0.995)
    assert stats.ks_2samp(after.loc[usual, "score"], named()["score"]).pvalue > 0.01
    assert 0.3 < after.loc[usual, "p"].mean() < 0.7
    assert 0.3 < after.loc[usual, "appearance_p"].mean() < 0.7
    assert after.loc["new/odd.png", ["p", "percentile", "flagged"]].tolist() == [1 / 40, 100, True]


def test_p_percentile_and_threshold_are_of_the_named_normals_alone(normals: Path) -> None:
    for number in range(10):
        save(Path(f"new/{number}.png"), grainy(3000 + number))
    _, table = run("new", "--normals", normals)
    known = named()
    assert known["counts"].all()
    scores = known["score"].to_numpy()
    assert table["p"].tolist() == pytest.approx([(1 + (scores >= s).sum()) / 40 for s in table["score"]], abs=1e-6)
    assert table["percentile"].tolist() == pytest.approx([100 * (scores < s).mean() for s in table["score"]], abs=1e-5)
    assert facts()["normals"] == 39
    assert facts()["threshold"] == np.sort(scores)[-2]


def test_outputs_say_which_normals_calibrated(normals: Path, capsys: pytest.CaptureFixture) -> None:
    save(Path("new/a.png"), grainy(3000))
    run("new", "--normals", normals)
    assert facts()["normals_md5"] == Normals.of([Input("", path) for path in normals.iterdir()]).checksum
    said = capsys.readouterr().out
    assert "calibrated on 39 named normals" in said
    assert (
        "nothing can be marked as strange: an appearance p of 0.01 takes 99 named normals, and with 39 none is below "
        "0.025"
    ) in said
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert facts()["normals_md5"] in page
    assert "39 named normals" in page
    assert "held-out" not in page


def test_the_folder_belongs_to_these_normals(normals: Path) -> None:
    save(Path("new/a.png"), grainy(3000))
    run("new", "--normals", normals)
    by_other = "out holds results by other normals: name another folder, or remove it"
    with pytest.raises(PipelineError, match=by_other):
        run("new")
    shutil.move("normals/1000.png", "1000.png")
    with pytest.raises(PipelineError, match=by_other):
        run("new", "--normals", normals)
    shutil.move("1000.png", "normals/renamed.png")  # the same content
    assert run("new", "--normals", normals)[0] == 0
    run("new", out="plain")
    with pytest.raises(PipelineError, match="plain holds results by other normals"):
        run("new", "--normals", normals, out="plain")


def test_a_normal_that_cannot_be_read_has_a_row_and_the_others_calibrate(
    normals: Path, capsys: pytest.CaptureFixture
) -> None:
    save(Path("new/a.png"), grainy(3000))
    Path("normals/notes.txt").write_text("mine", encoding="utf-8")
    status, _ = run("new", "--normals", normals)
    assert status == 3
    assert facts()["normals"] == 39
    row = named().loc["normals/notes.txt"]
    assert (row["status"], row["counts"]) == ("failed", False)
    assert len(row["reason"]) > 10
    assert "1 of the named normals could not be scored, see normals.csv" in capsys.readouterr().out


def test_of_each_group_one_normal_counts_and_of_copies_one(normals: Path) -> None:
    shutil.copy("normals/1000.png", "normals/copy.png")
    groups = ["1000.png,a", "copy.png,a", "1001.png,a", "1002.png,b", "1003.png,", "1004.png,"]
    Path("normals/some.csv").write_text("\n".join(["path,group", *groups, ""]), encoding="utf-8")
    save(Path("new/a.png"), grainy(3000))
    run("new", "--normals", "normals/some.csv")
    assert facts()["normals"] == 4
    counts = named()["counts"]
    assert counts[["some/1000.png", "some/copy.png", "some/1001.png"]].sum() == 1
    assert counts[["some/1002.png", "some/1003.png", "some/1004.png"]].all()


def test_nothing_depends_on_where_normals_lie_or_how_they_are_called(normals: Path) -> None:
    save(Path("new/a.png"), grainy(3000))
    run("new", "--normals", normals)
    for number, path in enumerate(sorted(normals.iterdir(), reverse=True)):
        save(Path(f"others/{number}.png"), np.zeros((1, 1), np.uint8))
        shutil.copy(path, f"others/{number}.png")
    run("new", "--normals", "others", out="again")
    for name in ("results.csv", "run.json"):
        assert Path("out", name).read_bytes() == Path("again", name).read_bytes()


def test_an_interrupted_run_goes_on_to_the_same_bytes(normals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Path("new/a.png"), grainy(3000))

    def made() -> dict[str, bytes]:
        return {file.as_posix(): file.read_bytes() for file in Path("out").rglob("*") if file.is_file()}

    run("new", "--normals", normals)
    whole = made()
    shutil.rmtree("out")
    with monkeypatch.context() as patch:
        patch.setattr(score, "_scored", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run("new", "--normals", normals)
    parts = {part: part.stat().st_mtime_ns for part in Path("out/.parts").glob("*.npz")}
    assert parts
    with monkeypatch.context() as patch:
        patch.setattr(score, "with_q", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run("new", "--normals", normals)
    assert {part: part.stat().st_mtime_ns for part in parts} == parts
    run("new", "--normals", normals)
    assert made() == whole


def unreadable() -> None:
    shutil.rmtree("normals")
    Path("normals").mkdir()
    Path("normals/notes.txt").write_text("mine", encoding="utf-8")


def of_two_groups() -> None:
    shutil.copy("normals/1000.png", "normals/copy.png")
    Path("normals/some.csv").write_text("path,group\n1000.png,a\ncopy.png,b\n", encoding="utf-8")
    shutil.move("normals/some.csv", "some.csv")
    for name in ("1000.png", "copy.png"):
        shutil.copy(f"normals/{name}", name)


@pytest.mark.parametrize(
    ("spoil", "named", "says"),
    [
        (
            lambda: shutil.copy("normals/1003.png", "new/mine.png"),
            "normals",
            r"new/mine\.png among the inputs and normals/1003\.png among the normals are the same image: leave it out",
        ),
        (unreadable, "normals", r"none of the 1 normals could be scored; the first: .*notes\.txt"),
        (lambda: None, "nowhere", "nowhere is missing: name a file, a folder or a CSV"),
        (
            of_two_groups,
            "some.csv",
            r"some/1000\.png and some/copy\.png are the same image, but of the groups 'a' and 'b': name it once",
        ),
    ],
)
def test_what_cannot_calibrate_is_one_sentence(normals: Path, spoil: Callable[[], Any], named: str, says: str) -> None:
    save(Path("new/a.png"), grainy(3000))
    spoil()
    with pytest.raises(PipelineError, match=says):
        run("new", "--normals", named)
    assert not Path("out/results.csv").exists()


def test_too_few_normals_flag_nothing_and_it_is_said(normals: Path, capsys: pytest.CaptureFixture) -> None:
    save(Path("new/odd.png"), np.kron(np.indices((4, 4)).sum(0) % 2 * 255, np.ones((10, 10))).astype(np.uint8))
    files = sorted(normals.iterdir())
    _, table = run("new", "--normals", *files[:18])
    assert not table["flagged"].any()
    assert "nothing can be flagged at 0.05: that takes 19 named normals, and there are 18" in capsys.readouterr().out
    shutil.rmtree("out")
    _, table = run("new", "--normals", *files[:19])
    assert table["flagged"].all()
