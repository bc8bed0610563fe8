"""Real slides, written small: OpenSlide reads them like any other."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tifffile import TiffWriter


def save_slide(
    path: Path,
    image: np.ndarray,
    microns: float | tuple[float, float] | None = 0.25,
    factors: tuple[int, ...] = (4,),
    description: str | None = None,
) -> Path:
    """Write an uncompressed pyramid, so that pixels come back as they were given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TiffWriter(path) as tiff:
        for factor in (1, *factors):
            size = image.shape[1] // factor, image.shape[0] // factor
            both = np.broadcast_to(microns, 2) if microns else ()
            scale = {"resolution": tuple(1e4 / side / factor for side in both), "resolutionunit": "CENTIMETER"}
            scale = scale if microns else {}
            tiff.write(
                cv2.resize(image, size, interpolation=cv2.INTER_AREA),
                tile=(256, 256),
                photometric="rgb",
                subfiletype=int(factor > 1),
                metadata=None,
                description=description,
                **scale,
            )
    return path


@pytest.fixture
def write_slide(tmp_path: Path) -> Callable[..., Path]:
    """Write a slide into the test's folder, see :func:`save_slide`."""
    return lambda image, name="slide.tif", *how, **named: save_slide(tmp_path / name, image, *how, **named)
