"""The judge of all hostile inputs: what an input comes to, and whether that is how a pipeline fails well."""

import contextlib
import gc
import io
import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from pipeline.errors import PipelineError
from pipeline.stage import run_stage
from tests.import_closure import ROOT

# What an input that runs code would leave behind; see tests/hostile/pickles.py and test_shell_words.py.
PWNED = "PWNED"
# What no user shall read: internals, and the bad advice of libraries.
FORBIDDEN = re.compile(
    r"Traceback|0x[0-9a-fA-F]{9,}|no advice|weights_only|[Uu]nsafe|allow_pickle|\.partial-|site-packages|errno",
)
# What is said of a path that climbs or is absolute: where such a file is not there, other refusals could hide this one.
OUTSIDE = "leaves the collection's folder"
LONGEST = 2000  # characters of a sentence that a person still reads


@dataclass(frozen=True)
class Gives:
    """An input that is accepted.

    Attributes:
        value: What it must come to.
        warns: A regular expression that what is printed must hold.
    """

    value: Any = None
    warns: str = ""


@dataclass(frozen=True)
class Either:
    """An input that may be accepted or refused, as damage that can hit anything; a refusal must hold ``says``."""

    says: str


class Line(NamedTuple):
    """One hostile input: its name, how it is made, and what it must say (a regular expression) or come to."""

    name: str
    made: Any
    says: str | Gives | Either


@dataclass(frozen=True)
class Outcome:
    """What an input came to.

    Attributes:
        sentence: What refuses it; empty for an accepted one.
        result: What the call returned.
        printed: What was printed.
        raised: The sentence before it was made fit for a terminal.
    """

    sentence: str
    result: Any
    printed: str
    raised: str


def lines(*table: Line) -> pytest.MarkDecorator:
    """Give a test each line of a table as ``line``."""
    return pytest.mark.parametrize("line", [pytest.param(line, id=line.name) for line in table])


def outcome(call: Callable[[], Any]) -> Outcome:
    """Call something as a stage is called, so that whatever it raises ends as it would for a user."""
    results: list[Any] = []

    def main() -> str:
        results.append(call())
        return ""

    printed = io.StringIO()
    sentence = raised = ""
    with (
        mock.patch.object(sys, "argv", ["battery"]),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        gc.disable()  # what other tests have left is not to end on a stack that an input has filled
        try:
            run_stage(main)
        except SystemExit as ended:
            sentence = str(ended.code)
            raised = str(ended.__context__) if isinstance(ended.__context__, PipelineError) else ""
        finally:
            gc.enable()
    return Outcome(sentence, results[0] if results else None, printed.getvalue(), raised)


def judge(call: Callable[[], Any], says: str | Gives | Either) -> None:
    """Call something with a hostile input and check what that came to.

    Args:
        call: Reads the input; its paths are relative, so that an absolute one in a sentence is a leak.
        says: What must come of it.
    """
    found = outcome(call)
    assert "Traceback" not in found.printed, found.printed
    check_no_side_effect()
    if isinstance(says, Gives):
        assert not found.sentence, f"refused: {found.sentence}"
        if says.value is not None:
            assert found.result == says.value
        assert re.search(says.warns, found.printed), f"no warning of {says.warns!r} in {found.printed!r}"
    elif isinstance(says, str) or found.sentence:
        check_sentence(found.sentence, says if isinstance(says, str) else says.says)
        assert not any(unicodedata.category(sign) == "Cc" for sign in found.raised), repr(found.raised)


def check_sentence(sentence: str, says: str) -> None:
    """Check that a refusal is one sentence that a person can use."""
    assert sentence, "accepted without a word"
    assert len(sentence.splitlines()) == 1, sentence
    assert not FORBIDDEN.search(sentence), sentence
    assert str(Path.cwd()) not in sentence, sentence
    assert sentence.isprintable(), repr(sentence)
    assert len(sentence) <= LONGEST, sentence
    assert re.search(says, sentence), f"{says!r} is not in: {sentence}"


def check_no_side_effect() -> None:
    """Check that nothing in an input was run."""
    assert not any((folder / PWNED).exists() for folder in (Path(), ROOT)), "code in an input was run"
