"""The settings of the colour statistics."""

from typing import ClassVar

from pydantic import Field

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.params.base import Side


class ColourStatisticsSettings(DetectorSettings):
    """Which part of an image counts."""

    side: Side | None = Field(
        None, description="Side in pixels of the central square that counts; null for the whole image."
    )

    words: ClassVar[Words] = Words(
        name="colour statistics",
        plural="colour statistics",
        meaning="**colour statistics** are the distance of an image's mean and spread of colours from those of the "
        "training images",
        loss="squared Mahalanobis distance",
    )

    @property
    def resolution(self) -> int | None:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side


SETTINGS = ColourStatisticsSettings
