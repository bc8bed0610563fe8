"""Shell code in the lists of params.yaml, which the graph's commands are made of."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo

from tests.hostile.oracle import check_no_side_effect
from tests.import_closure import ROOT
from tests.shipped import shipped, write


@pytest.fixture
def graph() -> Path:
    """A folder with the graph and a command ``python`` that does nothing."""
    shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n", encoding="utf-8")
    python = Path("bin/python")
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n", encoding="utf-8")
    python.chmod(0o755)
    return python.parent.absolute()


WORDS = {
    "semicolon": "0; touch PWNED; true",
    "substitution": "$(touch PWNED)",
    "backticks": "`touch PWNED`",
    "and": "x && touch PWNED",
    "or": "x; false || touch PWNED",
    "pipe": "x | touch PWNED",
    "background": "x & touch PWNED",
    "redirection": "x > PWNED",
    "second_line": "x\ntouch PWNED",
    "single_quotes": "'; touch PWNED; '",
    "double_quotes": '"; touch PWNED; "',
    "backslash": "\\'; touch PWNED; \\'",
    "mapping": {"0; touch PWNED;": 1},
    "list": ["0; touch PWNED; true"],
}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_no_word_of_params_is_run(word: Any, graph: Path) -> None:
    content = shipped()
    content["params.yaml"] |= {"seeds": [word], "detectors": [word]}
    content["params.yaml"]["arms"] = {name: [word] for name in ("slides", "xrays", "train")}
    write(content)
    try:
        with Repo(".") as repo:
            commands = [stage.cmd for stage in repo.index.stages]
    except DvcException:
        commands = []  # DVC refuses what it cannot write as words
    for command in commands:
        for row in str(command).splitlines():
            path = f"{graph}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(["sh", "-c", row], env={"PATH": path}, capture_output=True, check=False)
    check_no_side_effect()
