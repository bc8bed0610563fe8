"""The tiles of one slide: read, normalise, shrink."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compute.scratch import scratch_key
from pipeline.data.inventory import raw_file
from pipeline.data.slides.preparation import Preparation
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.reasons import reason_of
from pipeline.data.stain import TooLittleStainError
from pipeline.files import atomic, write_picture


@dataclass(frozen=True)
class NormalizeJob:
    """Normalises the tiles of one slide; travels to the worker processes.

    Attributes:
        root: The collection's folder.
        preparation: How tiles are made.
        arm: Names keys in errors.
    """

    root: Path
    preparation: Preparation
    arm: str

    def __call__(self, tiles: pd.DataFrame, part: Path) -> int:
        """Write a part: ``images`` and ``reasons``, and the first image ``before`` normalisation.

        ``images`` are uint8 RGB (n, side, side, 3), the tiles that were kept; ``reasons`` has one text per tile, why
        it was left out, empty for the kept ones; ``before`` has the shape of ``images[:1]``. Tiles of full size, if
        asked for, go to a folder beside the part (see :func:`full_size_file`).

        Returns:
            The number of tiles.
        """
        images: list[np.ndarray] = []
        before: list[np.ndarray] = []
        reasons = np.full(len(tiles), "", object)
        failed = False
        settings = self.preparation.normalize_tiles
        try:
            with Slide(raw_file(self.root, tiles["path"].iloc[0]), self.preparation.scale, self.arm) as slide:
                normalizer = self.preparation.normalizer().for_slide(self._read(slide, tiles), len(tiles))
                for row, (name, tile) in enumerate(self._read(slide, tiles)):
                    try:
                        normalized = normalizer.normalize(tile, name)
                    except TooLittleStainError as error:
                        reasons[row] = str(error)
                        continue
                    if settings.full_size_tiles:
                        write_picture(full_size_file(part, name), normalized)
                    images.append(self.preparation.shrink(normalized))
                    before = before or [self.preparation.shrink(tile)]
        except TooLittleStainError as error:
            reasons[:] = str(error)
        except Exception as error:
            # A damaged slide cannot be read any further.
            done = len(images) + int((reasons != "").sum())
            reasons[done:] = reason_of(error)
            failed = True
        side = settings.working_size
        none = np.empty((0, side, side, 3), np.uint8)
        with atomic(part) as unfinished:
            np.savez(
                unfinished,
                images=np.stack(images) if images else none,
                before=np.stack(before) if before else none,
                reasons=reasons.astype(str),
                failed=failed,
            )
        return len(tiles)

    def items(self, tiles: pd.DataFrame, inventory: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
        """Return the tiles of each slide under a key of all that their part depends on, by the slides' names.

        Args:
            tiles: Those of all slides.
            inventory: The collection's files, which must hold the slides.
        """
        checksums = inventory.set_index("path")["md5"]
        return [
            (scratch_key(self.preparation, checksums[own["path"].iloc[0]], own.to_csv()), own)
            for _, own in tiles.groupby("slide")
        ]

    def _read(self, slide: Slide, tiles: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
        for name, x, y in zip(tile_names(tiles), tiles["x"], tiles["y"], strict=True):
            yield name, slide.read(x, y, self.preparation.tile_size)


def tile_names(tiles: pd.DataFrame) -> list[str]:
    """Return the ids of tiles, ``<slide>_x<column>_y<row>`` in level-0 pixels."""
    return [f"{slide}_x{x}_y{y}" for slide, x, y in zip(tiles["slide"], tiles["x"], tiles["y"], strict=True)]


def full_size_file(part: Path, name: str) -> Path:
    """Return where a normalised tile of full size lies, in a folder beside the part."""
    return part.with_suffix("") / f"{name}.png"
