"""The sections ``evaluate``, ``compute_metrics`` and ``gate``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Name, Seed, Settings, Share

Metric = Literal["roc_auc", "average_precision", "partial_roc_auc", "fpr_at_95_tpr", "tpr_at_5_fpr"]


class Evaluate(Settings):
    """What evaluation draws of an arm."""

    gallery_images: Annotated[int, Field(gt=0, le=100)] = Field(description="Images per row of the gallery.")
    heat_map_top: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        description="Detector to the value of its anomaly maps that is drawn brightest, the same in all its pictures "
        "of the arm, so that they can be compared; the gallery says how many pixels lie beyond. For a detector that is "
        "not named it is the highest value of each picture."
    )


class ComputeMetrics(Settings):
    """How figures are derived from scores."""

    held_out_quantile: Share = Field(
        description="Share of the held-out normals that stays below the threshold of sensitivity, specificity, false "
        "alarms and misses; since the gallery shows the last two, a change scores the images again."
    )
    slide_quantile: Share = Field(
        description="Upper quantile of its tiles' scores that a slide is scored by, beside their mean."
    )
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        description="Resamples of the bootstrap over patients or slides."
    )
    seed: Seed = Field(description="What the bootstrap's draws start from.")


Gate = dict[Metric, Share]
