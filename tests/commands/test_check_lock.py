"""``make check-lock`` where an arm left the lists."""

import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from pipeline.commands.check_lock import main, misplaced
from pipeline.errors import PipelineError
from tests.import_closure import ROOT


@pytest.fixture
def clone(in_folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), "."], check=True)
    return in_folder


def drop_slides(clone: Path) -> None:
    apply_overrides(clone / "params.yaml", ["arms.slides=[]", "arms.train=[nih_sample]"])


def test_the_arm_is_a_line_per_folder_however_many_files_it_has(clone: Path) -> None:
    drop_slides(clone)
    folders = [f"reports/{part}/demo_slides" for part in ("arms", "data", "runs", "scores")]
    assert misplaced() == ([], folders)


@pytest.mark.slow
def test_the_line_that_is_printed_removes_it(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drop_slides(clone)
    assert main([]) == 1
    line = capsys.readouterr().err.splitlines()[-1].split("`")[1]
    assert line == " ".join(["rm -rf", *(f"reports/{part}/demo_slides" for part in ("arms", "data", "runs", "scores"))])
    subprocess.run(line, shell=True, check=True)  # noqa: S602
    assert misplaced() == ([], [])


@pytest.mark.slow
def test_an_arms_file_that_changed_without_a_run_is_to_be_committed_with_what_it_makes(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apply_overrides(clone / "arms/nih_sample.yaml", ["detectors.dpa.latent_dim=17"])
    assert main([]) == 1
    *faults, advice = capsys.readouterr().err.splitlines()
    assert "check_params is older than its code, parameters or inputs: `dvc status check_params` says which" in faults
    assert not [fault for fault in faults if str(clone) in fault]  # of files that this stage would make
    assert advice == "error: run `dvc repro`, and commit params.yaml, arms/, reports/ and dvc.lock together"


def test_a_file_beside_what_a_stage_makes_is_named_itself(clone: Path) -> None:
    (clone / "reports/arms/nih_sample/notes.txt").touch()
    assert misplaced() == ([], ["reports/arms/nih_sample/notes.txt"])


def test_the_tables_of_a_search_stay_and_need_not_be_there(clone: Path) -> None:
    assert (clone / "reports/arms/demo_slides/tuning/trials.csv").is_file()
    assert misplaced() == ([], [])
    shutil.rmtree(clone / "reports/arms/demo_slides/tuning")
    assert misplaced() == ([], [])


def test_a_first_look_at_a_listed_arm_is_not_left_over(clone: Path) -> None:
    (clone / "reports/first-look").mkdir()
    (clone / "reports/first-look/nih_sample.md").touch()
    assert misplaced() == ([], [])
    (clone / "reports/first-look/gone.md").touch()
    assert misplaced() == ([], ["reports/first-look/gone.md"])


@pytest.mark.parametrize("broken", ["not a repository", "no git", "no graph"])
def test_what_is_no_clone_is_one_sentence(in_folder: Path, broken: str) -> None:
    if broken != "not a repository":
        subprocess.run(["git", "clone", "--quiet", str(ROOT), "."], check=True)
    if broken == "no git":
        (in_folder / ".git").rename(in_folder / "git")
    if broken == "no graph":
        (in_folder / "dvc.yaml").write_text("stages: 1", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"^run this at the root of a clone, with a dvc\.yaml that DVC can read: "):
        main([])
