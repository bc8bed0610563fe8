"""What QuPath reads of a slide."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from pipeline.evaluation.calibration import Calibration
from pipeline.scoring.qupath import write_regions
from pipeline.scoring.views import Views


def features_of(path: Path) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = json.loads(path.read_bytes())["features"]
    return features


def test_regions_keep_their_holes_and_begin_where_the_scanned_part_does(in_folder: Path) -> None:
    grid = np.full((5, 6), np.nan)
    grid[:3, :3] = 9.0
    grid[1, 1] = 0.0
    grid[3, 3] = 9.0  # touches by a corner only
    write_regions(Path("a.geojson"), grid, Views(48.0, 48, 16), (7, 5), Calibration(np.arange(5.0)), 0.2, "a slide")
    features = features_of(Path("a.geojson"))
    ring, alone = (shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features[:2])
    assert ring.area == 8 * 16**2
    assert len(ring.interiors) == 1
    assert ring.bounds == (-7, -5, 41, 43)
    assert alone.bounds == (41, 43, 57, 59)
    assert [feature["properties"]["objectType"] for feature in features] == ["annotation"] * 2 + ["tile"] * 10
    assert features[2]["geometry"]["coordinates"][0][0] == [-7, -5]
    lines = Path("a.geojson").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + len(features)  # a feature a line
    write_regions(Path("b.geojson"), grid, Views(48.0, 48, 16), (7, 5), Calibration(np.arange(5.0)), 0.2, "another")
    assert not {feature["id"] for feature in features} & {f["id"] for f in features_of(Path("b.geojson"))}
