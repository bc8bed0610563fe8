import pandas as pd
import pytest

from pipeline.data.inventory import make_inventory
from pipeline.data.slides.camelyon16 import REFERENCE, read_camelyon16
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

NORMAL = [f"training/normal/normal_{i:03}.tif" for i in range(1, 11)]
TUMOUR = ["training/tumor/tumor_001.tif", "training/tumor/tumor_002.tif"]
OUTLINES = ["training/lesion_annotations/tumor_001.xml", "testing/lesion_annotations/test_002.xml"]
TEST = ["testing/images/test_001.tif", "testing/images/test_002.tif", "testing/reference.csv"]
ALL = [*NORMAL, *TUMOUR, *OUTLINES, *TEST]


@pytest.fixture
def settings():
    return shipped_slides("demo_slides").collection.model_copy(update={"validation_tumour": ("tumor_001",)})


@pytest.fixture
def read(tmp_path, settings):
    def read(paths=ALL, reference="test_001,Normal,None,None\ntest_002,Tumor,IDC,Macro\n", **changes):
        (tmp_path / "testing").mkdir(exist_ok=True)
        (tmp_path / "testing/reference.csv").write_text(reference)
        listed = make_inventory(tmp_path, tmp_path.parent / "inventory.csv", tmp_path.parent / "scratch.json")
        others = pd.DataFrame({"path": [path for path in paths if path != REFERENCE], "bytes": 0, "md5": ""})
        inventory = pd.concat([listed[listed["path"].isin(paths)], others], ignore_index=True)
        records = read_camelyon16(tmp_path, inventory, settings.model_copy(update=changes), "demo_slides")
        return {record.name: record for record in records}

    return read


def test_every_slide_has_its_part(read):
    records = read()
    assert list(records) == sorted(records)
    assert all(records[f"normal_{i:03}"].role == "train" for i in range(1, 11))
    assert records["normal_001"].annotation == ""
    tumour = records["tumor_001"]
    assert (tumour.role, tumour.annotation, tumour.group) == ("val_tumour", OUTLINES[0], "tumor_001")
    assert records["test_001"].role == "test_normal"
    assert (records["test_002"].role, records["test_002"].annotation) == ("test_tumour", OUTLINES[1])


def test_a_tumour_slide_that_is_not_for_validation_is_not_used_and_needs_no_outlines(read):
    other = read()["tumor_002"]
    assert (other.role, other.unused) == ("", "not in arms/demo_slides.yaml:collection.validation_tumour")


def test_the_order_of_the_listing_does_not_matter(read):
    assert read() == read(paths=ALL[::-1])


def test_excluded_slides_are_not_used_and_say_why(read):
    records = read(excluded=("normal_003", "tumor_001", "test_001"))
    for name in ("normal_003", "tumor_001", "test_001"):
        assert (records[name].role, records[name].unused) == ("", "named in arms/demo_slides.yaml:collection.excluded")


def test_a_tumour_slide_that_is_not_exhaustively_annotated_needs_no_outlines_and_gives_no_tiles(read):
    paths = [path for path in ALL if path != OUTLINES[1]]
    record = read(paths=paths, not_exhaustively_annotated=("test_002",))["test_002"]
    assert (record.role, record.unused) == ("", "named in arms/demo_slides.yaml:collection.not_exhaustively_annotated")


def test_outlines_without_their_slide_are_listed(read):
    record = read(paths=[*ALL, "training/lesion_annotations/tumor_009.xml"])["tumor_009"]
    assert (record.path, record.role, record.unused) == ("", "", "its outlines are there, the slide is not")


def test_outlines_are_found_one_folder_deeper_and_in_capitals(read):
    deeper = "training/lesion_annotations/Lesion_annotations/Tumor_001.xml"
    assert read(paths=[deeper if path == OUTLINES[0] else path for path in ALL])["tumor_001"].annotation == deeper


def test_a_header_in_reference_csv_is_skipped(read):
    text = "image,type\ntest_001.tif,normal\ntest_002.tif,tumor\n"
    assert read(reference=text)["test_002"].role == "test_tumour"


@pytest.mark.parametrize(
    ("paths", "reference", "what"),
    [
        ([p for p in ALL if p != OUTLINES[0]], None, r"tumor_001\.tif has no lesion_annotations/tumor_001\.xml"),
        ([p for p in ALL if p != OUTLINES[1]], None, r"test_002\.tif has no"),
        (
            [p for p in ALL if p != TUMOUR[0]],
            None,
            r"demo_slides\.yaml:collection\.validation_tumour names tumor_001",
        ),
        ([p for p in ALL if p != TEST[0]], None, r"test_001 is named in testing/reference\.csv but is not in"),
        ([*ALL, "testing/images/test_003.tif"], None, "test_003 is in testing/images but not named"),
        ([p for p in ALL if p != TEST[2]], None, r"reference\.csv is missing"),
        ([*ALL, "training/normal/normal_001.svs"], None, r"normal_001\.tif"),
        (ALL, "test_001,Normal\ntest_002,Unknown\n", r"reference\.csv, row 2"),
        (ALL, "test_001,Normal\ntest_001,Tumor\n", r"reference\.csv, row 2"),
    ],
)
def test_what_is_wrong_with_a_collection_is_said(read, paths, reference, what):
    with pytest.raises(PipelineError, match=what):
        read(paths=paths) if reference is None else read(paths=paths, reference=reference)
