from pathlib import Path

import pytest
import torch

from pipeline.compute import saved_state
from pipeline.compute.saved_state import SavedState
from pipeline.errors import PipelineError

STATE = {"weights": torch.arange(1000.0), "rows": [{"loss": 0.5, "held_out_loss": None}]}


def test_a_state_is_read_back(tmp_path: Path) -> None:
    SavedState(tmp_path / "run", "key").write(STATE)
    found = SavedState(tmp_path / "run", "key").read()
    assert found is not None
    assert torch.equal(found["weights"], STATE["weights"])
    assert found["rows"] == STATE["rows"]


def test_a_state_of_other_settings_is_not_read_and_removed(tmp_path: Path) -> None:
    SavedState(tmp_path / "run", "old").write(STATE)
    assert SavedState(tmp_path / "run", "new").read() is None
    assert list((tmp_path / "run").iterdir()) == []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A whole state of the key ``key``."""
    SavedState(tmp_path / "run", "key").write(STATE)
    return tmp_path / "run" / "key.pt"


def is_dropped(file: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    state = SavedState(file.parent, "key").read()
    return state is None and capsys.readouterr().err == f"warning: {file} is damaged: training begins anew\n"


def test_a_state_cut_short_is_dropped_with_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = file.read_bytes()
    for length in (0, 10, 32, len(whole) - 100, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert is_dropped(file, capsys)


def test_a_state_with_any_flipped_bit_is_dropped_with_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = file.read_bytes()
    for position in range(0, 8 * len(whole), 131):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        file.write_bytes(flipped)
        assert is_dropped(file, capsys)


@pytest.mark.parametrize("content", [{}, [1, 2], torch.zeros(3), {"weights": 1}])
def test_a_well_formed_file_that_no_training_wrote_is_dropped_with_a_warning(
    file: Path, content: object, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, file)
    assert is_dropped(file, capsys)


def test_a_state_under_another_ones_name_is_dropped_with_a_warning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SavedState(file.parent.parent / "other", "other").write(STATE)
    (file.parent.parent / "other" / "other.pt").replace(file)
    assert is_dropped(file, capsys)


def test_a_state_is_due_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = SavedState(tmp_path / "run", "key")
    assert not saved.is_due()
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    assert saved.is_due()


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    saved = SavedState(None, "")
    assert saved.read() is None
    assert not saved.is_due()
    saved.write(STATE)


def test_in_several_processes_the_state_of_the_first_one_counts(tmp_path: Path) -> None:
    SavedState(tmp_path / "first", "key").write({"done": 3})
    sent: list[bytes] = []
    SavedState(tmp_path / "first", "key").read(lambda own: sent.append(own) or own)
    received = iter(sent)
    assert SavedState(tmp_path / "second", "key").read(lambda _: next(received)) == {"done": 3}
    with pytest.raises(PipelineError, match="differ in code, packages, settings, data or device"):
        SavedState(tmp_path / "third", "other").read(lambda _: sent[0])
