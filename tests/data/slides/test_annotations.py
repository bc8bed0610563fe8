import os
import re
from pathlib import Path

import pytest
import shapely

from pipeline.data.slides.annotations import polygons_of, read_lesions
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

REAL = Path(os.environ.get("PIPELINE_REAL_DATA", "absent")) / "annotations"
SQUARE = [(0, 0), (100, 0), (100, 100), (0, 100)]


def asap(*annotations: tuple[str, str, list[tuple[float, float]]]) -> str:
    parts = []
    for kind, group, points in annotations:
        coordinates = "".join(f'<Coordinate Order="{i}" X="{x}" Y="{y}" />' for i, (x, y) in enumerate(points))
        outline = f"<Coordinates>{coordinates}</Coordinates>"
        parts.append(f'<Annotation Name="A" Type="{kind}" PartOfGroup="{group}">{outline}</Annotation>')
    return f"<ASAP_Annotations><Annotations>{''.join(parts)}</Annotations></ASAP_Annotations>"


@pytest.fixture
def read(tmp_path):
    def read(text: str):
        path = tmp_path / "tumor_001.xml"
        path.write_text(text)
        return read_lesions(path, shipped_slides("camelyon16").sample_tiles, "camelyon16")

    return read


def test_tumour_groups_are_joined_and_normal_islands_cut_out(read):
    island = [(10, 10), (30, 10), (30, 30), (10, 30)]
    other = [(200, 0), (210, 0), (210, 10), (200, 10)]
    lesions = read(asap(("Polygon", "_0", SQUARE), ("Spline", "Tumor", other), ("Polygon", "_2", island)))
    assert lesions.area.area == 100 * 100 + 10 * 10 - 20 * 20
    assert not lesions.area.contains(shapely.Point(20, 20))
    assert lesions.ignored == 0


def test_other_groups_and_shapes_without_area_are_ignored_but_counted(read):
    lesions = read(
        asap(
            ("Polygon", "_0", SQUARE),
            ("Polygon", "artefact", SQUARE),
            ("Dot", "_0", [(1, 1)]),
            ("Polygon", "_0", SQUARE[:2]),
        )
    )
    assert lesions.area.area == 100 * 100
    assert lesions.ignored == 3


def test_points_are_taken_in_their_written_order(read):
    crossed = asap(("Polygon", "_0", SQUARE)).replace('Order="1"', 'Order="9"')
    assert read(crossed).area.area < 100 * 100


def test_an_outline_that_crosses_itself_is_repaired(read):
    lesions = read(asap(("Polygon", "_0", [(0, 0), (10, 10), (10, 0), (0, 10)])))
    assert lesions.area.is_valid
    assert lesions.area.area == pytest.approx(50)


def test_where_an_outline_runs_over_its_own_start_the_overlap_is_inside(read):
    over = [(0, 0), (100, 0), (100, 100), (0, 100), (0, -10), (30, -10), (30, 30), (-10, 30)]
    area = read(asap(("Polygon", "_0", over))).area
    assert area.contains(shapely.Point(15, 15))


def test_a_rectangle_is_an_area(read):
    assert read(asap(("Rectangle", "_0", SQUARE))).area.area == 100 * 100


def test_a_file_too_large_for_outlines_is_refused(read, monkeypatch):
    monkeypatch.setattr("pipeline.data.slides.annotations.LARGEST_FILE", 100)
    with pytest.raises(PipelineError, match=r"tumor_001\.xml has \d+ bytes, too many for outlines"):
        read(asap(("Polygon", "_0", SQUARE)))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<ASAP_Annotations>", "is not the XML"),
        ("<svg></svg>", "not ASAP_Annotations"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><ASAP_Annotations>&e;</ASAP_Annotations>', "holds entities"),
        (asap(("Polygon", "_0", SQUARE)).replace('X="100"', 'X="ten"'), "without a number"),
        (asap(("Polygon", "_0", SQUARE)).replace('X="100"', ""), "without a number"),
        (asap(("Polygon", "_0", SQUARE)).replace('X="100"', 'X="nan"'), "not finite"),
        (asap(("Polygon", "metastasis", SQUARE)), r"metastasis.*arms/camelyon16\.yaml:sample_tiles\.tumour_groups"),
        (asap(("Polygon", "_0", SQUARE), ("Polygon", "_2", SQUARE)), "outlines no tumour"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(read, text, what):
    with pytest.raises(PipelineError, match=rf"tumor_001\.xml.*{what}"):
        read(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PipelineError, match=r"gone\.xml is missing"):
        read_lesions(tmp_path / "gone.xml", shipped_slides("camelyon16").sample_tiles, "camelyon16")


def test_only_areas_are_kept_of_a_repaired_shape():
    square = shapely.box(0, 0, 1, 1)
    mixed = shapely.GeometryCollection([square, shapely.LineString([(2, 2), (3, 3)]), shapely.MultiPolygon([square])])
    assert [part.area for part in polygons_of(mixed).geoms] == [1, 1]


@pytest.mark.skipif(not REAL.is_dir(), reason="PIPELINE_REAL_DATA names no folder with annotations")
def test_outlines_of_the_challenge_are_read_without_their_normal_islands():
    """tumor_107: two lesions, three islands, one of which reaches over the rim of its lesion."""
    text = (REAL / "tumor_107.xml").read_text()
    groups = {"tumour": shapely.MultiPolygon(), "normal": shapely.MultiPolygon()}
    for outline in re.findall(r"<Annotation .*?</Annotation>", text, re.DOTALL):
        points = [(float(x), float(y)) for x, y in re.findall(r'X="([\d.]+)" Y="([\d.]+)"', outline)]
        kind = "normal" if 'PartOfGroup="_2"' in outline or 'PartOfGroup="Exclusion"' in outline else "tumour"
        groups[kind] = groups[kind].union(shapely.Polygon(points).buffer(0))
    lesions = read_lesions(REAL / "tumor_107.xml", shipped_slides("camelyon16").sample_tiles, "camelyon16")
    assert lesions.area.is_valid
    assert lesions.area.area == pytest.approx(groups["tumour"].difference(groups["normal"]).area, rel=1e-6)


@pytest.mark.skipif(not REAL.is_dir(), reason="PIPELINE_REAL_DATA names no folder with annotations")
def test_an_export_of_the_program_is_read_by_its_own_groups():
    settings = shipped_slides("camelyon16").sample_tiles
    with pytest.raises(
        PipelineError, match=r"cmu1_segmentation\.xml outlines no tumour \(its groups: benign, malignant\)"
    ):
        read_lesions(REAL / "cmu1_segmentation.xml", settings, "camelyon16")
    changed = settings.model_copy(update={"tumour_groups": ("malignant",), "exclusion_groups": ()})
    lesions = read_lesions(REAL / "cmu1_segmentation.xml", changed, "camelyon16")
    assert lesions.area.is_valid
    assert lesions.area.area > 1e6
    assert lesions.ignored > 0
