"""Unpack a collection that comes with the repository: ``python -m stages.unpack_sample <collection>``."""

from pipeline import layout
from pipeline.data.archives import read_members
from pipeline.data.inventory import SCRATCH, make_inventory
from pipeline.demo.listing import is_listed, leave_empty
from pipeline.files import atomic
from pipeline.layout import RAW
from pipeline.stage import run_stage


def main(collection: str) -> str:
    """Write the files of the archive, with their inventory; nothing if no arm asks."""
    with atomic(RAW / collection) as folder:
        if not is_listed(collection):
            return leave_empty(folder, collection)
        for path, content in read_members(layout.sample(collection)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    listed = make_inventory(RAW / collection, layout.inventory(collection), SCRATCH / f"{collection}.json")
    return f"unpacked {len(listed)} files of patients"


if __name__ == "__main__":
    run_stage(main)
