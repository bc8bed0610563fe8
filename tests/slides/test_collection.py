import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.slides.collection import check_arm, read_collection, validation_slides

NORMAL = [f"training/normal/normal_{i:03}.tif" for i in range(1, 11)]
TUMOUR = ["training/tumor/tumor_001.tif", "training/tumor/tumor_002.tif"]
OUTLINES = ["training/lesion_annotations/tumor_001.xml", "testing/lesion_annotations/test_002.xml"]
TEST = ["testing/images/test_001.tif", "testing/images/test_002.tif", "testing/reference.csv"]
ALL = [*NORMAL, *TUMOUR, *OUTLINES, *TEST]


@pytest.fixture
def settings(params):
    return params.slides["demo_slides"].model_copy(update={"validation_tumour": ("tumor_001",)})


@pytest.fixture
def read(tmp_path, settings):
    def read(paths=ALL, reference="test_001,Normal,None,None\ntest_002,Tumor,IDC,Macro\n", **changes):
        (tmp_path / "testing").mkdir(exist_ok=True)
        (tmp_path / "testing/reference.csv").write_text(reference)
        inventory = pd.DataFrame({"path": paths})
        records = read_collection(tmp_path, inventory, settings.model_copy(update=changes), "demo_slides")
        return {record.name: record for record in records}

    return read


def test_every_slide_has_its_part(read):
    records = read()
    assert list(records) == sorted(records)
    normal = [record for name, record in records.items() if name.startswith("normal")]
    assert sorted(record.split for record in normal) == ["train"] * 8 + ["val"] * 2
    assert all(record.label == 0 and record.annotation == "" for record in normal)
    tumour = records["tumor_001"]
    assert (tumour.split, tumour.label, tumour.annotation) == ("val", 1, OUTLINES[0])
    assert "tumor_002" not in records
    assert (records["test_001"].split, records["test_001"].label) == ("test", 0)
    assert (records["test_002"].label, records["test_002"].annotation) == (1, OUTLINES[1])


def test_the_order_of_the_listing_does_not_matter(read):
    assert read() == read(paths=ALL[::-1])


def test_excluded_slides_are_left_out(read):
    records = read(excluded=("normal_003", "tumor_001", "test_001"))
    assert not {"normal_003", "tumor_001", "test_001"} & set(records)


def test_a_tumour_slide_that_is_not_exhaustively_annotated_needs_no_outlines_and_gives_no_tiles(read):
    paths = [path for path in ALL if path != OUTLINES[1]]
    assert "test_002" not in read(paths=paths, not_exhaustively_annotated=("test_002",))


def test_outlines_are_found_one_folder_deeper_and_in_capitals(read):
    deeper = "training/lesion_annotations/Lesion_annotations/Tumor_001.xml"
    assert read(paths=[deeper if path == OUTLINES[0] else path for path in ALL])["tumor_001"].annotation == deeper


def test_a_header_in_reference_csv_is_skipped(read):
    text = "image,type\ntest_001.tif,normal\ntest_002.tif,tumor\n"
    assert read(reference=text)["test_002"].label == 1


@pytest.mark.parametrize(
    ("paths", "reference", "what"),
    [
        ([p for p in ALL if p != OUTLINES[0]], None, r"tumor_001 has no .*lesion_annotations/tumor_001\.xml"),
        ([p for p in ALL if p != OUTLINES[1]], None, "test_002 has no"),
        ([p for p in ALL if p != TUMOUR[0]], None, r"slides\.demo_slides\.validation_tumour names tumor_001"),
        ([p for p in ALL if p != TEST[0]], None, r"test_001 is named in testing/reference\.csv but is not in"),
        ([*ALL, "testing/images/test_003.tif"], None, "test_003 is in testing/images but not named"),
        ([p for p in ALL if p != TEST[2]], None, r"reference\.csv is missing"),
        ([p for p in ALL if p not in NORMAL], None, "holds no slide to train on"),
        ([*ALL, "training/normal/normal_001.svs"], None, r"normal_001\.tif"),
        ([*ALL, "training/normal/test_001.tif"], None, "two slides are called test_001"),
        (ALL, "test_001,Normal\ntest_002,Unknown\n", r"reference\.csv, row 2"),
        (ALL, "test_001,Normal\ntest_001,Tumor\n", r"reference\.csv, row 2"),
    ],
)
def test_what_is_wrong_with_a_collection_is_said(read, paths, reference, what):
    with pytest.raises(PipelineError, match=what):
        read(paths=paths) if reference is None else read(paths=paths, reference=reference)


def test_validation_moves_at_most_one_slide_when_one_is_added(settings):
    names = [f"normal_{i:03}" for i in range(20)]
    before, after = validation_slides(names, settings), validation_slides([*names, "normal_100"], settings)
    assert len(before) == 4
    assert len(before - after) <= 1


def test_validation_takes_at_least_one_slide_and_leaves_one(settings):
    assert len(validation_slides(["a", "b", "c"], settings.model_copy(update={"validation_share": 0.01}))) == 1
    assert len(validation_slides(["a", "b"], settings.model_copy(update={"validation_share": 0.99}))) == 1
    assert validation_slides(["a", "b"], settings.model_copy(update={"validation_share": 0.0})) == set()


def test_an_arm_of_xrays_is_refused():
    with pytest.raises(PipelineError, match="nih_pa"):
        check_arm("nih_pa")
