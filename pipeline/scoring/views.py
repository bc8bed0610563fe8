"""Where the views of a slide lie: each tile of its grid is cut into squares that the detector sees, side by side."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Views:
    """The views of one slide.

    Attributes:
        extent: Side of a tile in level-0 pixels.
        working_size: The same in pixels of what the detector is shown.
        side: Side of a view in these.
    """

    extent: float
    working_size: int
    side: int

    @property
    def per_tile(self) -> int:
        """Views along the side of a tile. Where it is odd, the middle one is the view that the chain scores."""
        return self.working_size // self.side

    @property
    def covered(self) -> float:
        """Share of a tile that its views cover: 1 where they divide it."""
        return (self.per_tile * self.side / self.working_size) ** 2

    @property
    def pitch(self) -> float:
        """Level-0 pixels from one view to the next, on average over a tile."""
        return self.extent / self.per_tile

    def cut(self, tiles: np.ndarray) -> np.ndarray:
        """Cut tiles uint8 (n, working_size, working_size, C) into views (n · per_tile², side, side, C), row by row."""
        each, side, margin = self.per_tile, self.side, self._margin
        inner = tiles[:, margin : margin + each * side, margin : margin + each * side]
        views = inner.reshape(len(tiles), each, side, each, side, tiles.shape[3]).swapaxes(2, 3)
        return np.ascontiguousarray(views.reshape(-1, side, side, tiles.shape[3]))

    def edges(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the columns (or rows) of views begin and end in level-0 pixels, int64 (count,) each."""
        tile, view = np.divmod(np.arange(count), self.per_tile)
        ends = (tile * self.extent + (self._margin + (view + step) * self.side) * self._pixel for step in (0, 1))
        begin, end = (np.rint(np.round(edge, 6)).astype(np.int64) for edge in ends)  # neighbours share their edge
        return begin, end

    @property
    def size(self) -> int:
        """Side of a view in level-0 pixels; rounded, so that a pixel more or less may lie between two views."""
        return round(self.side * self._pixel)

    @property
    def _pixel(self) -> float:
        return self.extent / self.working_size

    @property
    def _margin(self) -> int:
        return (self.working_size - self.per_tile * self.side) // 2
