"""Check params.yaml and every arm's file before any other stage runs: ``python -m stages.check_params``."""

from pipeline.arms import check_arms
from pipeline.files import write_text
from pipeline.layout import INTERIM
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main() -> str:
    """Write the same line for all valid settings, so that stages that wait for it do not run again."""
    check_arms(read_params())
    write_text(INTERIM / "checked.txt", "params.yaml is valid\n")
    return "params.yaml and arms/ are valid"


if __name__ == "__main__":
    run_stage(main)
