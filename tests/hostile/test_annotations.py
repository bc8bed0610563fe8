"""Lesion outlines in the XML of ASAP."""

from pathlib import Path

import numpy as np

from pipeline.data.slides.annotations import read_lesions
from tests.hostile.inputs import put
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.shipped import shipped_slides

FILE = Path("lesion_annotations/tumor_001.xml")
NAME = r"tumor_001\.xml"
SQUARE = ((0, 0), (100, 0), (100, 100), (0, 100))


def outline(points: object = SQUARE, group: str = "_0", kind: str = "Polygon", orders: object = range(10**6)) -> str:
    parts = "".join(f'<Coordinate Order="{i}" X="{x}" Y="{y}"/>' for i, (x, y) in zip(orders, points, strict=False))
    return f'<Annotation Name="A" Type="{kind}" PartOfGroup="{group}"><Coordinates>{parts}</Coordinates></Annotation>'


def asap(*outlines: str) -> str:
    return f"<ASAP_Annotations><Annotations>{''.join(outlines)}</Annotations></ASAP_Annotations>"


GOOD = asap(outline())
LAUGHS = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10 if i else "lol"}">' for i in range(10))
DRAWS = np.random.default_rng(0)
TURN = np.linspace(0, 2 * np.pi, 10_000, endpoint=False)
# Of 10,000 vertices: drawn by a calm hand, and one that trembles so that it crosses itself now and then.
CALM = 1000 * np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
TREMBLING = CALM + DRAWS.normal(0, 0.3, CALM.shape)
TEETH = [(x, 1000 * (x % 2)) for x in range(500)]
CROSSES = rf"{NAME}: annotation 'A' crosses itself or others, or nearly so, more often than the 5000 times .*: draw it"
STAR = tuple((50 + 40 * (i % 7), 50 + 30 * (i % 5)) for i in range(500))


@lines(
    Line("good", GOOD, Gives(10_000)),
    Line("byte_order_mark", b"\xef\xbb\xbf" + GOOD.encode(), Gives(10_000)),
    Line("utf_16", GOOD.encode("utf-16"), Gives(10_000)),
    Line("latin_1", ('<?xml version="1.0" encoding="latin-1"?>' + GOOD.replace('"A"', '"é"')).encode("latin-1"),
         Gives(10_000)),
    Line("empty", b"", rf"{NAME}.*download"),
    Line("spaces", b"   \n", rf"{NAME}.*download"),
    Line("binary", bytes(range(256)), rf"{NAME}.*download"),
    Line("zeros", bytes(1000), rf"{NAME}.*download"),
    Line("json", b'{"annotations": []}', rf"{NAME}.*download"),
    Line("html_page", b"<!DOCTYPE html><html><body>404</body></html>", NAME),
    Line("cut_in_half", GOOD[: len(GOOD) // 2], rf"{NAME}.*download"),
    Line("unclosed", "<ASAP_Annotations>", rf"{NAME}.*download"),
    Line("closed_twice", GOOD + "</ASAP_Annotations>", rf"{NAME}.*download"),
    Line("two_roots", GOOD + GOOD, rf"{NAME}.*download"),
    Line("nul_inside", GOOD.replace("Name", "Na\0me"), rf"{NAME}.*download"),
    Line("wrong_encoding", '<?xml version="1.0" encoding="utf-16"?>' + GOOD, rf"{NAME}.*download"),
    Line("unknown_encoding", '<?xml version="1.0" encoding="klingon"?>' + GOOD, rf"{NAME}.*download"),
    Line("entity_of_nobody", GOOD.replace('"A"', '"&nobody;"'), rf"{NAME}"),
    Line("entity", f'<!DOCTYPE a [<!ENTITY e "x">]>{GOOD}', rf"{NAME}.*entit"),
    Line("billion_laughs", f"<!DOCTYPE a [{LAUGHS}]>{GOOD.replace('A', '&a9;', 1)}", rf"{NAME}.*entit"),
    Line("quadratic", f'<!DOCTYPE a [<!ENTITY e "{"x" * 10_000}">]>{GOOD}', rf"{NAME}.*entit"),
    Line("external_entity", f'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>{GOOD}', rf"{NAME}.*entit"),
    Line("parameter_entity", f'<!DOCTYPE a [<!ENTITY % e SYSTEM "http://localhost/e">%e;]>{GOOD}', rf"{NAME}.*entit"),
    Line("external_dtd", f'<!DOCTYPE a SYSTEM "http://localhost/a.dtd">{GOOD}', Either(NAME)),
    Line("inclusion", GOOD.replace("<Annotations>", '<Annotations xmlns:x="http://www.w3.org/2001/XInclude">'
                                   '<x:include href="/etc/passwd" parse="text"/>'), Gives(10_000)),
    Line("other_root", GOOD.replace("ASAP_Annotations", "Aperio"), rf"{NAME}.*ASAP"),
    Line("other_root_with_markup", "<svg onload='alert(1)'/>", rf"{NAME}.*ASAP"),
    Line("no_outlines", asap(), rf"{NAME}.*groups: none"),
    Line("outline_without_coordinates", asap('<Annotation Name="A" Type="Polygon" PartOfGroup="_0"/>'), NAME),
    Line("two_points", asap(outline(SQUARE[:2])), NAME),
    Line("one_point_many_times", asap(outline(SQUARE[:1] * 50)), NAME),
    Line("all_on_a_line", asap(outline(tuple((i, i) for i in range(50)))), NAME),
    Line("other_group", asap(outline(group="artefact")), rf"{NAME}.*artefact.*tumour_groups"),
    Line("group_with_markup", asap(outline(group="&lt;script&gt;")), rf"{NAME}.*tumour_groups"),
    Line("100_groups", asap(*(outline(group=f"group number {i}") for i in range(100))), rf"{NAME}.*tumour_groups"),
    Line("without_type", asap(outline().replace('Type="Polygon"', "")), NAME),
    Line("x_missing", GOOD.replace('X="100"', ""), rf"{NAME}.*'A'"),
    Line("x_as_word", GOOD.replace('X="100"', 'X="ten"'), rf"{NAME}.*'A'"),
    Line("x_with_decimal_comma", GOOD.replace('X="100"', 'X="99,5"'), rf"{NAME}.*'A'"),
    Line("x_no_number", GOOD.replace('X="100"', 'X="nan"'), rf"{NAME}.*'A'"),
    Line("x_infinite", GOOD.replace('X="100"', 'X="-inf"'), rf"{NAME}.*'A'"),
    Line("x_huge", GOOD.replace('X="100"', 'X="1e300"'), rf"{NAME}.*'A'"),
    Line("x_of_5000_digits", GOOD.replace('X="100"', f'X="{"9" * 5000}"'), rf"{NAME}.*'A'"),
    Line("order_as_word", GOOD.replace('Order="1"', 'Order="first"'), rf"{NAME}.*'A'"),
    Line("order_of_5000_digits", GOOD.replace('Order="1"', f'Order="{"9" * 5000}"'), rf"{NAME}.*'A'"),
    Line("name_of_100_kB", GOOD.replace('"A"', f'"{"A" * 100_000}"').replace('X="100"', ""), NAME),
    Line("outline_that_crosses_itself", asap(outline(STAR)), Either(NAME)),
    Line("outline_of_10_000_vertices", asap(outline(CALM)), Gives(3_141_592)),
    Line("each_vertex_twice", asap(outline(CALM.repeat(2, axis=0))), Gives(3_141_592)),
    Line("outline_twice", asap(outline(CALM), outline(CALM)), Gives(3_141_592)),
    Line("outline_that_trembles", asap(outline(TREMBLING)), Gives()),
    Line("2000_crossings_at_random", asap(outline(DRAWS.integers(0, 50_000, (2000, 2)))), CROSSES),
    Line("two_combs_across_each_other", asap(outline(TEETH), outline([(y, x) for x, y in TEETH])), CROSSES),
    Line("teeth_that_lean", asap(outline([(x + y, y) for x, y in 6 * TEETH])), CROSSES),
    Line("fan_of_a_point", asap(outline([one for x, y in CALM[::2] for one in ((0, 0), (x, y), (x, y + 1))])), CROSSES),
    Line("210_000_vertices", asap(*21 * [outline(CALM)]), rf"{NAME} has 210000 vertices, more than 200000: outline"),
    Line("exclusion_of_all", asap(outline(), outline(group="_2")), rf"{NAME}.*no tumour"),
    Line("2000_levels", "<ASAP_Annotations>" + "<a>" * 2000 + "</a>" * 2000 + "</ASAP_Annotations>", NAME),
    Line("100_000_levels", "<ASAP_Annotations>" + "<a>" * 100_000, NAME),
    Line("65_megabytes", GOOD.encode().ljust(65 * 2**20), rf"{NAME}.*bytes"),
)  # fmt: skip
def test_outlines(line: Line) -> None:
    put(FILE, line.made)
    settings = shipped_slides("camelyon16").sample_tiles
    judge(lambda: round(read_lesions(FILE, settings, "camelyon16").area.area), line.says)


@lines(
    Line("missing", lambda: None, NAME),
    Line("folder", FILE.mkdir, NAME),
    Line("link_to_nowhere", lambda: FILE.symlink_to("nowhere"), NAME),
)
def test_no_outlines(line: Line) -> None:
    FILE.parent.mkdir()
    line.made()
    judge(lambda: read_lesions(FILE, shipped_slides("camelyon16").sample_tiles, "camelyon16"), line.says)
