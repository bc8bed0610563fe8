"""``make tune``: prepare arms, search their settings, and enter what came out into dvc.lock."""

import subprocess
import sys
from collections.abc import Sequence

from pipeline.errors import PipelineError
from pipeline.params.file import read_params
from pipeline.stage import errors_in_one_sentence
from pipeline.tuning.space import Space


def main(named: Sequence[str]) -> None:
    """Search arms of ``arms.tune``, all of them unless some are named.

    Raises:
        PipelineError: If there is none, an arm is not among them or is not prepared, or its space is impossible.
    """
    params = read_params()
    arms = named or params.arms.tune
    if not arms:
        raise PipelineError("params.yaml: arms.tune is empty: name the arms to search")
    prepared_by = dict.fromkeys(params.arms.slides, "normalize_tiles") | dict.fromkeys(
        params.arms.xrays, "equalize_xrays"
    )
    for arm in arms:
        for section, listed in (("arms.tune", params.arms.tune), ("arms.slides or arms.xrays", tuple(prepared_by))):
            if arm not in listed:
                raise PipelineError(
                    f"params.yaml: {arm!r} is not in {section}: add it, or choose from {', '.join(listed)}"
                )
        Space(params, arm)
    _run("dvc", "repro", *(f"{prepared_by[arm]}@{arm}" for arm in arms))
    for arm in arms:
        # DVC verifies what a frozen stage made, but never runs it.
        _run("stages.tune", arm)
        _run("stages.show_tuning", arm)
        _run("dvc", "commit", "--force", f"tune@{arm}", f"show_tuning@{arm}")
    _run("dvc", "repro", "--single-item", "report")


def _run(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    with errors_in_one_sentence():
        main(sys.argv[1:])
