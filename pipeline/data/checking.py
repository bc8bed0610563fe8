"""Listing the files of collections, and whether arms can run with what is there."""

import sys
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline import layout
from pipeline.data.inventory import SCRATCH, make_inventory, read_inventory, write_inventory
from pipeline.data.kinds import Files, KindSettings, kind_of
from pipeline.errors import PipelineError
from pipeline.layout import RAW


def check_collections(settings_of: Mapping[str, KindSettings], asked: Collection[str]) -> bool:
    """Write the inventories, one per arm, read the CSVs that describe collections, and print a table.

    Args:
        settings_of: Every arm whose collection is listed.
        asked: Those of them that are to run.

    Returns:
        Whether they can; what is wrong is printed.
    """
    table = Table("collection", "files", "found", "expected", "state", title="Data under data/raw")
    collection_of = {arm: settings.collection_of(arm) for arm, settings in settings_of.items()}
    incomplete: set[str] = set()
    for collection in dict.fromkeys(collection_of.values()):
        readers = {arm: settings_of[arm] for arm in settings_of if collection_of[arm] == collection}
        if made := next(filter(None, (_made(collection, settings) for settings in readers.values())), ""):
            table.add_row(collection, "", "", "", f"{made} by `dvc repro`")
            continue
        rows = _check_collection(collection, readers, [readers[arm] for arm in asked if arm in readers])
        for pattern, number, wanted, state in rows:
            table.add_row(collection, pattern, str(number), wanted, state)
        if any(row[-1] in ("missing", "incomplete") for row in rows):
            incomplete.add(collection)
    Console().print(table)
    blocked = [arm for arm in asked if collection_of[arm] in incomplete]
    for arm in blocked:
        print(
            f"error: {arm} needs the collection {collection_of[arm]}, which is not whole (see above)", file=sys.stderr
        )
    wrong = [arm for arm in asked if arm not in blocked and not _is_readable(arm, settings_of[arm])]
    return not (blocked or wrong)


def _check_collection(
    collection: str, readers: Mapping[str, KindSettings], asked: Sequence[KindSettings]
) -> list[tuple[str, int, str, str]]:
    """List the files of a collection for every arm that reads it, and compare them with what was published."""
    inventories = [layout.inventory(arm) for arm in readers]
    try:
        inventory = make_inventory(RAW / collection, inventories[0], SCRATCH / f"{collection}.json")
    except PipelineError as error:
        return [(escape(str(error)), 0, "", "missing")]
    for csv in inventories[1:]:
        write_inventory(csv, inventory)
    expected: dict[str, tuple[int, int | None]] = {}
    for settings in {settings.kind: settings for settings in asked or readers.values()}.values():
        own = [other for other in asked if other.kind == settings.kind]
        expected |= kind_of(settings).expected_files(collection, own)
    return check_files(inventory["path"].tolist(), expected)


def _made(collection: str, settings: KindSettings) -> str:
    """What a stage does to make a collection, in a word; empty for one that a user puts there."""
    return "generated" if settings.generated else "unpacked" if collection in layout.samples() else ""


def _is_readable(arm: str, settings: KindSettings) -> bool:
    """Read the CSV that describes an arm's collection, if one does, as its first stage will; say what is wrong."""
    if _made(settings.collection_of(arm), settings):
        return True
    try:
        for warning in kind_of(settings).check_collection(arm, settings, read_inventory(layout.inventory(arm))):
            print(f"warning: {arm}: {warning}")
    except PipelineError as error:
        print(f"error: {arm}: {error}", file=sys.stderr)
        return False
    return True


def check_files(paths: Sequence[str], expected: Files) -> list[tuple[str, int, str, str]]:
    """Compare a collection with what was published.

    Args:
        paths: Its files, relative to its folder.
        expected: Pattern to the least and greatest number of files.

    Returns:
        Per pattern: the pattern, files found, files expected, and ``complete``, ``incomplete``, ``more than
        published`` or ``missing``.
    """
    rows = []
    for pattern, (least, most) in expected.items():
        number = sum(fnmatchcase(path, pattern) for path in paths)
        state = "complete"
        if number < least:
            state = "incomplete" if number else "missing"
        elif most is not None and number > most:
            state = "more than published"
        rows.append((pattern, number, str(least) if least == most else f"{least}–{most or ''}", state))
    return rows
