"""``make check-lock``: says where reports/ is not what the committed code and parameters make."""

import subprocess
import sys
from pathlib import Path

from dvc.repo import Repo

from pipeline.stage import errors_in_one_sentence

REPORTS = Path("reports")


def main() -> None:
    """Print what is wrong with the reports and exit with 1, or say that nothing is."""
    faults = [*stale_stages(), *misplaced_files()]
    if faults:
        sys.exit(
            "\n".join([*faults, "error: run `dvc repro`, remove what is left over, and commit reports/ and dvc.lock"])
        )
    print("reports/ and dvc.lock belong to the code and the parameters")


def stale_stages() -> list[str]:
    """Say which stages would run, without the data that a fresh clone lacks."""
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)  # noqa: S603
    faults = [line for line in done.stdout.splitlines() if line.startswith("Running stage")]
    return faults + ([done.stderr.strip()] if done.returncode else [])


def misplaced_files() -> list[str]:
    """Say which reports are missing, and which files no stage makes, as those of a seed that left params.yaml."""
    with Repo() as repo:
        outs = [Path(out.fs_path).relative_to(repo.root_dir) for out in repo.index.outs]
    made = [out for out in outs if REPORTS in out.parents]
    files = [file for file in sorted(REPORTS.rglob("*")) if file.is_file()]
    left_over = [file for file in files if not any(file == out or out in file.parents for out in made)]
    missing = sorted(out for out in made if not out.exists())
    return [f"{out} is missing" for out in missing] + [f"{file} is left over: no stage makes it" for file in left_over]


if __name__ == "__main__":
    with errors_in_one_sentence():
        main()
