"""The settings of the mean intensity."""

from typing import ClassVar

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.params.base import Side


class MeanIntensitySettings(DetectorSettings):
    """Which part of an image counts.

    Attributes:
        side: Of the central square in pixels; None for the whole image.
    """

    side: Side | None = None

    words: ClassVar[Words] = Words(
        name="mean intensity",
        plural="mean intensity",
        meaning="**mean intensity** is taken in its better direction",
        loss="mean grey level",
    )

    @property
    def resolution(self) -> int | None:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side


SETTINGS = MeanIntensitySettings
