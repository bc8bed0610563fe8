"""Test slides in the layout of Camelyon16 with what scoring wrote of them: nothing here opens a slide."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.data.inventory import make_inventory
from pipeline.files import md5, write_csv, write_json
from tests.camelyon.test_candidates import write_folder

ARM = "camelyon16"
ROOT = layout.RAW / ARM
OUT = Path("out")
SIDE = 20  # views of 32 · 4 = 128 level-0 pixels to a side of each slide
HEAD = '<?xml version="1.0"?><ASAP_Annotations><Annotations>'


def outlines(*squares: tuple[int, int, int], group: str = "_0") -> str:
    """XML of squares: column and row of the corner and side, in level-0 pixels."""
    text = HEAD
    for x, y, side in squares:
        corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
        points = "".join(f'<Coordinate Order="{i}" X="{a}" Y="{b}" />' for i, (a, b) in enumerate(corners))
        text += f'<Annotation Name="a" Type="Polygon" PartOfGroup="{group}"><Coordinates>{points}</Coordinates>'
        text += "</Annotation>"
    return f"{text}</Annotations></ASAP_Annotations>"


def add_slide(name: str, content: str | None = None, annotation: str = "") -> Path:
    """Add a test slide to the collection, which is tumour if there are outlines."""
    path = ROOT / f"testing/images/{name}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or name, encoding="utf-8")
    if annotation:
        add_outlines(name, annotation)
    return path


def add_outlines(name: str, annotation: str) -> None:
    path = ROOT / f"testing/lesion_annotations/{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(annotation, encoding="utf-8")


def list_files(labels: Mapping[str, str]) -> pd.DataFrame:
    """Write the reference and the inventory."""
    text = "".join(f"{name},{label},None,None\n" for name, label in labels.items())
    (ROOT / "testing/reference.csv").write_text(text, encoding="utf-8")
    return make_inventory(ROOT, layout.inventory(ARM), Path("scratch.json"))


def write_results(scores: Mapping[str, float | str], grids: Mapping[str, np.ndarray] | None = None) -> None:
    """Write what scoring does, of slides by name; a text instead of a score is why there is none."""
    rows = []
    for name, score in scores.items():
        row = {"name": f"images/{name}.tif", "path": f"{name}.tif", "status": "ok", "reason": "", "p": np.nan}
        file = ROOT / f"testing/images/{name}.tif"
        row["md5"] = md5(file) if file.is_file() else "0" * 32
        row |= {"score": score, "warnings": "", "folder": f"slides/{name}.tif"}
        if isinstance(score, str):
            row |= {"status": "failed", "reason": score, "score": np.nan, "folder": ""}
        else:
            grid = (grids or {}).get(name, np.full((SIDE, SIDE), score))
            write_folder(OUT / str(row["folder"]), grid)
        rows.append(row)
    write_csv(OUT / "results.csv", pd.DataFrame(rows))
    write_json(OUT / "run.json", {"detector": "padim", "model": "calibrated.pt", "model_md5": "0" * 32})
