"""Published lists of tiles, so that exactly those of a paper can be taken.

A line names a tile as ``normal_001_normal_x_<row>_y_<column>_w_768_h_768.jpg``: slide, kind, upper left corner and
size in level-0 pixels, with x for the row and y for the column.
"""

import re
from pathlib import Path

import pandas as pd

from pipeline.data.inventory import raw_file
from pipeline.errors import PipelineError

TILE_NAME = re.compile(
    r"(?P<slide>.+)_(?P<kind>normal|tumor)_x_(?P<row>\d{1,9})_y_(?P<column>\d{1,9})_w_(?P<w>\d{1,6})_h_(?P<h>\d{1,6})"
    r"(\.\w+)?"
)


def read_tile_lists(root: Path, names: tuple[str, ...], key: str) -> pd.DataFrame:
    """Read lists of tiles.

    Args:
        root: The collection's folder.
        names: The lists, text files in it.
        key: The parameter that names them, for errors.

    Returns:
        ``slide``, ``label`` (1 for tumour), ``x`` (column), ``y`` (row) and ``size``, by slide, y, x.

    Raises:
        PipelineError: If a list is missing, or a line is no such name or stands twice; the sentence names the line.
    """
    rows, seen = [], set()
    for name in names:
        file = raw_file(root, name)
        if not file.is_file():
            raise PipelineError(f"{key} names {file}, which is not there: add it and run `make check-data`")
        for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
            named = TILE_NAME.fullmatch(line.strip())
            if not line.strip():
                continue
            place = named and (named["slide"], int(named["row"]), int(named["column"]))
            if named is None or named["w"] != named["h"] or place in seen:
                raise PipelineError(
                    f"{file}, line {number}: expected a new name like normal_001_normal_x_768_y_1536_w_768_h_768.jpg, "
                    f"found {line.strip()[:80]!r}"
                )
            seen.add(place)
            label = int(named["kind"] == "tumor")
            rows.append((named["slide"], label, int(named["column"]), int(named["row"]), int(named["w"])))
    if names and not rows:
        raise PipelineError(f"{key}: {', '.join(names)} names no tile")
    table = pd.DataFrame(rows, columns=["slide", "label", "x", "y", "size"])
    return table.sort_values(["slide", "y", "x"], ignore_index=True)
