"""Stage split_xrays: which X-ray is in which split of an arm, and what was left out."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.data.inventory import read_inventory
from pipeline.data.xrays.collection import read_collection
from pipeline.data.xrays.page import split_page
from pipeline.data.xrays.settings import Settings
from pipeline.data.xrays.splits import count_table, used, warnings_of
from pipeline.files import atomic, write_csv
from pipeline.layout import DATA_REPORTS, INTERIM, RAW
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Split one arm's X-rays."""
    settings, report = read_arm(arm).data_as(Settings).split_xrays, DATA_REPORTS / arm
    root, inventory = RAW / settings.collection, read_inventory(layout.inventory(arm))
    table, differences = read_collection(root, inventory, settings, arm)
    for warning in warnings_of(table):
        print(f"warning: {arm}: {warning}", flush=True)
    chosen = used(table)
    write_csv(INTERIM / arm / "split.csv", chosen)
    write_csv(report / "counts.csv", count_table(table))
    with atomic(report / "split.md") as page:
        page.write_text(split_page(table, arm, differences), encoding="utf-8")
    return f"{arm}: {len(chosen)} of {len(table)} X-rays of {chosen['group'].nunique()} patients are in a split"


if __name__ == "__main__":
    run_stage(main)
