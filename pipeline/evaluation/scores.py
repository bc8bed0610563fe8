"""The table of scores, from which every figure is derived."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.errors import PipelineError
from pipeline.images import Images

COLUMNS = ["id", "group", "split", "label", "findings"]
DIGITS = 6  # significant; the digits behind are rounding noise of the device


Scorer = Callable[[np.ndarray], np.ndarray]  # uint8 (n, H, W, C) to float (n,), higher is more abnormal


def score_table(images: Images, score: Scorer, **baselines: Scorer) -> pd.DataFrame:
    """Score the validation and test images of an arm.

    Args:
        images: The prepared arm.
        score: The detector's.
        **baselines: What stands beside it, by column name.

    Returns:
        Columns ``id``, ``group``, ``split``, ``label``, ``findings`` ``score`` and one per
        baseline (rounded to six
        significant digits), sorted by split and id.

    Raises:
        PipelineError: If a score is NaN or infinite, naming the image.
    """
    rows = np.concatenate([images.rows("test"), images.rows("val")])
    pixels = images.pixels[rows]
    table = images.index.iloc[rows][COLUMNS].copy()
    for name, scorer in {"score": score, **baselines}.items():
        table[name] = [float(f"{value:.{DIGITS}g}") for value in scorer(pixels)]
        broken = table.loc[~np.isfinite(table[name]), "id"]
        if len(broken):
            raise PipelineError(
                f"{name} of image {broken.iloc[0]!r} is not a finite number ({len(broken)} such images); train again"
            )
    return table.sort_values(["split", "id"]).reset_index(drop=True)
