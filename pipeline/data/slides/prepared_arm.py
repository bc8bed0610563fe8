"""The prepared array of an arm and its tables, from the parts of its slides."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.compute.scratch import make_parts
from pipeline.data.images import write_images
from pipeline.data.inventory import check_unchanged, read_inventory
from pipeline.data.slides.normalize_job import NormalizeJob, full_size_file, tile_names
from pipeline.data.slides.preparation import Preparation, preparation_of
from pipeline.data.slides.settings import Settings
from pipeline.data.slides.slide_record import ROLES
from pipeline.data.slides.target import target_stains
from pipeline.data.slides.tiles import read_tiles
from pipeline.errors import PipelineError
from pipeline.files import atomic, write_csv, write_picture
from pipeline.layout import INTERIM, RAW

# Slides of each role whose first tile is shown before and after.
SHOWN = 4


def prepare_arm(
    arm: str, settings: Settings, prepared: Path, normalized: Path, scratch: Path, workers: int
) -> pd.DataFrame:
    """Read, normalise and shrink the tiles of an arm that were drawn.

    Args:
        arm: Whose tiles they are.
        settings: Those of the arm, or those that a search tries.
        prepared: Where the array goes.
        normalized: Where the rest goes, see :func:`join_tiles`.
        scratch: Where the parts of unfinished work are kept; for the caller to remove.
        workers: Processes; they change no byte.

    Returns:
        What :func:`join_tiles` returns.

    Raises:
        PipelineError: If the target cannot be used, a slide changed since it was listed, or no tile is left.
    """
    root, tiles = RAW / settings.collection_of(arm), read_tiles(INTERIM / arm / "tiles" / "tiles.csv")
    inventory, normalize = read_inventory(layout.inventory(arm)), settings.normalize_tiles
    check_unchanged(root, inventory, [normalize.target.file, *tiles["path"].unique()])
    target = target_stains(root, settings.collection, normalize, arm)
    job = NormalizeJob(root, preparation_of(settings, target), arm)
    parts = make_parts(job, job.items(tiles, inventory), scratch, workers, "stain normalisation", "tiles")
    return join_tiles(tiles, parts, prepared, normalized, job.preparation)


def join_tiles(
    tiles: pd.DataFrame, parts: Sequence[Path], prepared: Path, normalized: Path, preparation: Preparation
) -> pd.DataFrame:
    """Write the prepared array and, beside it, what was left out and some tiles before and after.

    Only one slide's images are in memory at a time.

    Args:
        tiles: All tiles, a slide's rows together, slides in the order of ``parts``.
        parts: What :class:`NormalizeJob` wrote.
        prepared: Where the prepared array goes.
        normalized: The folder of ``tiles.csv`` (all tiles, with ``reason``), ``before/`` and ``after/`` (PNG) and, if
            asked for, ``tiles/``.
        preparation: How :class:`NormalizeJob` made them.

    Returns:
        ``tiles`` with the column ``reason``, empty for the kept ones.

    Raises:
        PipelineError: If no tile is left.
    """
    if not parts:
        raise PipelineError(f"{prepared}: no tile was drawn: the status.csv beside tiles.csv says why")
    reasons = np.concatenate([_read_part(part, "reasons") for part in parts])
    tiles = tiles.assign(reason=reasons)
    kept = tiles[tiles["reason"] == ""]
    if not len(kept):
        raise PipelineError(f"{prepared}: every tile was left out; the first because: {reasons[0]}")
    images = (images for part in parts if len(images := _read_part(part, "images")))
    write_images(prepared, images, tile_index(kept), preparation.model_dump(mode="json"))
    with atomic(normalized) as folder:
        folder.mkdir()
        write_csv(folder / "tiles.csv", tiles)
        part_of = dict(zip(tiles["slide"].unique(), parts, strict=True))
        for slide in shown_slides(kept):
            for key, name in (("before", "before"), ("images", "after")):
                write_picture(folder / name / f"{slide}.png", _read_part(part_of[slide], key)[0])
        if preparation.normalize_tiles.full_size_tiles:
            (folder / "tiles").mkdir()
            for slide in kept["slide"].unique():
                for name in tile_names(kept[kept["slide"] == slide]):
                    shutil.copyfile(full_size_file(part_of[slide], name), folder / "tiles" / f"{name}.png")
    return tiles


def _read_part(part: Path, key: str) -> np.ndarray:
    with np.load(part, allow_pickle=False) as content:
        return np.asarray(content[key])


def shown_slides(tiles: pd.DataFrame) -> list[str]:
    """Choose some slides of each role, evenly from their list.

    Args:
        tiles: Columns ``slide`` and ``role``.
    """
    chosen = []
    for role in ROLES:
        slides = tiles.loc[tiles["role"] == role, "slide"].unique()
        places = np.linspace(0, len(slides) - 1, min(SHOWN, len(slides))).round().astype(int)
        chosen += [str(slides[place]) for place in places]
    return chosen


def tile_index(tiles: pd.DataFrame) -> pd.DataFrame:
    """Return the index of the array contract for the kept tiles (see :class:`pipeline.data.images.Images`)."""
    split, label = zip(*tiles["role"].map(ROLES), strict=True)
    return pd.DataFrame(
        {
            "id": tile_names(tiles),
            "split": split,
            "label": label,
            "findings": np.where(np.array(label) == 1, "tumour", ""),
            "group": tiles["group"].to_numpy(),
            "source": tiles["path"].to_numpy(),
            "x": tiles["x"].to_numpy(),
            "y": tiles["y"].to_numpy(),
        }
    )


def count_tiles(tiles: pd.DataFrame) -> pd.DataFrame:
    """Count tiles and slides by split and label; left out ones are counted apart, with their reason."""
    split, label = zip(*tiles["role"].map(ROLES), strict=True)
    counted = tiles.assign(split=split, label=label).groupby(["split", "label", "reason"])["slide"]
    return counted.agg(images="size", groups="nunique").reset_index().rename(columns={"reason": "left_out"})


def add_prepared(status: pd.DataFrame, tiles: pd.DataFrame) -> pd.DataFrame:
    """Add to the status table how many tiles of each slide were kept, and why others were not.

    Args:
        status: The status table of sampling.
        tiles: All tiles with ``reason``.

    Returns:
        The table with ``prepared``; a slide with tiles of which none was kept has the status failed.
    """
    status = status.copy()
    kept = tiles[tiles["reason"] == ""].groupby("slide").size()
    reasons = tiles[tiles["reason"] != ""].groupby("slide")["reason"].first()
    status["prepared"] = status["name"].map(kept).fillna(0).astype(int)
    sampled = status["status"] == "ok"
    status.loc[sampled, "reason"] = [reasons.get(name, "") for name in status.loc[sampled, "name"]]
    status.loc[sampled & (status["prepared"] == 0), "status"] = "failed"
    return status
