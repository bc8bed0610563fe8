"""What an arm of slides has to change for another collection."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.data.collection_csv import choose_table, read_rows
from pipeline.data.inventory import raw_file
from pipeline.data.kinds import Adapted, is_given, with_values
from pipeline.data.slides.camelyon16 import SUFFIXES
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.settings import Region, Settings, StainTarget
from pipeline.data.slides.table import COLUMNS
from pipeline.data.slides.target import target_stains
from pipeline.data.slides.tissue import NoTissueError, find_tissue
from pipeline.errors import PipelineError

GENERATED, TABLE = "collection.generated", "collection.table"
FILE, REGION = "normalize_tiles.target.file", "normalize_tiles.target.region"
# what names slides, or files that name tiles
NAMES = (
    *(f"collection.{key}" for key in ("validation_tumour", "not_exhaustively_annotated", "excluded")),
    "sample_tiles.tile_lists",
)
TRAINING = "training/normal"  # of Camelyon16's layout
TRIED = 5  # slides without a place to learn stains from, before a person has to choose


def adapted(arm: str, settings: Settings, folder: Path, given: Mapping[str, Any]) -> Adapted:
    """See :meth:`pipeline.data.kinds.Kind.for_new_arm`; without a CSV, the layout stays that of Camelyon16."""
    own = settings.collection
    table = choose_table(folder, COLUMNS, TABLE, own.table, given, [TRAINING])
    changes: dict[str, Any] = {GENERATED: False} if table is None else {GENERATED: False, TABLE: table}
    if table is not None or own.generated:
        changes |= {key: [] for key in NAMES}
    chosen = {key: value for key, value in changes.items() if not is_given(key, given)}
    said = [] if table is None else [f"{table} gives every slide its role"]
    new = with_values(settings, {**chosen, **given})
    if target := _new_target(own.generated, new, folder, given, _training_slides(folder, table), arm):
        chosen |= {
            FILE: target.file,
            **{f"{REGION}.{key}": value for key, value in target.model_dump()["region"].items()},
        }
        said.append(
            f"all tiles are given the stains of the square of {target.file} with most tissue: look at "
            f"reports/data/{arm}/normalisation.png, and choose another one if they look wrong"
        )
    return Adapted(chosen, said)


def _new_target(
    drawn: bool, new: Settings, folder: Path, given: Mapping[str, Any], training: Sequence[str], arm: str
) -> StainTarget | None:
    """Choose a target unless it is given, or that of the other arm serves."""
    file = new.normalize_tiles.target.file
    there = raw_file(folder, file).is_file()
    file_is_given = is_given(FILE, given)
    square_is_given = any(is_given(f"{REGION}.{corner}", given) for corner in ("x", "y"))
    if new.normalize_tiles.method == "none":
        return None
    if (file_is_given or square_is_given) and not there:
        raise PipelineError(f"{FILE} is {file}, which is not in {folder}: name a slide that is by --set {FILE}=FILE")
    if square_is_given or (there and not drawn and not file_is_given):
        return None
    return choose_target([file] if file_is_given else training, new, folder, arm)


def choose_target(files: Sequence[str], settings: Settings, folder: Path, arm: str) -> StainTarget:
    """Choose where stains are learnt from: the square with most tissue of the first slide that has enough of both.

    Args:
        files: Slides, relative to the folder.
        arm: Names keys in errors.

    Raises:
        PipelineError: If none has.
    """
    reasons = []
    for file in files[:TRIED]:
        try:
            target = _most_tissue(file, settings, folder, arm)
            normalize = settings.normalize_tiles.model_copy(update={"target": target})
            target_stains(folder, settings.collection, normalize, arm)
            return target
        except NoTissueError as error:
            reasons.append(f"of {file}, {error}")
        except PipelineError as error:
            reasons.append(str(error))
    reason = reasons[0] if reasons else "there is no such slide"
    raise PipelineError(
        f"no square of a training slide serves as target of the stains ({reason}): set what is wrong, or name a square "
        f"by --set {FILE}=FILE --set '{REGION}={{x: 0, y: 0, size: 2048}}'"
    )


def _training_slides(folder: Path, table: str | None) -> list[str]:
    if table is not None:
        rows = read_rows(raw_file(folder, table), COLUMNS)
        return sorted(rows.loc[rows["role"] == "train", "path"])
    slides = (path for path in (folder / TRAINING).glob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path.relative_to(folder).as_posix() for path in slides)


def _most_tissue(file: str, settings: Settings, folder: Path, arm: str) -> StainTarget:
    """Find the square with most tissue, of the size that the settings' target has; smaller on a smaller slide."""
    masking, scale = settings.tissue_masks, settings.collection.microns_per_pixel
    region = settings.normalize_tiles.target.region
    size = region.size if region else settings.sample_tiles.tile_size
    with Slide(raw_file(folder, file), settings.collection, arm) as slide:
        mask = find_tissue(slide.thumbnail(masking.microns_per_pixel), masking).mask
        pixel = masking.microns_per_pixel / slide.microns_per_pixel
    side = min(math.ceil(size * scale / masking.microns_per_pixel), *mask.shape)
    below = cv2.integral(mask.astype(np.uint8))
    tissue = below[side:, side:] - below[side:, :-side] - below[:-side, side:] + below[:-side, :-side]
    row, column = np.unravel_index(tissue.argmax(), tissue.shape)
    size = min(size, int(side * masking.microns_per_pixel / scale))
    return StainTarget(file=file, region=Region(x=round(float(column) * pixel), y=round(float(row) * pixel), size=size))
