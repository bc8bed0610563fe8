"""The variables of the environment that the pipeline reads."""

import sys

import pytest

from pipeline.compute.workers import SCHEDULER, process_all, worker_count
from pipeline.params.file import Params
from tests.hostile.oracle import Either, Gives, Line, judge, lines

NAME = "PIPELINE_WORKERS"


@lines(
    Line("two", "2", Gives(2)),
    Line("empty", "", Gives()),
    Line("none", "0", NAME),
    Line("below_zero", "-1", NAME),
    Line("word", "abc", NAME),
    Line("float", "1.5", NAME),
    Line("exponent", "1e9", NAME),
    Line("infinite", "inf", NAME),
    Line("no_number", "nan", NAME),
    Line("spaces", " ", NAME),
    Line("command", "2; touch PWNED", NAME),
    Line("escape", "\x1b[31m2", NAME),
    Line("superscript", "²", NAME),
    Line("digits_of_another_script", "٣", Either(NAME)),
    Line("a_billion", "1000000000", Either(NAME)),
    Line("5000_digits", "9" * 5000, NAME),
)
def test_the_number_of_workers(line: Line, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, line.made)
    judge(lambda: worker_count(params.compute), line.says)


@lines(
    Line("number", "2", SCHEDULER),
    Line("spaces", " ", SCHEDULER),
    Line("folder", "/", SCHEDULER),
    Line("binary_file", sys.executable, SCHEDULER),
    Line("empty_file", "/dev/null", SCHEDULER),
    Line("escape", "\x1b[31m", SCHEDULER),
    Line("command", "$(touch PWNED)", SCHEDULER),
    Line("5000_letters", "a" * 5000, SCHEDULER),
)
def test_the_scheduler(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCHEDULER, line.made)
    judge(lambda: list(process_all(int, [1], 1, "nothing")), line.says)
