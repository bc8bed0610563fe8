"""The judge itself: what it must not let pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PipelineError
from tests.hostile.oracle import PWNED, Gives, judge


def refusing(sentence: str) -> Callable[[], Any]:
    def call() -> None:
        raise PipelineError(sentence)

    return call


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: None, "a.png"),
        (refusing("b.png is damaged"), "a.png"),
        (refusing("a.png is damaged\nat line 1"), "a.png"),
        (refusing("a.png: cannot identify <_io.BytesIO object at 0x7ff725b618f0>"), "a.png"),
        (refusing("a.png: re-run with weights_only=False"), "a.png"),
        (refusing("a.png \x1b[31mis damaged"), "a.png"),
        (refusing("a.png " * 1000), "a.png"),
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: 3, Gives(4)),
        (lambda: 3, Gives(3, warns="damaged")),
        (refusing("a.png is damaged"), Gives()),
        (Path(PWNED).touch, Gives()),
    ],
)
def test_the_judge_does_not_let_pass(call: Callable[[], Any], says: Any) -> None:
    with pytest.raises(AssertionError):
        judge(call, says)


def test_the_judge_lets_pass_one_sentence_that_says_it_and_what_is_accepted_with_its_warning() -> None:
    judge(refusing("a.png is damaged: download it again"), r"a\.png.*download")
    judge(lambda: print("warning: damaged") or 3, Gives(3, warns="damaged"))
