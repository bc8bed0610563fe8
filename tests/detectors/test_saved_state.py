from pathlib import Path

import pytest
import torch

from pipeline.detectors import saved_state
from pipeline.detectors.saved_state import SavedState

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


def test_a_state_cut_short_starts_again_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SavedState(tmp_path / "run", "key").write(STATE)
    file = tmp_path / "run" / "key.pt"
    for length in (0, 10, file.stat().st_size - 100):
        file.write_bytes(file.read_bytes()[:length])
        assert SavedState(tmp_path / "run", "key").read() is None
        assert "is not whole: training starts again" in capsys.readouterr().out


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
