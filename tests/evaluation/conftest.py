"""Scores that several tests derive figures from."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.scores import ArmScores
from pipeline.params.evaluate import ComputeMetrics

BASELINES = ("untrained", "pixel_l1", "colour_statistics", "mean_intensity")


@pytest.fixture
def settings() -> ComputeMetrics:
    return ComputeMetrics(held_out_quantile=0.9, slide_quantile=0.9, resamples=200, seed=0)


def arm_scores(labels: list[int], groups: list[str], seeds: int = 2, held_out: int = 20) -> ArmScores:
    """Scores of test images and of held-out normals after them; abnormal images score higher by one deviation."""
    rng = np.random.default_rng(0)
    split = ["test"] * len(labels) + ["val"] * held_out
    label = np.array([*labels, *[0] * held_out])
    images = pd.DataFrame(
        {
            "id": [f"image_{i:03}" for i in range(len(label))],
            "group": [*groups, *(f"held_out_{i}" for i in range(held_out))],
            "source": [f"{group}.tif" for group in [*groups, *(f"held_out_{i}" for i in range(held_out))]],
            "split": split,
            "label": label,
            "findings": ["" if not one else ("Mass" if i % 2 else "Mass|Nodule") for i, one in enumerate(label)],
        }
    )
    scores = {name: rng.normal(size=(seeds, len(label))) for name in BASELINES}
    return ArmScores(images, {"score": rng.normal(size=(seeds, len(label))) + label, **scores})


@pytest.fixture
def patients() -> ArmScores:
    """40 test images of 20 patients, every second patient ill."""
    return arm_scores([0, 0, 1, 1] * 10, [f"patient_{i // 2:02}" for i in range(40)])
