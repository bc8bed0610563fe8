"""From the scores of tiles to those of slides."""

import numpy as np
import pandas as pd

from pipeline.evaluation.scores import SCORE, ArmScores


def slide_scores(scores: ArmScores, quantile: float) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Sum up the detector's scores of each slide's tiles.

    Args:
        scores: The test split's.
        quantile: The upper quantile, since a lesion may fill a small part of a slide.

    Returns:
        One row per slide: its ``group`` and ``label`` (1 where a tile is abnormal). And ``mean`` and ``upper_quantile``
        of the tiles' scores, (seeds, slides) each.
    """
    slides_apart = pd.DataFrame(scores.scores[SCORE].T).groupby(scores.sources)
    summed = {"mean": slides_apart.mean(), "upper_quantile": slides_apart.quantile(quantile)}
    slides = scores.images.groupby("source").agg({"group": "first", "label": "max"})
    return slides, {name: table.to_numpy().T for name, table in summed.items()}
