"""The sections ``evaluate``, ``compute_metrics`` and ``gate``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Seed, Settings, Share

Metric = Literal["roc_auc", "average_precision", "partial_roc_auc", "fpr_at_95_tpr", "tpr_at_5_fpr"]


class Evaluate(Settings):
    """What evaluation draws of an arm."""

    gallery_images: Annotated[int, Field(gt=0, le=100)]
    heat_map_top: Annotated[float, Field(gt=0)]


class ComputeMetrics(Settings):
    """How figures are derived from scores."""

    held_out_quantile: Share
    slide_quantile: Share
    resamples: Annotated[int, Field(ge=100, le=1_000_000)]
    seed: Seed


Gate = dict[Metric, Share]
