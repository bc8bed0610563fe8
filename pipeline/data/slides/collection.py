"""Which slides a collection has and which part each one plays, whatever its layout."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.compute.seeding import derived_seed
from pipeline.data.collection_csv import refuse_formulas
from pipeline.data.inventory import EMPTY
from pipeline.data.slides.camelyon16 import read_camelyon16
from pipeline.data.slides.settings import Slides
from pipeline.data.slides.slide_record import ROLES, SlideRecord
from pipeline.data.slides.table import read_table
from pipeline.errors import PipelineError
from pipeline.layout import arm_key

SAME_CONTENT = "same content as "


def read_collection(root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> list[SlideRecord]:
    """Give every slide of a collection its part.

    Args:
        root: The collection's folder.
        inventory: Its files (columns ``path``, ``bytes`` and ``md5``).
        settings: The collection's settings: the layout of Camelyon16, or the ``table`` that describes another.
        arm: Names keys in errors.

    Returns:
        All slides, used or not, sorted by name.

    Raises:
        PipelineError: If the collection is missing, contradicts itself, or changed since it was listed.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing: put the collection there, or a link to it, or mount its disk")
    read = read_table if settings.table else read_camelyon16
    records = read(root, inventory, settings, arm)
    check_collection(records, root, arm)
    records = use_content_once(hold_out(records, settings), inventory, root)
    return sorted([*records, *_absent(records, settings, arm)], key=lambda record: record.name)


def _absent(records: list[SlideRecord], settings: Slides, arm: str) -> list[SlideRecord]:
    """A row for every name that is to be left out and that no slide has, since it may be misspelt."""
    names = {record.name for record in records}
    return [
        SlideRecord(name, "", "", "", "", f"named in {arm_key(arm, f'collection.{key}')}, but there is no such slide")
        for key in ("excluded", "not_exhaustively_annotated")
        for name in getattr(settings, key)
        if name not in names
    ]


def hold_out(records: list[SlideRecord], settings: Slides) -> list[SlideRecord]:
    """Turn a share of the training slides into normal validation slides, whole groups at a time.

    A group's rank depends on the seed and its own name only, so that a slide more or less moves at most one other.
    Where a table names normal validation slides, no others are held out.

    Args:
        records: All slides.
        settings: Share and seed.

    Returns:
        The slides in their order; at least one group is held out if the share is above zero and another is left.
    """
    groups = {record.group for record in records if record.role == "train"}
    ranked = sorted(groups, key=lambda group: derived_seed(settings.seed, "validation slides", group))
    given = any(record.role == "val_normal" for record in records)
    wanted = max(1, round(settings.validation_share * len(ranked))) if settings.validation_share and not given else 0
    chosen = set(ranked[: min(wanted, len(ranked) - 1)])
    return [
        replace(record, role="val_normal") if record.role == "train" and record.group in chosen else record
        for record in records
    ]


def check_collection(records: list[SlideRecord], root: Path, arm: str) -> None:
    """Check what both layouts have to keep.

    Args:
        records: All slides.
        root: The collection's folder.
        arm: Names keys in errors.

    Raises:
        PipelineError: If a name is used twice, a group is in two splits, or there is nothing to train on.
    """
    refuse_formulas(
        pd.Series([record.name for record in records], [record.path for record in records], str, "name"), f"{root}/"
    )
    twice = [name for name, count in Counter(record.name for record in records).items() if count > 1]
    if twice:
        raise PipelineError(f"{root}: two slides are called {min(twice)}: rename one of them")
    splits: dict[str, str] = {}
    for record in (record for record in records if record.role):
        split = ROLES[record.role][0]
        if splits.setdefault(record.group, split) != split:
            raise PipelineError(
                f"{root}: the group {record.group!r} is used for {splits[record.group]} and for {split}: keep it on "
                "one side"
            )
    if not any(record.role == "train" for record in records):
        raise PipelineError(
            f"{root} has no slide of role train for {arm}: docs/parameters.md says how slides get roles"
        )


def use_content_once(records: list[SlideRecord], inventory: pd.DataFrame, root: Path) -> list[SlideRecord]:
    """Leave out slides whose content is that of another one, which may be the same patient under another name.

    Empty files have no content: each of them fails by itself when it is read.

    Args:
        records: All slides, with those that are held out.
        inventory: The collection's files (columns ``path`` and ``md5``).
        root: The collection's folder.

    Returns:
        The slides in their order; of equal ones only the first is used.

    Raises:
        PipelineError: If the same content has two roles, which are two splits or two labels.
    """
    checksums = dict(zip(inventory["path"], inventory["md5"], strict=True))
    first: dict[str, SlideRecord] = {}
    once = []
    for record in records:
        checksum = checksums[record.path] if record.role else EMPTY
        original = record if checksum == EMPTY else first.setdefault(checksum, record)
        if original.role != record.role:
            raise PipelineError(
                f"{root}: {original.path} and {record.path} have the same content, but the roles {original.role} and "
                f"{record.role}: keep one of them"
            )
        copy = replace(record, role="", annotation="", unused=f"{SAME_CONTENT}{original.name}")
        once.append(record if original is record else copy)
    return once


def warn_of_copies(records: list[SlideRecord]) -> None:
    """Print which slides are copies of others."""
    for record in records:
        if record.unused.startswith(SAME_CONTENT):
            print(f"warning: {record.path} has the {record.unused} and is not counted again", flush=True)
