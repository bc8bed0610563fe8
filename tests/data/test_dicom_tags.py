import tarfile
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data import dicom_header, dicom_tags
from pipeline.data.dicom_tags import read_tags
from pipeline.data.inventory import make_inventory
from pipeline.data.patient_key import VARIABLE, pseudonym
from pipeline.errors import PipelineError
from tests.data.dicoms import drawn, real

ROOT = Path("data/raw/films")
KEY = "a key of the laboratory's"


@pytest.fixture(autouse=True)
def folder(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    (ROOT / "export").mkdir(parents=True)


def read(**files: bytes) -> pd.DataFrame:
    for name, content in files.items():
        (ROOT / "export" / name).write_bytes(content)
    inventory = make_inventory(ROOT, Path("inventory.csv"), Path("scratch.json"))
    return read_tags(ROOT, inventory, inventory.rename(columns={"path": "source"}))


def test_a_header_tells_view_patient_age_and_sex() -> None:
    told = read(
        a=drawn(PatientAge="058Y", PatientSex="F"), b=drawn(ViewPosition="AP", PatientID="other", PatientSex="O")
    )
    assert told.loc["export/a"].to_dict() == {
        "view": "PA",
        "patient": pseudonym("SECRET-ID", KEY.encode()),
        "age": "058Y",
        "sex": "F",
        "dicom": True,
    }
    assert told.loc["export/b"].to_dict() == {
        "view": "AP",
        "patient": pseudonym("other", KEY.encode()),
        "age": "",
        "sex": "O",
        "dicom": True,
    }


@pytest.mark.parametrize(
    ("age", "told"), [("003M", "003M"), ("020D", "020D"), ("026W", "0.50"), ("58", ""), ("Y058", "")]
)
def test_ages_are_told_as_tables_have_them(age: str, told: str) -> None:
    assert read(a=drawn(PatientAge=age))["age"].tolist() == [told]


def test_what_is_no_code_is_not_told() -> None:
    told = read(a=drawn(ViewPosition="Secret^Name", PatientSex="Secret", PatientAge="Secret"))
    assert told[["view", "age", "sex"]].to_numpy().tolist() == [["?", "", ""]]


def test_spaces_around_an_id_and_its_encoding_do_not_make_another_patient() -> None:
    told = read(
        a=drawn(PatientID="José"),
        b=drawn(PatientID=" José ", SpecificCharacterSet="ISO_IR 192"),
        c=drawn(PatientID="Jose\u0301", SpecificCharacterSet="ISO_IR 192"),
    )
    assert len(set(told["patient"])) == 1


def test_what_is_no_dicom_and_what_is_damaged_are_told_apart() -> None:
    told = read(text=b"no picture", empty=b"", cut=drawn()[:300], whole=real("RG1_J2KI.dcm"), none=drawn(PatientID=""))
    assert told["dicom"].to_dict() == {
        "export/text": False, "export/empty": False, "export/cut": True, "export/whole": True, "export/none": True,
    }  # fmt: skip
    assert told.loc["export/cut", ["view", "patient", "age", "sex"]].tolist() == ["", "", "", ""]
    assert told.loc["export/whole", ["view", "sex"]].tolist() == ["PA", "F"]
    assert not told.loc["export/none", "patient"]


def test_files_in_archives_are_read_where_they_lie() -> None:
    (ROOT / "export" / "a").write_bytes(drawn(ViewPosition="AP"))
    with tarfile.open(ROOT / "more.tar.gz", "w:gz") as archive:
        archive.add(ROOT / "export" / "a", "inside/IM1")
    told = read()
    assert told.loc["more.tar.gz/inside/IM1"].equals(told.loc["export/a"])


def test_headers_are_read_once_and_remembered_without_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(a=drawn(), b=b"no picture")
    scratch = Path(".cache/dicom/films.json")
    assert "SECRET" not in scratch.read_text(encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(dicom_tags, "_told", None)  # nothing is read
        pd.testing.assert_frame_equal(read(), first)
    added = read(c=drawn(ViewPosition="AP"))
    pd.testing.assert_frame_equal(added.loc[first.index], first)


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"read_by": "x", "facts": {"a": ["PA"]}}'])
def test_what_is_remembered_is_read_again_where_it_is_damaged(damage: bytes) -> None:
    first = read(a=drawn())
    Path(".cache/dicom/films.json").write_bytes(damage)
    pd.testing.assert_frame_equal(read(), first)


def test_another_key_gives_other_names_and_the_same_key_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(a=drawn(), b=drawn(PatientID="other"))
    monkeypatch.setenv(VARIABLE, "another key of the laboratory's")
    assert not set(read()["patient"]) & set(first["patient"])
    monkeypatch.setenv(VARIABLE, KEY)
    pd.testing.assert_frame_equal(read(), first)


def test_a_file_that_changed_since_it_was_listed_is_refused() -> None:
    (ROOT / "export" / "a").write_bytes(drawn())
    inventory = make_inventory(ROOT, Path("inventory.csv"), Path("scratch.json"))
    (ROOT / "export" / "a").write_bytes(drawn()[:-2])
    with pytest.raises(PipelineError, match=r"export/a has another size than when it was listed"):
        read_tags(ROOT, inventory, inventory.rename(columns={"path": "source"}))


def test_an_interrupted_reading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = dicom_tags._told
    read_files: list[str] = []

    def interrupted(path: str, root: Path, key: bytes) -> object:
        if len(read_files) == 2:
            raise KeyboardInterrupt
        read_files.append(path)
        with (root / path).open("rb") as file:
            return told(file, key)

    monkeypatch.setattr(dicom_tags, "READERS", 1)
    with monkeypatch.context() as patch:
        patch.setattr(dicom_tags, "_told_by_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(**{f"f{number}": drawn(PatientID=str(number)) for number in range(4)})
    with monkeypatch.context() as patch:
        patch.setattr(dicom_tags, "_told_by_file", lambda path, root, key: read_files.append(path) or dicom_tags.UNTOLD)
        again = read()
    assert sorted(read_files) == [f"export/f{number}" for number in range(4)]
    assert (again["patient"] != "").tolist() == [True, True, False, False]


def test_the_header_is_all_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []
    monkeypatch.setattr(
        dicom_header._Bounded, "read", lambda self, size=-1: pieces.append(size) or self._file.read(size)
    )
    read(a=real("RG1_UNCR.dcm"))
    assert sum(pieces) < 5000
