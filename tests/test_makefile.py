"""The Makefile: its rule for the environment, with one that only notes that it was called, and its linters."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.import_closure import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile, whose .venv is a link to another clone's."""
    clone, other = tmp_path / "clone", tmp_path / "other" / ".venv"
    clone.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (clone / name).write_bytes((ROOT / name).read_bytes())
    (other / "bin").mkdir(parents=True)
    python = other / "bin" / "python"
    python.write_text(f"#!/bin/sh\ntouch '{tmp_path}/called'\n", encoding="utf-8")
    python.chmod(0o755)
    (other / ".installed").touch()
    (clone / ".venv").symlink_to(other)
    return clone


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    outer_make = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # of the one that may have started the tests
    environment = {key: value for key, value in os.environ.items() if key not in outer_make}
    command = ["make", *(words or ["install"])]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("state", ["older", "missing"])
def test_nothing_is_installed_through_a_link_into_the_environment_of_another_clone(clone: Path, state: str) -> None:
    installed = clone / ".venv" / ".installed"
    if state == "older":
        os.utime(installed, (0, 0))
    else:
        installed.unlink()
    done = make(clone)
    assert done.returncode != 0
    assert "error: .venv is a link to an environment that was installed for another clone" in done.stderr
    assert not (clone.parent / "called").exists()


def test_a_link_to_an_environment_that_is_new_enough_serves(clone: Path) -> None:
    assert make(clone).returncode == 0
    assert not (clone.parent / "called").exists()


def test_an_environment_of_its_own_is_brought_up_to_date(clone: Path) -> None:
    own = clone.parent / "other" / ".venv"
    (clone / ".venv").unlink()
    own.rename(clone / ".venv")
    os.utime(clone / ".venv" / ".installed", (0, 0))
    assert make(clone).returncode == 0
    assert (clone.parent / "called").exists()


@pytest.fixture
def heard(clone: Path) -> Path:
    """Where the command ``python`` of the environment writes the words that it was called with, one in a line."""
    python, heard = clone.parent / "other" / ".venv" / "bin" / "python", clone.parent / "heard"
    python.write_text(f"#!/bin/sh\nprintf '<%s>\\n' \"$@\" > '{heard}'\n", encoding="utf-8")
    return heard


WORDS = (
    "mine",
    "with spaces",
    "x; touch PWNED",
    "$(touch PWNED)",
    "$(shell touch PWNED)",
    "`touch PWNED`",
    "'; touch PWNED; '",
    'it\'s "$HOME" $$ \\ # % é',
    "../up",
    "--like",
)


@pytest.mark.parametrize("word", WORDS)
def test_names_and_paths_of_a_new_arm_arrive_as_they_were_typed(clone: Path, heard: Path, word: str) -> None:
    assert make(clone, "new-arm", f"NAME={word}", f"LIKE={word}", f"DATA={word}").returncode == 0
    called = ["-m", "pipeline", "new-arm", word, f"--like={word}", f"--data={word}"]
    assert heard.read_text(encoding="utf-8") == "".join(f"<{each}>\n" for each in called)
    assert make(clone, "remove-arm", f"NAME={word}").returncode == 0
    assert heard.read_text(encoding="utf-8").splitlines()[2:] == ["<remove-arm>", f"<{word}>"]
    assert not [*clone.parent.rglob("PWNED")]


def test_a_name_of_two_lines_is_no_second_command(clone: Path, heard: Path) -> None:
    assert make(clone, "new-arm", "NAME=x\ntouch PWNED", "LIKE='\ntouch PWNED\n'").returncode != 0
    assert not heard.exists()
    assert not [*clone.parent.rglob("PWNED")]


def test_a_new_arm_needs_no_folder_where_its_data_are_in_place(clone: Path, heard: Path) -> None:
    assert make(clone, "new-arm", "NAME=mine", "LIKE=images").returncode == 0
    assert "--data" not in heard.read_text(encoding="utf-8")


def test_a_commit_is_checked_by_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe
    (local,) = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    # make puts .venv/bin first on PATH, git does not
    assert [hook["entry"] for hook in local["hooks"]] == [
        f".venv/bin/{line.strip()}" for line in recipe[1].splitlines()
    ]
    for hook in local["hooks"]:
        # the environment's own version, on the whole project, whatever is committed
        assert (hook["language"], hook["pass_filenames"], hook["always_run"]) == ("system", False, True)
