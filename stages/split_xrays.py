"""Stage split_xrays: which X-ray is in which split of an arm, and what was left out."""

from pathlib import Path

from pipeline.files import write_csv
from pipeline.inventory import read_inventory
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.xrays.index import find_metadata, read_index
from pipeline.xrays.splits import count_table, read_lists, split_xrays, used


def main(arm: str) -> str:
    """Split one arm's X-rays."""
    params = read_params()
    params.check_arm(arm, "split_xrays")
    settings = params.split_xrays[arm]
    root = Path("data/raw") / settings.collection
    inventory = read_inventory(Path("data/raw/inventory") / f"{arm}.csv")
    index = read_index(find_metadata(root))
    table = split_xrays(index, read_lists(root, settings.lists), inventory, settings)
    chosen = used(table)
    write_csv(Path("data/interim") / arm / "split.csv", chosen)
    write_csv(Path("reports/data") / arm / "counts.csv", count_table(table))
    return f"{arm}: {len(chosen)} of {len(table)} X-rays of {chosen['group'].nunique()} patients are in a split"


if __name__ == "__main__":
    run_stage(main)
