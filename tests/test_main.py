"""``python -m pipeline`` as its users call it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.__main__ import listed
from tests.import_closure import ROOT
from tests.in_process import call

NEEDS_A_WORD = {
    "adopt",
    "camelyon",
    "compare",
    "experiments",
    "first-look",
    "join",
    "new-arm",
    "remove-arm",
    "tune",
}  # an arm or a revision
NEEDS_MORE = {"new-arm": ["--like", "demo_xrays"]}


def run(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-m", "pipeline", *words], {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_every_command_is_listed_with_one_line(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 0
    for name, line in listed().items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", done.stdout, re.MULTILINE)
        assert line.endswith(".")


def test_nothing_heavy_is_imported_for_the_list() -> None:
    script = "import runpy, sys; sys.argv = ['pipeline']; runpy.run_module('pipeline', run_name='__main__')"
    heavy = "print(sorted({'torch', 'numpy', 'dvc', 'rich', 'pydantic'} & set(sys.modules)))"
    code = f"import atexit, sys; atexit.register(lambda: {heavy}); {script}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", listed())
def test_every_command_says_how_it_is_called(command: str) -> None:
    done = call(command, "--help", folder=ROOT)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python -m pipeline {command} ")


@pytest.mark.parametrize(
    "words", [["no-such-command"], ["check-lock", "too much"], ["compare"], ["tune", "--no-such-option"]]
)
def test_what_cannot_be_called_is_shown_how_to_call(words: list[str]) -> None:
    done = call(*words, folder=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m pipeline ")


@pytest.mark.parametrize("command", sorted(set(listed()) - {"check-lock", "parameters", "score"}))
def test_commands_fail_like_stages(tmp_path: Path, command: str) -> None:
    (tmp_path / "params.yaml").mkdir()
    (tmp_path / "arms" / "demo_xrays.yaml").mkdir(parents=True)
    words = [command, *(["demo_xrays"] if command in NEEDS_A_WORD else []), *NEEDS_MORE.get(command, [])]
    # one of them in a process of its own
    done = run(*words, folder=tmp_path) if command == "experiments" else call(*words, folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert re.match(
        r"error: (params|arms/demo_xrays)\.yaml cannot be read \(Is a directory\): make it a file", done.stderr
    )


def test_every_target_of_make_calls_a_command_that_there_is() -> None:
    called = re.findall(r"python -m pipeline (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(called) == set(listed()) - {"experiments", "parameters", "results", "score"}


def test_ctrl_c_during_the_imports_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "dvc.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)", encoding="utf-8")
    done = run("check-lock", folder=tmp_path)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr == "interrupted: run again to go on; what was finished is kept\n"


def test_without_the_environment_a_command_says_how_to_activate_it() -> None:
    bare = [sys.executable, "-S", "-m", "pipeline", "check-lock"]  # without the packages of the environment
    done = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.fullmatch(
        r"error: the package \w+ is not installed here: activate the environment \(source \.venv/bin/activate\), which "
        r"`make install` makes, and run again\n",
        done.stderr,
    )
    assert done.returncode == 1
