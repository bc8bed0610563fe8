"""Which slides a collection has and which part each one plays, whatever its layout."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.errors import PipelineError
from pipeline.inventory import raw_file
from pipeline.params.slides import Slides
from pipeline.seeding import derived_seed
from pipeline.slides.camelyon16 import read_camelyon16
from pipeline.slides.records import ROLES, SlideRecord
from pipeline.slides.table import read_table


def read_collection(root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> list[SlideRecord]:
    """Give every slide of a collection its part.

    Args:
        root: The collection's folder.
        inventory: Its files (columns ``path``, ``bytes`` and ``md5``).
        settings: The collection's settings: the layout of Camelyon16, or the ``table`` that describes another.
        arm: The arm, to name keys in errors.

    Returns:
        All slides, used or not, sorted by name.

    Raises:
        PipelineError: If the collection is missing, contradicts itself, or changed since it was listed.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing: put the collection there, or a link to it, or mount its disk")
    read = read_table if settings.table else read_camelyon16
    records = hold_out(read(root, inventory, settings, arm), settings)
    check_collection(records, root, arm)
    check_unchanged(records, root, inventory)
    return records


def hold_out(records: list[SlideRecord], settings: Slides) -> list[SlideRecord]:
    """Turn a share of the training slides into normal validation slides, whole groups at a time.

    A group's rank depends on the seed and its own name only, so that a slide more or less moves at most one other.

    Args:
        records: All slides.
        settings: Share and seed.

    Returns:
        The slides in their order; at least one group is held out if the share is above zero and another is left.
    """
    groups = {record.group for record in records if record.role == "train"}
    ranked = sorted(groups, key=lambda group: derived_seed(settings.seed, "validation slides", group))
    wanted = max(1, round(settings.validation_share * len(ranked))) if settings.validation_share else 0
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
        arm: The arm, to name keys in errors.

    Raises:
        PipelineError: If a name is used twice, a group has slides in two splits, or there is nothing to train on.
    """
    twice = [name for name, count in Counter(record.name for record in records).items() if count > 1]
    if twice:
        raise PipelineError(f"{root}: two slides are called {min(twice)}: rename one of them")
    splits: dict[str, str] = {}
    for record in records:
        split = ROLES[record.role][0] if record.role else ""
        if split and splits.setdefault(record.group, split) != split:
            raise PipelineError(
                f"{root}: the group {record.group!r} has slides for {splits[record.group]} and for {split}: a group "
                "stays on one side"
            )
    if not any(record.role == "train" for record in records):
        raise PipelineError(f"{root} holds no normal slide to train {arm} on: see the README for the layout")


def check_unchanged(records: list[SlideRecord], root: Path, inventory: pd.DataFrame) -> None:
    """Check that the files that will be read are still those of the inventory.

    Args:
        records: All slides.
        root: The collection's folder.
        inventory: Its files (columns ``path`` and ``bytes``).

    Raises:
        PipelineError: If one is gone or has another size.
    """
    sizes = dict(zip(inventory["path"], inventory["bytes"], strict=True))
    for record in records:
        for path in filter(None, (record.path, record.annotation) if record.role else ()):
            file = raw_file(root, path)
            if not file.is_file() or file.stat().st_size != sizes[path]:
                state = "has another size than when it" if file.is_file() else "is gone since it"
                raise PipelineError(f"{file} {state} was listed: repair it or run `make check-data` again")
