"""Fail where reports/ is not what the committed code and parameters make."""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from pipeline.errors import PipelineError, words_of
from pipeline.layout import REPORTS, first_look, tuning
from pipeline.params.file import read_params
from pipeline.real.kept import REAL


def main(words: Sequence[str]) -> int:
    """Print what is wrong with the reports and return 1, or say that nothing is.

    Raises:
        PipelineError: Where DVC finds no repository, or cannot read it.
    """
    argparse.ArgumentParser(prog="python -m pipeline check-lock", description=__doc__).parse_args(words)
    missing, left_over = misplaced()
    faults = [
        *stale_stages(),
        *(f"{path} is missing" for path in missing),
        *(f"{path} is left over: no stage makes it" for path in left_over),
    ]
    if faults:
        removal = f"remove what is left over with `{shlex.join(['rm', '-rf', *left_over])}`, " if left_over else ""
        advice = "run `dvc repro`, and commit params.yaml, arms/, reports/ and dvc.lock together"
        print(*faults, f"error: {removal}{advice}", sep="\n", file=sys.stderr)
        return 1
    print("reports/ and dvc.lock belong to the code, params.yaml and arms/")
    return 0


def stale_stages() -> list[str]:
    """Say which stages would run, without the data that a fresh clone lacks."""
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)  # noqa: S603
    stages = re.findall(r"^Running stage '(.*)':$", done.stdout, re.MULTILINE)
    faults = [
        f"{stage} is older than its code, parameters or inputs: `dvc status {stage}` says which" for stage in stages
    ]
    if done.returncode and not faults:  # else the clone lacks what a stage before would make
        faults = [words_of(DvcException(done.stderr))]
    return faults


def misplaced() -> tuple[list[str], list[str]]:
    """Return missing reports, and files or whole folders that no stage makes, as of an arm that left."""
    try:
        with Repo() as repo:
            outs = [Path(out.fs_path).relative_to(repo.root_dir) for out in repo.index.outs]
    except DvcException as error:
        raise PipelineError(
            f"run this at the root of a clone, with a dvc.yaml that DVC can read: {words_of(error)}"
        ) from None
    made = [out for out in outs if REPORTS in out.parents]
    if not made:  # else everything would be left over
        raise PipelineError("dvc.yaml names no stage that makes reports/: put it right (`git restore dvc.yaml`)")
    arms = read_params().arms.prepared
    kept = [*made, *map(tuning, arms), *map(first_look, arms), REAL]  # a search is no stage, nor is a first look
    used = {folder for out in kept for folder in out.parents}
    files = [file for file in sorted(REPORTS.rglob("*")) if file.is_file()]
    left_over = [file for file in files if not any(file == out or out in file.parents for out in kept)]
    # the highest folder above each in which nothing is made
    highest = [next(path for path in (*reversed(file.parents), file) if path not in used) for file in left_over]
    missing = sorted(out for out in made if not out.exists())
    return [str(out) for out in missing], [str(path) for path in dict.fromkeys(highest)]
