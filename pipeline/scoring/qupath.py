"""The views of a slide as GeoJSON that QuPath opens beside it: its tiles are coloured by their measurements."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import cv2
import numpy as np
import shapely

from pipeline.evaluation.calibration import Calibration
from pipeline.evaluation.scores import DIGITS
from pipeline.files import atomic
from pipeline.scoring.views import Views

FLAGGED = {"name": "Flagged", "color": [220, 0, 0]}  # a name alone, QuPath does not read


def write_regions(
    path: Path,
    grid: np.ndarray,
    views: Views,
    corner: tuple[int, int],
    calibration: Calibration,
    alpha: float,
    origin: str,
) -> None:
    """Write a feature a line: regions of flagged views as annotations, then all views as tiles with measurements.

    Args:
        path: The GeoJSON to write.
        grid: float64 (rows, columns), NaN where there is no view.
        views: Where they lie.
        corner: Level-0 column and row of what QuPath shows as the slide's upper left corner.
        calibration: Held-out normals' scores.
        alpha: The level at which views are flagged.
        origin: Of which slide and model they are; ids are made of it, so that the same content has the same bytes.
    """
    flags = np.isfinite(grid) & calibration.flagged(np.nan_to_num(grid), alpha)
    columns, rows = (
        np.stack(views.edges(count), axis=1) - start for count, start in zip(grid.shape[::-1], corner, strict=True)
    )
    features = chain(_regions(grid, flags, rows, columns), _tiles(grid, rows, columns, calibration))
    with atomic(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.write('{"type":"FeatureCollection","features":[')
        for number, (geometry, properties) in enumerate(features):
            identity = uuid5(NAMESPACE_OID, f"{origin} {properties['objectType']} {geometry}")
            feature = {"type": "Feature", "id": str(identity), "geometry": geometry, "properties": properties}
            file.write(",\n" if number else "\n")
            file.write(json.dumps(feature, separators=(",", ":"), allow_nan=False))
        file.write("\n]}\n")


Feature = tuple[dict[str, Any], dict[str, Any]]  # geometry and properties


def _regions(grid: np.ndarray, flags: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> Iterator[Feature]:
    """Join flagged views that share an edge, in the order of their uppermost views."""
    count, labels = cv2.connectedComponents(flags.astype(np.uint8), connectivity=4)
    for number in range(1, count):
        row, column = np.nonzero(labels == number)
        (left, right), (top, bottom) = columns[column].T, rows[row].T
        region = shapely.union_all(shapely.box(left, top, right, bottom))
        measurements = {"Views": len(row), "Highest score": float(grid[row, column].max())}
        yield (
            json.loads(shapely.to_geojson(shapely.normalize(region))),
            {"objectType": "annotation", "classification": FLAGGED, "measurements": measurements},
        )


def _tiles(grid: np.ndarray, rows: np.ndarray, columns: np.ndarray, calibration: Calibration) -> Iterator[Feature]:
    for (top, bottom), scores in zip(rows.tolist(), grid, strict=True):
        for column in np.flatnonzero(np.isfinite(scores)):
            left, right = columns[column].tolist()
            ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
            measurements = {"Score": float(scores[column])}
            if len(calibration.normals):
                measurements["Percentile"] = round(float(calibration.percentiles(scores[column])), DIGITS)
            yield (
                {"type": "Polygon", "coordinates": [ring]},
                {"objectType": "tile", "measurements": measurements},
            )
