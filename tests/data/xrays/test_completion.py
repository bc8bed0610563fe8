"""Tables of X-rays that are DICOM."""

from pathlib import Path

import pytest

from pipeline.data.inventory import make_inventory
from pipeline.data.patient_key import VARIABLE, pseudonym
from pipeline.data.xrays.table import read_table
from pipeline.errors import PipelineError
from tests.data.dicoms import drawn

ROOT = Path("data/raw/films")
KEY = "a key of the laboratory's"


def name_of(patient: str) -> str:
    return pseudonym(patient, KEY.encode())


@pytest.fixture(autouse=True)
def films(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    files = {
        "a.dcm": drawn(PatientID="1", PatientAge="058Y", PatientSex="F"),
        "export/IM2": drawn(PatientID="2", ViewPosition="AP", PatientSex="M"),
        "also1.dcm": drawn(PatientID="1", ViewPosition="AP"),
        "lateral.dcm": drawn(PatientID="3", ViewPosition="LL"),
        "untold.dcm": drawn(PatientID=None, ViewPosition=None),
        "strange.dcm": drawn(PatientID="5", ViewPosition="Secret^Name"),
        "damaged.dcm": b"cut off",
        "README": b"read me",
        "d.png": b"no picture, which is found later",
    }
    for name, content in files.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_bytes(content)


def read(*lines: str):
    (ROOT / "xrays.csv").write_text("\n".join(lines))
    inventory = make_inventory(ROOT, Path("inventory.csv"), Path("scratch.json"))
    return read_table(ROOT, inventory, "xrays.csv", "key")[0]


def test_what_a_table_leaves_out_is_what_the_files_tell() -> None:
    index = read("path,findings,split", "a.dcm,,train", "export/IM2,Mass,test")
    assert index.fillna({"age": -1})[["id", "patient", "view", "age", "sex"]].to_numpy().tolist() == [
        ["a.dcm", name_of("1"), "PA", 58, "F"],
        ["export/IM2", name_of("2"), "AP", -1, "M"],
    ]


def test_empty_cells_are_filled_and_others_stay() -> None:
    index = read(
        "path,patient,view,age,sex,findings,split",
        "a.dcm,p1,,30,,,train",
        "export/IM2,,AP,,,,test",
        "untold.dcm,p4,PA,,,,test",
        "damaged.dcm,p5,PA,,,,test",
        "d.png,p6,PA,,,,test",
    )
    assert index.fillna({"age": -1})[["patient", "view", "age", "sex"]].to_numpy().tolist() == [
        ["p1", "PA", 30, "F"],
        [name_of("2"), "AP", -1, "M"],
        ["p4", "PA", -1, ""],
        ["p5", "PA", -1, ""],
        ["p6", "PA", -1, ""],
    ]


def test_two_files_of_one_patient_are_one_group() -> None:
    index = read("path,findings,split", "a.dcm,,train", "also1.dcm,,train")
    assert len(set(index["patient"])) == 1


def test_words_of_a_table_that_are_no_code_contradict_nothing() -> None:
    index = read("path,findings,split,sex", "a.dcm,,train,female", "export/IM2,,train,M")
    assert index["sex"].tolist() == ["female", "M"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("path,findings,split,view", "a.dcm,,train,AP"),
            r"row 2, column 'view': 'AP', but ViewPosition \(0018,5101\) of a\.dcm is 'PA': correct the cell",
        ),
        (
            ("path,findings,split,sex", "a.dcm,,train,M"),
            r"row 2, column 'sex': 'M', but PatientSex \(0010,0040\) of a\.dcm is 'F': correct the cell",
        ),
        (
            ("path,findings,split", "a.dcm,,train", "lateral.dcm,,train"),
            r"row 3: ViewPosition \(0018,5101\) of lateral\.dcm is 'LL', neither PA nor AP: remove the row",
        ),
        (
            ("path,patient,view,findings,split", "lateral.dcm,p1,PA,,train"),
            r"row 2: ViewPosition \(0018,5101\) of lateral\.dcm is 'LL', neither PA nor AP: remove the row",
        ),
        (("path,findings,split", "strange.dcm,,train"), r"row 2: ViewPosition .* is '\?', neither PA nor AP"),
        (
            ("path,patient,findings,split", "untold.dcm,p1,,train"),
            r"row 2, column 'view': the cell is empty, and ViewPosition \(0018,5101\) of untold\.dcm cannot be",
        ),
        (
            ("path,view,findings,split", "untold.dcm,PA,,train"),
            r"row 2, column 'patient': the cell is empty, and PatientID \(0010,0020\) of untold\.dcm cannot be read or",
        ),
        (("path,findings,split", "damaged.dcm,,train"), r"row 2, column 'view': the cell is empty, and ViewPosition"),
        (
            ("path,patient,findings,split", "a.dcm,p1,,train", "", "also1.dcm,,,train"),
            r"row 4, column 'patient': the cell is empty, but that of row 2 is not, and both files have the same",
        ),
        (("path,findings,split", "README,,train"), r"row 2, column 'path': 'README' is no PNG, JPEG or DICOM in"),
        (("path,findings,split", "xrays.csv,,train"), r"row 2, column 'path': 'xrays\.csv' is no PNG, JPEG or DICOM"),
        (("path,findings,split", "d.png,,train"), r"the column patient is missing; expected path, patient, view"),
        (("path,findings,split", "a.dcm,,train", "d.png,,train"), r"row 3, column 'patient': '' must name the patient"),
        (("path,patient,findings,split", "a.dcm,p1,,train", "d.png,p2,,train"), r"row 3, column 'view': '' is neither"),
        (("path,patient,view,findings,split", "a.dcm,p1,LL,,train"), r"row 2, column 'view': 'LL' is neither"),
    ],
)  # fmt: skip
def test_what_contradicts_or_is_not_told_is_refused_with_its_row(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        read(*lines)
    assert "secret" not in str(error.value).lower()
