"""From drawn tiles to the prepared array: read, normalise, shrink, slide by slide."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from threadpoolctl import threadpool_limits

from pipeline.errors import PipelineError
from pipeline.files import atomic, write_csv, write_picture
from pipeline.images import write_images
from pipeline.inventory import raw_file
from pipeline.params.slides import NormalizeTiles, Slides
from pipeline.slides.reading import Slide
from pipeline.slides.records import ROLES
from pipeline.slides.stain import Normalizer, TooLittleStainError, make_normalizer

# Larger images are not opened as a target.
LARGEST_TARGET = 10_000
# Slides of each role whose first tile is shown before and after.
SHOWN = 4


def target_normalizer(root: Path, slides: Slides, settings: NormalizeTiles, arm: str) -> Normalizer:
    """Read the target and learn its stains.

    Args:
        root: The collection's folder.
        slides: The collection's settings.
        settings: The arm's settings.
        arm: The arm, to name keys in errors.

    Returns:
        The normaliser.

    Raises:
        PipelineError: If the target cannot be read, leaves its slide or shows too little stain.
    """
    key = f"normalize_tiles.{arm}.target"
    target = np.empty((0, 0, 3), np.uint8)
    if settings.method != "none":
        target = _target(root, slides, settings, arm, key)
    try:
        # One thread, as in the processes: sums over pixels must not depend on the number of cores.
        with threadpool_limits(1):
            return make_normalizer(target, settings)
    except TooLittleStainError as error:
        raise PipelineError(f"{key}: {error}; choose a well stained region") from error


def _target(root: Path, slides: Slides, settings: NormalizeTiles, arm: str, key: str) -> np.ndarray:
    file, region = raw_file(root, settings.target.file), settings.target.region
    if region is None:
        try:
            with Image.open(file) as image:
                if max(image.size) > LARGEST_TARGET:
                    raise PipelineError(
                        f"{key}: {file} is too large: cut out a region of at most {LARGEST_TARGET} px a side"
                    )
                return np.asarray(image.convert("RGB"))
        except (OSError, Image.DecompressionBombError) as error:
            raise PipelineError(f"{key}: {file} cannot be read as an image ({error})") from error
    with Slide(file, slides, arm) as slide:
        extent = region.size * slide.pixels_per_tile_pixel
        if region.x + extent > slide.size[0] + 1 or region.y + extent > slide.size[1] + 1:
            wide, high = slide.size
            raise PipelineError(f"{key} ends outside {file} ({wide}×{high} px): choose a region inside it")
        return slide.read(region.x, region.y, region.size)


@dataclass(frozen=True)
class NormalizeJob:
    """Normalises the tiles of one slide; travels to the worker processes.

    Attributes:
        root: The collection's folder.
        slides: The collection's settings.
        tile_size: Side of a tile in pixels at the tile scale.
        settings: The arm's settings.
        normalizer: Gives the tiles the target's stains.
        arm: The arm, to name keys in errors.
    """

    root: Path
    slides: Slides
    tile_size: int
    settings: NormalizeTiles
    normalizer: Normalizer
    arm: str

    def __call__(self, tiles: pd.DataFrame, part: Path) -> int:
        """Write a part: ``images`` and ``reasons``, and the first image ``before`` normalisation.

        ``images`` are uint8 RGB (n, side, side, 3), the tiles that were kept; ``reasons`` has one text per tile, why
        it was left out, empty for the kept ones; ``before`` has the shape of ``images[:1]``. Tiles of full size, if
        asked for, go to the folder ``tiles`` beside the part.

        Args:
            tiles: The slide's tiles.
            part: The file.

        Returns:
            The number of tiles.
        """
        images: list[np.ndarray] = []
        before: list[np.ndarray] = []
        reasons = np.full(len(tiles), "", object)
        try:
            with Slide(raw_file(self.root, tiles["path"].iloc[0]), self.slides, self.arm) as slide:
                normalizer = self.normalizer.for_slide(self._read(slide, tiles), len(tiles))
                for row, (name, tile) in enumerate(self._read(slide, tiles)):
                    try:
                        normalized = normalizer.normalize(tile, name)
                    except TooLittleStainError as error:
                        reasons[row] = str(error)
                        continue
                    images.append(shrink(normalized, self.settings))
                    if self.settings.full_size_tiles:
                        write_picture(full_size_file(part.parent / "tiles", name), normalized)
                    before = before or [shrink(tile, self.settings)]
        except (PipelineError, TooLittleStainError) as error:
            # A damaged slide cannot be read any further.
            done = len(images) + int((reasons != "").sum())
            reasons[done:] = str(error)
        side = self.settings.working_size
        none = np.empty((0, side, side, 3), np.uint8)
        with atomic(part) as unfinished:
            np.savez(
                unfinished,
                images=np.stack(images) if images else none,
                before=np.stack(before) if before else none,
                reasons=reasons.astype(str),
            )
        return len(tiles)

    def _read(self, slide: Slide, tiles: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
        for name, x, y in zip(tile_names(tiles), tiles["x"], tiles["y"], strict=True):
            yield name, slide.read(x, y, self.tile_size)


def tile_names(tiles: pd.DataFrame) -> list[str]:
    """Return the ids of tiles, ``<slide>_x<column>_y<row>`` in level-0 pixels."""
    return [f"{slide}_x{x}_y{y}" for slide, x, y in zip(tiles["slide"], tiles["x"], tiles["y"], strict=True)]


def full_size_file(folder: Path, name: str) -> Path:
    """Return where a normalised tile of full size lies."""
    return folder / f"{name}.png"


def join_tiles(tiles: pd.DataFrame, parts: Sequence[Path], prepared: Path, normalized: Path) -> pd.DataFrame:
    """Write the prepared array and, beside it, what was left out and some tiles before and after.

    Only one slide's images are in memory at a time.

    Args:
        tiles: All tiles, a slide's rows together, slides in the order of ``parts``.
        parts: What :class:`NormalizeJob` wrote.
        prepared: Where the prepared array goes.
        normalized: The folder of ``tiles.csv`` (all tiles, with ``reason``), ``before/`` and ``after/`` (PNG) and, if
            asked for, ``tiles/``.

    Returns:
        ``tiles`` with the column ``reason``, empty for the kept ones.

    Raises:
        PipelineError: If no tile is left.
    """
    reasons = np.concatenate([_read_part(part, "reasons") for part in parts])
    tiles = tiles.assign(reason=reasons)
    kept = tiles[tiles["reason"] == ""]
    if not len(kept):
        raise PipelineError(f"{prepared}: every tile was left out; the first because: {reasons[0]}")
    write_images(prepared, (images for part in parts if len(images := _read_part(part, "images"))), tile_index(kept))
    with atomic(normalized) as folder:
        folder.mkdir()
        write_csv(folder / "tiles.csv", tiles)
        of_slide = dict(zip(tiles["slide"].unique(), parts, strict=True))
        for slide in shown_slides(kept):
            for key, name in (("before", "before"), ("images", "after")):
                write_picture(folder / name / f"{slide}.png", _read_part(of_slide[slide], key)[0])
        _copy_full_size(parts[0].parent / "tiles", folder / "tiles", tile_names(kept))
    return tiles


def _read_part(part: Path, key: str) -> np.ndarray:
    with np.load(part, allow_pickle=False) as content:
        return np.asarray(content[key])


def _copy_full_size(source: Path, target: Path, names: list[str]) -> None:
    if source.is_dir():
        target.mkdir()
        for name in names:
            # Copied, not moved: until the stage has ended, its parts must stay whole.
            shutil.copyfile(full_size_file(source, name), full_size_file(target, name))


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
    """Return the index of the array contract for the kept tiles (see :class:`pipeline.images.Images`)."""
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


def shrink(tile: np.ndarray, settings: NormalizeTiles) -> np.ndarray:
    """Downsample a tile, uint8 (S, S, 3), to the working size: by averaging areas or by Pillow's bilinear filter."""
    side = settings.working_size
    if settings.downsampling == "bilinear":
        return np.asarray(Image.fromarray(tile).resize((side, side), Image.Resampling.BILINEAR))
    return np.asarray(cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA))
