"""``make tune``: prepare arms, search their settings, and enter what came out into dvc.lock."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.files import write_text
from pipeline.params.file import read_params
from pipeline.stage import errors_in_one_sentence
from pipeline.tuning.adopting import edited_yaml
from pipeline.tuning.space import Space


def main(named: Sequence[str]) -> None:
    """Search the named arms or, if none is named, those of ``arms.tune``; what was searched enters that list.

    Raises:
        PipelineError: If there is none, an arm has no search or nothing prepares it, or its space is impossible.
    """
    params = read_params()
    arms = named or params.arms.tune
    if not arms:
        raise PipelineError("params.yaml: arms.tune is empty: name the arms to search")
    prepared_by = {arm: params.data(arm).prepared_by for arm in (*params.arms.slides, *params.arms.xrays)}
    for arm in arms:
        params.check_arm(arm, "tune")
        if arm not in prepared_by:
            raise PipelineError(
                f"params.yaml: {arm!r} is not in arms.slides or arms.xrays: add it, or choose from "
                f"{', '.join(prepared_by)}"
            )
        Space(params, arm)
    _run("dvc", "repro", *(f"{prepared_by[arm]}@{arm}" for arm in arms))
    for arm in arms:
        # DVC verifies what a frozen stage made, but never runs it.
        _run("stages.tune", arm)
        if arm not in params.arms.tune:
            enter(arm)
        _run("stages.show_tuning", arm)
        _run("dvc", "commit", "--force", f"tune@{arm}", f"show_tuning@{arm}")
    _run("dvc", "repro", "--single-item", "check_params", "report")


def enter(arm: str, path: Path = Path("params.yaml")) -> None:
    """Put an arm into ``arms.tune``, after its search, since DVC stops where a listed arm has no tables."""
    # at the front: the blank line after a list belongs to its last entry
    text = edited_yaml(path.read_text(encoding="utf-8"), lambda content: content["arms"]["tune"].insert(0, arm))
    write_text(path, text)
    print(f"{path}: {arm} is now in arms.tune, so that its tables stay with the reports")


def _run(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    with errors_in_one_sentence():
        main(sys.argv[1:])
