"""From the scores of a slide's views to its own, by one rule that was fixed before any slide was scored."""

import numpy as np

WINDOW = 3  # views along a side: 192 µm of the paper's views, about a micrometastasis
QUANTILE = 0.99
RULE = f"the highest mean of {WINDOW}×{WINDOW} neighbouring views"


def slide_score(grid: np.ndarray) -> float:
    """Return the highest mean of 3×3 neighbouring views.

    Args:
        grid: float64 (rows, columns) of view scores, NaN where there is no view.
    """
    return float(np.nanmax(window_means(grid)))


def window_means(grid: np.ndarray) -> np.ndarray:
    """Return the mean of each 3×3 neighbouring views.

    Of the windows, those with most views count: nine, unless the tissue is nowhere as wide.

    Args:
        grid: float64 (rows, columns) of view scores, NaN where there is no view.

    Returns:
        float64 (rows + 2, columns + 2); the window at (i, j) ends with the view at (i, j) of the grid. NaN where a
        window does not count.
    """
    known = np.isfinite(grid)
    counts, sums = _window_sums(known.astype(np.float64)), _window_sums(np.where(known, grid, 0.0))
    return np.where(counts == counts.max(), sums / counts.max(), np.nan)


def _window_sums(values: np.ndarray) -> np.ndarray:
    """Sum over each window that holds any of (rows, columns)."""
    padded = np.pad(values, WINDOW - 1)
    rows, columns = (side - WINDOW + 1 for side in padded.shape)
    shifts = [(top, left) for top in range(WINDOW) for left in range(WINDOW)]
    return np.asarray(sum(padded[top : top + rows, left : left + columns] for top, left in shifts))
