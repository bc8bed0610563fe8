"""Stage split_xrays: which X-ray is in which split of an arm, and what was left out."""

from pathlib import Path

from pipeline.files import atomic, write_csv
from pipeline.inventory import check_unchanged, read_inventory
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.xrays.index import compare_versions, find_metadata, read_index
from pipeline.xrays.page import split_page
from pipeline.xrays.splits import count_table, read_lists, split_xrays, used, warn_of_copies
from pipeline.xrays.table import read_table


def main(arm: str) -> str:
    """Split one arm's X-rays."""
    params = read_params()
    params.check_arm(arm, "split_xrays")
    settings = params.split_xrays[arm]
    root, report = Path("data/raw") / settings.collection, Path("reports/data") / arm
    inventory = read_inventory(Path("data/raw/inventory") / f"{arm}.csv")
    if settings.table is None:
        names = [path for path in inventory["path"] if path.endswith((".csv", ".txt"))]
        check_unchanged(root, inventory, names)
        index, lists = read_index(find_metadata(root)), read_lists(root, settings.lists or "official")
        differences = compare_versions(root)
    else:
        (index, lists), differences = read_table(root, inventory, settings.table), None
    table = split_xrays(index, lists, inventory, settings)
    warn_of_copies(table)
    chosen = used(table)
    write_csv(Path("data/interim") / arm / "split.csv", chosen)
    write_csv(report / "counts.csv", count_table(table))
    with atomic(report / "split.md") as page:
        page.write_text(split_page(table, arm, differences), encoding="utf-8")
    return f"{arm}: {len(chosen)} of {len(table)} X-rays of {chosen['group'].nunique()} patients are in a split"


if __name__ == "__main__":
    run_stage(main)
