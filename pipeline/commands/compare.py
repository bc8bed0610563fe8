"""Say what changed since a revision; with --gate, fail where a metric became worse.

It reads the committed scores alone: neither data nor models are needed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dvc.api import DVCFileSystem

from pipeline.errors import PipelineError
from pipeline.evaluation.scores import Reader, read_local
from pipeline.params.file import read_params
from pipeline.reporting.comparison import all_called, changes, comparison_text, failures, read_revision


def main(words: Sequence[str]) -> int:
    """Print what changed; with ``--gate``, return 1 where a metric became worse by more than params.yaml allows."""
    parser = argparse.ArgumentParser(prog="python -m pipeline compare", description=__doc__)
    parser.add_argument("base", help="branch, tag, commit or DVC experiment to compare with")
    parser.add_argument("--gate", action="store_true", help="fail where a metric became worse by more than allowed")
    arguments = parser.parse_args(words)
    params = read_params()
    base = read_revision(arguments.base, reader_of(arguments.base))
    head = read_revision("the working tree", read_local)
    changed = changes(base, head, params.compute_metrics)
    if not arguments.gate:
        print(comparison_text(base, head, changed))
        return 0
    # The base's gate, so that no change can loosen the gate that it has to pass.
    allowed = params.gate if base.gate is None else base.gate
    if lines := failures(changed, base, head, allowed):
        print(*lines, sep="\n", file=sys.stderr)
        return 1
    compared = all_called({change.run for change in changed}, base, head) or "no arm"
    print(f"compared {compared}: nothing became worse than {base.name} by more than its `gate` in params.yaml allows")
    return 0


def reader_of(revision: str) -> Reader:
    """Return what reads the repository's files as they were in a revision, of git or of DVC's experiments."""
    if not revision:
        raise PipelineError("no revision is named: name a branch, a commit or an experiment, as in BASE=main")
    if not Path(".git").exists():
        raise PipelineError("this folder is no clone, and knows no other revision: clone the repository with git")
    files = DVCFileSystem(rev=revision)
    return lambda path: files.read_text(path, encoding="utf-8") if files.isfile(path) else None
