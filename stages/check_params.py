"""Check params.yaml before any other stage runs: ``python -m stages.check_params``."""

from pathlib import Path

from pipeline.files import write_text
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main() -> str:
    """Write the same line for every valid params.yaml, so that stages that wait for it do not run again."""
    read_params()
    write_text(Path("data/interim/checked.txt"), "params.yaml is valid\n")
    return "params.yaml is valid"


if __name__ == "__main__":
    run_stage(main)
