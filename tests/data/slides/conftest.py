"""Real slides, written small: OpenSlide reads them like any other."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tifffile import TiffWriter

from pipeline.compute.seeding import generator
from pipeline.demo.lymph_node import colours_of_a_laboratory, draw_tissue


@pytest.fixture
def write_slide(tmp_path: Path) -> Callable[..., Path]:
    """Write an uncompressed pyramid, so that pixels come back as they were given."""

    def write(
        image: np.ndarray,
        name: str = "slide.tif",
        microns: float | tuple[float, float] | None = 0.25,
        factors: tuple[int, ...] = (4,),
    ) -> Path:
        path = tmp_path / name
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
                    **scale,
                )
        return path

    return write


@pytest.fixture(scope="session")
def stain_maps() -> tuple[np.ndarray, np.ndarray]:
    """Haematoxylin and eosin of a lymphoid tile, uint8 (384, 384)."""
    whole = np.full((384, 384), 255, np.uint8)
    return draw_tissue(whole, np.zeros_like(whole), generator(0, "test tile"))


@pytest.fixture(scope="session")
def tile(stain_maps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return colours_of_a_laboratory(*stain_maps, generator(0, "test laboratory"))
