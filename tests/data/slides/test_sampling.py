from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.slides.masks import COLUMNS as MASK_COLUMNS
from pipeline.data.slides.sampling import Sampler, check_roles
from pipeline.data.slides.status import rows_of
from pipeline.data.slides.tiles import COLUMNS
from pipeline.errors import PipelineError
from pipeline.files import write_picture
from tests.shipped import shipped_slides

ARM = "demo_slides"
OUTLINE = """<ASAP_Annotations><Annotation Name="A" Type="Polygon" PartOfGroup="{group}"><Coordinates>
<Coordinate Order="0" X="{x}" Y="0" /><Coordinate Order="1" X="{right}" Y="0" />
<Coordinate Order="2" X="{right}" Y="1600" /><Coordinate Order="3" X="{x}" Y="1600" />
</Coordinates></Annotation>{more}</ASAP_Annotations>"""
DOT = """<Annotation Type="Dot" PartOfGroup="_0"><Coordinates>
<Coordinate Order="0" X="1" Y="1" /></Coordinates></Annotation>"""


def outline(x: int = 0, group: str = "_0", more: str = "") -> str:
    return OUTLINE.format(x=x, right=x + 1600, group=group, more=more)


def row(name: str, role: str, status: str = "ok", annotation: str = "lesion.xml") -> dict:
    given = {
        "name": name, "path": f"{name}.tif", "role": role, "group": name, "status": status, "warnings": "",
        "annotation": annotation if role.endswith("tumour") else "", "reason": "" if status == "ok" else "was bad",
        "width": 3072, "height": 3072, "level": 0, "scale": 0.25, "extent": 1.0, "pixel": 256.0, "tissue": 0.5,
    }  # fmt: skip
    return dict.fromkeys(MASK_COLUMNS) | given


@pytest.fixture
def sample(tmp_path: Path):
    def run(*rows: dict, empty: tuple[str, ...] = (), text: str = outline(), **changes):
        (tmp_path / "lesion.xml").write_text(text)
        for one in rows:
            mask = np.full((12, 12), 0 if one["name"] in empty else 255, np.uint8)
            write_picture(tmp_path / f"{one['name']}.png", mask)
        settings = shipped_slides(ARM).sample_tiles.model_copy(update=changes)
        sampler = Sampler(tmp_path, tmp_path, 3, shipped_slides(ARM).collection, settings, ARM)
        run.sampler = sampler
        tiles, status = sampler.collection(pd.DataFrame(rows, columns=MASK_COLUMNS))
        return tiles, {row["name"]: row for row in rows_of(status)}

    return run


BASE = (row("normal_001", "train"), row("test_001", "test_normal"), row("test_002", "test_tumour"))


def test_normal_tiles_come_from_normal_slides_and_tumour_tiles_from_lesions(sample):
    tiles, status = sample(*BASE)
    assert list(tiles.columns) == COLUMNS
    tumour = tiles[tiles["slide"] == "test_002"]
    assert tumour[["x", "y"]].to_numpy().tolist() == [[0, 0], [768, 0], [0, 768], [768, 768]]
    assert (tumour["role"] == "test_tumour").all()
    assert (tumour["lesion"] == 1).all()
    assert (tiles.loc[tiles["slide"] != "test_002", "lesion"] == 0).all()
    assert (status["normal_001"]["candidates"], status["normal_001"]["tiles"]) == (16, 16)


def test_a_slide_without_tiles_says_why(sample):
    bad = row("a", "train"), row("b", "train", "failed"), row("c", "val_tumour")
    _, status = sample(*BASE, *bad, empty=("a", "c"))
    assert (status["a"]["status"], status["a"]["reason"]) == ("empty", "no tile has enough tissue")
    assert (status["b"]["status"], status["b"]["reason"]) == ("failed", "was bad")
    assert (status["c"]["status"], status["c"]["reason"]) == ("empty", "no tile has enough tissue")
    assert all((status[one["name"]]["status"], status[one["name"]]["reason"]) == ("ok", "") for one in BASE)


def test_a_lesion_between_tiles_gives_none(sample, tmp_path):
    (tmp_path / "between.xml").write_text(outline(x=100).replace("1700", "800"))
    _, status = sample(*BASE, row("c", "val_tumour", annotation="between.xml"))
    assert status["c"]["status"] == "empty"
    assert status["c"]["reason"].startswith("no tile has enough lesion: the best share is 0.869, ")


def test_a_lesion_of_a_few_pixels_is_in_no_tile(sample, tmp_path):
    (tmp_path / "dot.xml").write_text(outline(x=0).replace("1600", "10"))
    _, status = sample(*BASE, row("c", "val_tumour", annotation="dot.xml"))
    assert (status["c"]["status"], status["c"]["reason"]) == ("empty", "no tile with enough tissue lies in a lesion")


def test_a_lesion_too_thin_for_a_tile_is_said_with_the_best_share_and_the_key_to_lower(sample, tmp_path):
    (tmp_path / "thin.xml").write_text(outline(x=0).replace("1600", "300"))
    _, status = sample(*BASE, row("c", "val_tumour", annotation="thin.xml"))
    best = int(300 * 300 / 768**2 * 1000) / 1000
    assert status["c"]["reason"] == (
        f"no tile has enough lesion: the best share is {best}, arms/demo_slides.yaml:sample_tiles.least_lesion "
        "asks for 1"
    )
    tiles, _ = sample(*BASE, row("c", "val_tumour", annotation="thin.xml"), least_lesion=best)
    assert (tiles["slide"] == "c").sum() == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (outline(x=5000), "outlines nothing on test_003.tif: is it another slide's?"),
        (outline(group="other"), "outlines no tumour (its groups: other)"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><ASAP_Annotations>&e;</ASAP_Annotations>', "holds entities"),
        ('<?xml version="1.0" encoding="foo"?><ASAP_Annotations/>', "is not the XML of an annotation"),
    ],
)
def test_a_slide_whose_outlines_cannot_be_used_is_a_row_and_the_others_go_on(sample, tmp_path, text, reason):
    (tmp_path / "bad.xml").write_text(text)
    tiles, status = sample(*BASE, row("test_003", "test_tumour", annotation="bad.xml"))
    assert status["test_003"]["status"] == "failed"
    assert reason in status["test_003"]["reason"]
    assert set(tiles["slide"]) == {"normal_001", "test_001", "test_002"}


def test_outlines_that_are_passed_over_or_reach_beyond_the_slide_are_warned_of(sample):
    _, status = sample(*BASE, text=outline(x=2000, more=DOT))
    assert status["test_002"]["warnings"] == (
        "outlines reach beyond the slide; 1 outlines of other groups or without an area"
    )


def test_adding_a_slide_changes_no_other_slides_tiles(sample):
    before, _ = sample(*BASE)
    after, _ = sample(row("a", "train"), *BASE)
    assert after[after["slide"] != "a"].reset_index(drop=True).equals(before)


def test_a_role_without_tiles_stops_the_stage(sample, tmp_path):
    for rows, role in ((BASE[1:], "train"), (BASE[:2], "test_tumour")):
        tiles, status = sample(*rows)
        with pytest.raises(PipelineError, match=rf"no slide of role {role} gave a tile, .* in .*status\.csv: correct"):
            check_roles(tiles, pd.DataFrame(status.values()), ARM, tmp_path / "status.csv")


def test_why_the_first_slide_of_a_role_gave_no_tile_is_said(sample, tmp_path):
    tiles, status = sample(*BASE, empty=("normal_001",))
    with pytest.raises(PipelineError, match=r"\(the first, normal_001: no tile has enough tissue\)"):
        check_roles(tiles, pd.DataFrame(status.values()), ARM, tmp_path / "status.csv")


def test_a_missing_mask_is_the_stages_fault_and_not_the_slides(sample, tmp_path):
    sample(*BASE)
    (tmp_path / "normal_001.png").write_bytes(b"")
    status = pd.DataFrame(BASE, columns=MASK_COLUMNS)
    with pytest.raises(PipelineError, match=r"normal_001\.png cannot be read"):
        sample.sampler.collection(status)


LISTED = """normal_001_normal_x_768_y_1536_w_768_h_768.jpg
test_001_normal_x_0_y_256_w_768_h_768.jpg
test_002_tumor_x_1536_y_0_w_768_h_768.jpg
"""


def test_listed_tiles_are_taken_as_they_are_with_their_shares(sample, tmp_path):
    (tmp_path / "list.txt").write_text(LISTED)
    tiles, status = sample(*BASE, row("normal_002", "train"), tile_lists=("list.txt",), empty=("test_001",))
    assert tiles[["slide", "x", "y", "tissue"]].to_numpy().tolist() == [
        ["normal_001", 1536, 768, 1.0],
        ["test_001", 256, 0, 0.0],
        ["test_002", 0, 1536, 1.0],
    ]
    assert tiles["lesion"].tolist() == [0, 0, pytest.approx(64 / 768, abs=1e-6)]
    assert (status["normal_002"]["status"], status["normal_002"]["tiles"]) == ("empty", 0)
    assert status["normal_002"]["reason"] == "no tile of the slide is in the lists"
    assert status["normal_001"]["warnings"] == ""
    for name in ("test_001", "test_002"):  # without tissue, and on the rim of the lesion
        assert status[name]["warnings"] == "1 listed tiles have less tissue or lesion than drawn ones would"


def test_lists_without_a_tile_are_named(sample, tmp_path):
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(PipelineError, match=r"tile_lists: list\.txt names no tile"):
        sample(*BASE, tile_lists=("list.txt",))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("gone_normal_x_0_y_0_w_768_h_768.jpg", "tile of gone at column 0, row 0 is of no slide"),
        ("normal_001_normal_x_0_y_0_w_512_h_512.jpg", "has 512 px, but tiles of that slide have 768"),
        ("normal_001_normal_x_2560_y_0_w_768_h_768.jpg", r"row 2560 ends outside the slide \(3072×3072 px\)"),
        ("normal_001_tumor_x_0_y_0_w_768_h_768.jpg", "contradicts the slide's role train"),
    ],
)
def test_a_listed_tile_that_does_not_fit_is_named(sample, tmp_path, line, what):
    (tmp_path / "list.txt").write_text(LISTED + line)
    with pytest.raises(PipelineError, match=rf"arms/demo_slides\.yaml:sample_tiles\.tile_lists.*{what}"):
        sample(*BASE, tile_lists=("list.txt",))
