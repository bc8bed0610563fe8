from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.files import write_png
from pipeline.slides.sampling import sample_collection
from pipeline.slides.tiles import COLUMNS

ARM = "demo_slides"
OUTLINE = """<ASAP_Annotations><Annotation Name="A" Type="Polygon" PartOfGroup="_0"><Coordinates>
<Coordinate Order="0" X="0" Y="0" /><Coordinate Order="1" X="1600" Y="0" />
<Coordinate Order="2" X="1600" Y="1600" /><Coordinate Order="3" X="0" Y="1600" />
</Coordinates></Annotation></ASAP_Annotations>"""


def row(name: str, split: str, label: int, status: str = "ok") -> dict:
    reason = "" if status == "ok" else "cannot be opened"
    annotation = "lesion.xml" if label else ""
    return {
        "name": name, "path": f"{name}.tif", "split": split, "label": label, "annotation": annotation,
        "status": status, "reason": reason, "tissue": 0.5, "pixel": 256.0,
    }  # fmt: skip


@pytest.fixture
def sample(tmp_path: Path, params):
    def run(*rows: dict, empty: tuple[str, ...] = ()):
        (tmp_path / "lesion.xml").write_text(OUTLINE)
        for one in rows:
            write_png(tmp_path / f"{one['name']}.png", np.full((12, 12), 0 if one["name"] in empty else 255, np.uint8))
        return sample_collection(
            pd.DataFrame(rows), tmp_path, tmp_path, 3, params.slides[ARM], params.sample_tiles[ARM], ARM
        )

    return run


BASE = (row("normal_001", "train", 0), row("test_001", "test", 0), row("test_002", "test", 1))


def test_normal_tiles_come_from_normal_slides_and_tumour_tiles_from_lesions(sample):
    tiles, counts = sample(*BASE)
    assert list(tiles.columns) == COLUMNS
    tumour = tiles[tiles["slide"] == "test_002"]
    assert tumour[["x", "y"]].to_numpy().tolist() == [[0, 0], [768, 0], [0, 768], [768, 768]]
    assert (tumour["label"] == 1).all()
    assert (tumour["lesion"] == 1).all()
    assert (tiles.loc[tiles["slide"] != "test_002", "label"] == 0).all()
    assert counts.set_index("name").loc["normal_001", ["candidates", "tiles"]].tolist() == [16, 16]


def test_a_slide_without_tiles_says_why(sample):
    bad = row("a", "train", 0), row("b", "train", 0, "failed"), row("c", "val", 1)
    _, counts = sample(*BASE, *bad, empty=("a", "c"))
    reasons = counts.set_index("name")["reason"]
    assert reasons["a"] == "no tile has enough tissue"
    assert reasons["b"] == "cannot be opened"
    assert reasons["c"] == "no tile lies in a lesion"
    assert (reasons[["normal_001", "test_001", "test_002"]] == "").all()


def test_adding_a_slide_changes_no_other_slides_tiles(sample):
    before, _ = sample(*BASE)
    after, _ = sample(row("a", "train", 0), *BASE)
    assert after[after["slide"] != "a"].reset_index(drop=True).equals(before)


def test_a_split_without_tiles_stops_the_stage(sample):
    with pytest.raises(PipelineError, match="no normal tile for train"):
        sample(*BASE[1:])
    with pytest.raises(PipelineError, match="no tumour tile for test"):
        sample(*BASE[:2])
