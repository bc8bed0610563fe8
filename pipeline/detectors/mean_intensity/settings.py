"""The settings of the mean intensity."""

from typing import ClassVar

from pydantic import Field

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.params.base import Side


class MeanIntensitySettings(DetectorSettings):
    """Which part of an image counts."""

    side: Side | None = Field(
        None, description="Side in pixels of the central square that counts; null for the whole image."
    )

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
