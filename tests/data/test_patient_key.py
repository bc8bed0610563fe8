import stat
from pathlib import Path

import pytest

from pipeline.data.patient_key import KEY_FILE, VARIABLE, patient_key, pseudonym
from pipeline.errors import PipelineError

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_key_is_drawn_once_and_kept_for_its_owner_alone() -> None:
    key = patient_key()
    assert len(key) == 64
    assert patient_key() == key
    assert stat.S_IMODE(KEY_FILE.stat().st_mode) == 0o600


def test_a_key_is_never_drawn_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = patient_key()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert patient_key() != key


def test_the_key_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "a key of the laboratory's")
    assert patient_key() == b"a key of the laboratory's"
    assert not KEY_FILE.exists()


def test_a_short_key_is_refused_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "hunter2")
    with pytest.raises(PipelineError, match=r"PIPELINE_PATIENT_KEY has less than 16 characters: lengthen it") as error:
        patient_key()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"0" * 63, b"x" * 64, bytes(64)])
def test_a_damaged_key_is_refused_rather_than_drawn_anew(content: bytes) -> None:
    KEY_FILE.parent.mkdir(parents=True)
    KEY_FILE.write_bytes(content)
    with pytest.raises(PipelineError, match=r"^data/raw/patient_key is damaged: put back a copy of it"):
        patient_key()
    assert KEY_FILE.read_bytes() == content


def test_a_key_saved_by_an_editor_is_the_same() -> None:
    key = patient_key()
    KEY_FILE.write_bytes(key + b"\n")
    assert patient_key() == key


def test_one_patient_has_one_name_under_one_key() -> None:
    assert pseudonym("1234", b"a") == pseudonym("1234", b"a")
    names = {pseudonym(patient, key) for patient in ("1234", "1235", "José") for key in (b"a", b"b")}
    assert len(names) == 6
    assert all(len(name) == 17 and name.startswith("p") for name in names)
