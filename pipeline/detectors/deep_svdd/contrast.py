"""Global contrast normalisation, and the range to which the training images are brought."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from pipeline.errors import PipelineError

FLATTEST = 1 / 255  # half a grey level in [−1, 1]: what is flatter has no contrast to be normalised


def normalized(views: Tensor) -> Tensor:
    """Subtract the mean of each image and divide by its mean absolute deviation, over all pixels and channels.

    Args:
        views: float32 (n, C, H, W).
    """
    centred = views - views.mean((1, 2, 3), keepdim=True)
    return centred / centred.abs().mean((1, 2, 3), keepdim=True).clamp_min(FLATTEST)


@dataclass(frozen=True)
class Contrast:
    """Normalises contrast and maps the range of the training images to [0, 1]; other images may go beyond.

    Attributes:
        low: Least value of the training images, normalised.
        high: Largest one.
    """

    low: float
    high: float

    @classmethod
    def measured(cls, views: Iterable[Tensor]) -> Self:
        """Measure the range.

        Args:
            views: The training images in batches, float32 (n, C, H, W).

        Raises:
            PipelineError: If every image is of one grey.
        """
        ends = [tuple(end.item() for end in normalized(batch).aminmax()) for batch in views]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        if high - low < 1:  # of an image that is not flat it is 2 or more
            raise PipelineError("every training image is of one grey level: there is no contrast to learn from")
        return cls(low, high)

    def __call__(self, views: Tensor) -> Tensor:
        """Return images as networks take them, of the same shape."""
        return (normalized(views) - self.low) / (self.high - self.low)
