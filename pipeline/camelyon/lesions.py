"""What of a slide counts as a lesion, by the mask of the organisers' program (Evaluation_FROC.py of Camelyon16).

Their outlines are widened before anything is compared, so that tumour cells on both sides of a gap are one lesion.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import shapely
from scipy import ndimage
from skimage.measure import label, regionprops

from pipeline.data.slides.reading import LARGEST_THUMBNAIL
from pipeline.errors import PipelineError

# Theirs, for all slides, whatever scale a slide states.
MICRONS_PER_PIXEL = 0.243  # of level 0
PIXEL = 2**5  # level-0 pixels to a pixel of the mask, which is level 5
# Half of the 75 µm that their comment names, which are thus added to a diameter.
WIDENED = 75 / 2 / (MICRONS_PER_PIXEL * PIXEL)  # mask pixels
# Isolated tumour cells are smaller than 200 µm, and outlines were widened by 75 µm.
LONGEST_ISOLATED = 275 / (MICRONS_PER_PIXEL * PIXEL)  # mask pixels


@dataclass(frozen=True)
class Lesions:
    """The lesions of a slide on a part of the mask that holds them all.

    Attributes:
        labels: int32 (rows, columns), 0 outside lesions, else from 1 on.
        column: Of the mask, where the part begins.
        row: The same.
        isolated: Whether each label is isolated tumour cells, bool (n,).
    """

    labels: np.ndarray
    column: int
    row: int
    isolated: np.ndarray

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the labels at places in level-0 pixels, int32 (n,)."""
        rows, columns = y // PIXEL - self.row, x // PIXEL - self.column
        high, wide = self.labels.shape
        inside = (rows >= 0) & (rows < high) & (columns >= 0) & (columns < wide)
        return np.where(inside, self.labels[rows.clip(0, high - 1), columns.clip(0, wide - 1)], 0)


NO_LESIONS = Lesions(np.zeros((1, 1), np.int32), 0, 0, np.zeros(0, bool))


def lesions_of(area: shapely.MultiPolygon, path: Path) -> Lesions:
    """Find the lesions of a slide.

    Args:
        area: The tumour, in level-0 pixels.
        path: The file with its outlines, for the error.

    Returns:
        Its widened outlines with their holes filled; what touches, if only by a corner, is one lesion.

    Raises:
        PipelineError: If the outlines lie farther apart than on any slide.
    """
    tumour, column, row = _tumour(area, path)
    near = cv2.dilate(tumour.astype(np.uint8), _disc()) > 0
    labels = label(ndimage.binary_fill_holes(near), connectivity=2).astype(np.int32)
    lengths = [region.axis_major_length for region in regionprops(labels)]
    return Lesions(labels, column, row, np.array(lengths) < LONGEST_ISOLATED)


def _disc() -> np.ndarray:
    """What lies nearer to a pixel than outlines are widened: uint8 (9, 9)."""
    reach = np.arange(-int(WIDENED), int(WIDENED) + 1)
    return np.asarray(np.add.outer(reach**2, reach**2) < WIDENED**2, np.uint8)


def _tumour(area: shapely.MultiPolygon, path: Path) -> tuple[np.ndarray, int, int]:
    """Return which mask pixels have their middle in the tumour, with room about it, and the part's column and row."""
    room = int(np.ceil(WIDENED)) + 1
    left, top, right, bottom = (int(edge) for edge in np.floor(np.array(area.bounds) / PIXEL))
    columns, rows = (range(low - room, high + room + 1) for low, high in ((left, right), (top, bottom)))
    if len(columns) * len(rows) > LARGEST_THUMBNAIL:
        raise PipelineError(f"{path} has outlines farther apart than on any slide: download it again")
    shapely.prepare(area)
    middles = (np.array(columns) + 0.5) * PIXEL
    tumour = np.stack([shapely.contains_xy(area, middles, (row + 0.5) * PIXEL) for row in rows])
    for part in area.geoms:  # one that is smaller than a pixel of the mask holds no middle
        x, y = (int(place // PIXEL) for place in shapely.get_coordinates(part.point_on_surface())[0])
        tumour[y - rows[0], x - columns[0]] = True
    return tumour, columns[0], rows[0]
