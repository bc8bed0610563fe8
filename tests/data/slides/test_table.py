import pandas as pd
import pytest

from pipeline.data.inventory import make_inventory, read_inventory
from pipeline.data.slides.slide_record import SlideRecord
from pipeline.data.slides.table import read_table
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

FILES = ["slides.csv", "a.svs", "scans/b.svs", "scans/c.svs", "c.xml"]
HEADER = "path,role,annotation,group\n"


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, **changes):
        (tmp_path / "slides.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        settings = shipped_slides("demo_slides").collection.model_copy(update={"table": "slides.csv", **changes})
        listed = make_inventory(tmp_path, tmp_path.parent / "inventory.csv", tmp_path.parent / "scratch.json")
        others = pd.DataFrame({"path": FILES[1:], "bytes": 0, "md5": ""})
        return read_table(tmp_path, pd.concat([listed, others], ignore_index=True), settings, "my_slides")

    return read


def test_a_table_gives_every_slide_its_part(read):
    assert read(HEADER + "scans/c.svs,test_tumour,c.xml,patient 2\na.svs,train,,patient 1\n") == [
        SlideRecord("a", "a.svs", "train", "", "patient 1"),
        SlideRecord("c", "scans/c.svs", "test_tumour", "c.xml", "patient 2"),
    ]


def test_a_slide_of_an_unknown_patient_is_a_group_of_its_own(read):
    assert read(HEADER + "a.svs,train,,\n")[0].group == "a"


def test_a_spreadsheets_mark_line_ends_and_other_columns_do_no_harm(read):
    text = "\ufeffpath,note,role,annotation,group\r\n a.svs ,old, train,,7\r\n".encode()
    assert read(text) == [SlideRecord("a", "a.svs", "train", "", "7")]


def test_an_excluded_slide_is_not_used(read):
    (record,) = read(HEADER + "a.svs,train,,\n", excluded=("a",))
    assert (record.role, record.unused) == ("", "named in arms/my_slides.yaml:collection.excluded")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("path,role,annotation\na.svs,train,\n", r"slides\.csv: the column group is missing"),
        (HEADER + "a.svs,train,,\nscans/b.svs,training,,\n", "row 3: the role 'training' is not one of train,"),
        (HEADER + "z.svs,train,,\n", r"row 2: 'z\.svs' is not in"),
        (HEADER + ",train,,\n", "row 2: '' is not in"),
        (HEADER + "scans/c.svs,test_tumour,,\n", "row 2: a test_tumour slide needs an annotation"),
        (HEADER + "a.svs,train,c.xml,\n", "row 2: a train slide must have no annotation"),
        (HEADER + "scans/c.svs,test_tumour,z.xml,\n", r"row 2: 'z\.xml' is not in"),
        (HEADER + "../a.svs,train,,\n", r"'\.\./a\.svs' leaves the collection's folder"),
        (HEADER + "/etc/passwd,train,,\n", "leaves the collection's folder"),
        (b"\xff\xfe\x00", r"slides\.csv is not a CSV in UTF-8"),
        (HEADER.replace(",", ";"), "column path is missing; expected path, role, annotation, group, with commas"),
        (HEADER + "\n\nscans/b.svs,training,,\n", "row 4: the role 'training'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_row(read, text, what):
    with pytest.raises(PipelineError, match=what):
        read(text)


def test_a_missing_table_is_named(tmp_path, params):
    settings = shipped_slides("demo_slides").collection.model_copy(update={"table": "gone.csv"})
    with pytest.raises(
        PipelineError, match=r"^arms/my_slides\.yaml:collection\.table names gone\.csv, but .*gone\.csv is missing: add"
    ):
        read_table(tmp_path, pd.DataFrame({"path": FILES}), settings, "my_slides")


def test_a_table_that_changed_since_it_was_listed_is_refused(read, tmp_path):
    read(HEADER + "a.svs,train,,\n")
    listed = read_inventory(tmp_path.parent / "inventory.csv")
    (tmp_path / "slides.csv").write_text(HEADER + "b.svs,train,,\n")
    settings = shipped_slides("demo_slides").collection.model_copy(update={"table": "slides.csv"})
    with pytest.raises(PipelineError, match=r"slides\.csv has another content than when it was listed"):
        read_table(tmp_path, listed, settings, "my_slides")
