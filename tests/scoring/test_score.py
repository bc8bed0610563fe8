"""The command, on a model's file alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import score
from pipeline.errors import PipelineError
from pipeline.scoring import images
from pipeline.scoring.images import picture_name
from tests.scoring.conftest import ARM, film, save


@pytest.fixture
def elsewhere(in_folder: Path, model_file: Path) -> Path:
    """An empty folder with the model's file and nothing else of the repository."""
    shutil.copy(model_file, in_folder / "model.pt")
    return in_folder


def run(*words: Any) -> tuple[int, pd.DataFrame]:
    status = score.main(["model.pt", *map(str, words), "--out", "out", "--device", "cpu", "--workers", "1"])
    return status, pd.read_csv("out/results.csv").set_index("name")


def test_new_images_score_as_they_did_in_the_chain(elsewhere: Path, trained: Path) -> None:
    status, table = run(trained / "data/raw" / ARM, "--recursive")
    known = pd.read_csv(trained / f"reports/scores/{ARM}/padim/seed-0.csv").set_index("id")
    assert status == 0
    found = table.loc[[f"{ARM}/{name}" for name in known.index], "score"]
    assert found.tolist() == known["score"].tolist()


def test_a_score_has_its_place_among_held_out_normals(elsewhere: Path) -> None:
    save(Path("new/usual.png"), film(500))
    save(Path("new/odd.png"), film(500, abnormal=True))
    status, table = run("new")
    assert status == 0
    facts = json.loads(Path("out/run.json").read_bytes())
    assert facts["normals"] >= 19
    assert table.loc["new/odd.png", ["percentile", "p", "flagged"]].tolist() == [
        100, pytest.approx(1 / (facts["normals"] + 1), abs=1e-6), True,
    ]  # fmt: skip
    assert not table.loc["new/usual.png", "flagged"]
    assert table.loc["new/odd.png", "q"] == pytest.approx(2 * table.loc["new/odd.png", "p"], abs=2e-6)
    assert facts["threshold"] is not None
    pictures = Path("out/pictures")
    assert {file.name for file in pictures.iterdir()} == {
        f"{picture_name('new/odd.png')}{ending}" for ending in (".png", ".map.png")
    }


def test_what_cannot_be_scored_has_a_row_with_its_reason_and_the_others_go_on(elsewhere: Path) -> None:
    save(Path("new/a.png"), film(500))
    contents = {"half.png": Path("new/a.png").read_bytes()[:200], "empty.png": b"", "._a.png": b"x", "DICOMDIR": b"x"}
    for name, content in {**contents, "notes.txt": b"mine"}.items():
        Path("new", name).write_bytes(content)
    status, table = run("new")
    assert status == 3
    assert table["status"].value_counts().to_dict() == {"failed": 5, "ok": 1}
    failed = table[table["status"] == "failed"]
    assert failed["reason"].str.len().gt(10).all()
    assert failed["score"].isna().all()
    assert not failed["flagged"].any()
    Path("new/a.png").unlink()
    shutil.rmtree("out")
    assert run("new")[0] == 1


def test_a_score_that_is_no_number_is_a_failure_and_never_flagged(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(Path("new/a.png"), film(500, abnormal=True))
    monkeypatch.setattr("pipeline.detectors.padim.detector.Padim.score", lambda _, pixels: np.full(len(pixels), np.nan))
    status, table = run("new")
    assert status == 1
    row = table.loc["new/a.png"]
    assert (row["status"], row["reason"], row["flagged"]) == ("failed", "its score is not finite: is it blank?", False)
    assert row[["score", "percentile", "p", "q"]].isna().all()


def test_two_runs_give_the_same_bytes_and_the_second_may_be_resumed(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "AT_ONCE", 4)
    for number in range(10):
        save(Path(f"new/{number}.png"), film(number + 500, abnormal=number % 3 == 0))

    def made() -> dict[str, bytes]:
        return {file.as_posix(): file.read_bytes() for file in sorted(Path("out").rglob("*")) if file.is_file()}

    run("new")
    whole = made()
    shutil.rmtree("out")
    with monkeypatch.context() as patch:
        patch.setattr(score, "with_q", lambda table: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run("new")
    assert [*Path("out/.parts").glob("*.npz")]
    run("new")
    assert made() == whole


def test_what_an_interrupted_run_finished_is_made_again_by_force(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(Path("new/a.png"), film(500))
    made = []
    real = images.each_part

    def counted(job: Any, items: Any, folder: Path, *others: Any) -> Any:
        made.append([key for key, _ in items if not (folder / f"{key}.npz").exists()])
        return real(job, items, folder, *others)

    monkeypatch.setattr(images, "each_part", counted)
    with monkeypatch.context() as patch:
        patch.setattr(score, "with_q", lambda table: (_ for _ in ()).throw(KeyboardInterrupt))
        for words in ((), (), ("--force",)):
            with pytest.raises(KeyboardInterrupt):
                run("new", *words)
    assert [len(keys) for keys in made] == [1, 0, 1]
    run("new", "--force")
    Path("out/run.json").write_text(Path("out/run.json").read_text("utf-8").replace("model_md5", "x"), "utf-8")
    with pytest.raises(PipelineError, match="out holds results of another model"):
        run("new", "--force")


@pytest.mark.parametrize(("words", "variable", "expected"), [([], "7", 7), ([], "", 2), (["--workers", "3"], "7", 3)])
def test_workers_are_those_of_the_command_else_of_the_environment_else_two(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], variable: str, expected: int
) -> None:
    save(Path("new/a.png"), film(500))
    monkeypatch.setenv("PIPELINE_WORKERS", variable)
    found = []
    monkeypatch.setattr(
        score, "score_images", lambda *given: found.append(given[-1]) or (_ for _ in ()).throw(EOFError)
    )
    with pytest.raises(EOFError):
        score.main(["model.pt", "new", "--out", "out", "--device", "cpu", *words])
    assert found == [expected]


def test_an_impossible_number_of_workers_is_one_sentence(elsewhere: Path) -> None:
    with pytest.raises(PipelineError, match="--workers is 0, but there can be 1 to 1024 processes"):
        score.main(["model.pt", "new", "--out", "out", "--workers", "0"])


def test_it_says_that_few_normals_can_mark_nothing_as_strange(elsewhere: Path, capsys: pytest.CaptureFixture) -> None:
    save(Path("new/a.png"), film(500))
    run("new")
    known = json.loads(Path("out/run.json").read_bytes())["normals"]
    says = f"nothing can be marked as strange: an appearance p of 0.01 takes 99 held-out normals, and with {known} none"
    assert says in capsys.readouterr().out


def test_the_page_shows_what_this_run_drew_and_nothing_of_an_earlier_one(elsewhere: Path) -> None:
    save(Path("new/a.png"), film(500, abnormal=True))
    save(Path("new/b.png"), film(501, abnormal=True))
    run("new")
    assert Path("out/report.html").read_text(encoding="utf-8").count("<article") == 2
    save(Path("new/a.png"), film(500))
    run("new")
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert page.count("<article") == 1
    assert "2 of 2 inputs and flagged 1" in page
    assert not Path("out/pictures", f"{picture_name('new/a.png')}.png").exists()


def test_a_csv_names_files_below_its_folder(elsewhere: Path) -> None:
    save(Path("lists/films/a.png"), film(500))
    save(Path("lists/films/b.png"), film(501))
    Path("lists/some.csv").write_text("path,note\nfilms/b.png,mine\n", encoding="utf-8")
    _, table = run("lists/some.csv")
    assert [*table.index] == ["some/films/b.png"]
    Path("lists/some.csv").write_text("path\n../a.png\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"some\.csv, row 2: '\.\./a\.png' leaves the collection's folder"):
        run("lists/some.csv")


def test_two_files_of_one_name_are_told_apart_and_one_named_twice_is_scored_once(elsewhere: Path) -> None:
    save(Path("one/new/a.png"), film(500))
    save(Path("two/new/a.png"), film(501))
    Path("link.png").symlink_to("one/new/a.png")
    _, table = run("one/new", "two/new", "one/new/a.png", "link.png")
    assert [*table.index] == ["one/new/a.png", "two/new/a.png"]


def test_results_of_another_model_are_not_mixed(elsewhere: Path) -> None:
    save(Path("new/a.png"), film(500))
    run("new")
    facts = json.loads(Path("out/run.json").read_bytes())
    Path("out/run.json").write_text(json.dumps(facts | {"model_md5": "0" * 32}), encoding="utf-8")
    with pytest.raises(PipelineError, match="out holds results of another model: name another folder, or remove it"):
        run("new")
    shutil.rmtree("out")
    Path("out").mkdir()
    Path("out/mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(PipelineError, match="out is not empty and holds no results: name another folder"):
        run("new")
    shutil.rmtree("out")
    Path("out/.parts").mkdir(parents=True)
    Path("out/.parts/model").write_text("0" * 32, encoding="utf-8")
    with pytest.raises(PipelineError, match="out holds results of another model"):
        run("new")


def test_images_that_look_unlike_the_models_own_are_marked(elsewhere: Path) -> None:
    for number in range(5):
        save(Path(f"new/usual-{number}.png"), film(500 + number))
        save(Path(f"new/turned-{number}.png"), np.ascontiguousarray(film(500 + number)[::-1]))
    _, table = run("new")
    assert table.loc[table.index.str.contains("turned"), "appearance_p"].max() < 0.06
    assert table.loc[table.index.str.contains("usual"), "appearance_p"].min() > 0.06


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"no model", "is not a whole model"), (b"", "is not a whole model"), (None, "is missing")],
)
def test_a_file_that_is_no_model_is_one_sentence(elsewhere: Path, content: bytes | None, says: str) -> None:
    Path("model.pt").unlink() if content is None else Path("model.pt").write_bytes(content)
    save(Path("new/a.png"), film(500))
    with pytest.raises(PipelineError, match=says):
        run("new")


def test_a_model_that_was_not_calibrated_says_which_file_to_take(elsewhere: Path, model_file: Path) -> None:
    shutil.copy(model_file.with_name("model.pt"), "model.pt")
    with pytest.raises(
        PipelineError, match=r"was not calibrated: name calibrated\.pt, which `dvc repro` makes beside it"
    ):
        run("new")
