"""``python -m pipeline`` in this process: in one of its own, as its users call it, it imports for seconds."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.errors import errors_in_one_sentence


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def call(*words: str, folder: Path) -> Done:
    """Run a command in a folder.

    Args:
        *words: The command and its arguments.
        folder: Where it is called.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.chdir(folder)
        try:
            with errors_in_one_sentence():
                code: object = main(words)
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):  # which python prints
        return Done(1, out.getvalue(), f"{err.getvalue()}{code}\n")
    return Done(int(str(code or 0)), out.getvalue(), err.getvalue())
