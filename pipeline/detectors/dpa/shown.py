"""What a training is shown: drawn views of the training images, and central views of any."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.detectors.dpa.growth import shown_at
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.features.views import Draws, ImageStore, central_views, drawn_view, to_network


class Shown:
    """The images of an arm as the phases of a training show them.

    Args:
        settings: Side of the views, and how they are shrunk.
        images: uint8 (N, H, W, C), memory-mapped or not.
        train: Rows of the training normals.
        held_out: Rows of the held-out normals; may be empty.
        place: Where they shall be.
    """

    def __init__(
        self, settings: DpaSettings, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, place: Workplace
    ) -> None:
        self.images, self.train, self.held_out = images, train, held_out
        self.side, self.reference, self.device = settings.resolution, settings.reference_downsampling, place.device
        self.store = ImageStore(images, train, place.device, place.room)

    @property
    def spare(self) -> tuple[int, int]:
        """How much higher and wider than a view the images are, in pixels."""
        return self.images.shape[1] - self.side, self.images.shape[2] - self.side

    def drawn(self, batch: Draws, resolution: int, alpha: Tensor | None) -> Tensor:
        """Cut a batch out of its images, flip it, and bring it to a phase's resolution.

        Args:
            batch: The draws of one batch, (n,) each.
            resolution: The phase's side in pixels.
            alpha: Share of the high resolution, a scalar; None outside transitions.

        Returns:
            x, float32 (n, C, resolution, resolution) in [−1, 1].
        """
        pixels = self.store.take(batch.numbers)
        view = drawn_view(pixels, self.side, batch.top, batch.left, batch.upside_down, batch.mirrored)
        return shown_at(to_network(view), resolution, alpha, self.reference)

    def central(self, rows: np.ndarray, resolution: int, alpha: Tensor | None = None) -> Iterator[Tensor]:
        """Yield the central views of images in batches, as a phase shows them; see :meth:`drawn`."""
        for view in central_views(self.images, rows, self.side, self.device):
            yield shown_at(view, resolution, alpha, self.reference)
