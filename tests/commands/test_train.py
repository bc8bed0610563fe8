"""``make train`` before it asks DVC; what it computes is in tests/test_chain.py and tests/test_side_by_side.py."""

from pathlib import Path
from typing import Any

import pytest

from tests.in_process import call
from tests.shipped import with_values, write


@pytest.mark.parametrize(
    ("changes", "words", "sentence"),
    [
        (
            [],
            ["--arm", "nih_pa"],
            "error: params.yaml: 'nih_pa' is not in arms.train: add it, or",
        ),
        ([], ["--jobs", "0"], "error: --jobs is 0: expected a whole number from 1 on"),
        (
            [("compute.processes", 2)],
            ["--jobs", "2"],
            "error: params.yaml: compute.processes is 2, so that one",
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    in_folder: Path, changes: list[tuple[str, Any]], words: list[str], sentence: str
) -> None:
    write(with_values(*changes))
    done = call("train", *words, folder=in_folder)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(sentence)
