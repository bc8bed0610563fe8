from pathlib import Path

import pytest
import torch

from pipeline.detectors.tensor_files import NotTensorsError, read_tensors, write_tensors

CONTENT = {"weights": torch.arange(1000.0), "rows": [{"loss": 0.5, "held_out_loss": None}]}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.pt", CONTENT)
    found = read_tensors(tmp_path / "a.pt")
    assert torch.equal(found["weights"], CONTENT["weights"])
    assert found["rows"] == CONTENT["rows"]


def test_the_bytes_do_not_depend_on_the_files_name(tmp_path: Path) -> None:
    for name in ("a.pt", "another.pt"):
        write_tensors(tmp_path / name, CONTENT)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_cut_short_is_told_from_a_missing_one(tmp_path: Path, share: float) -> None:
    write_tensors(tmp_path / "a.pt", CONTENT)
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(NotTensorsError):
        read_tensors(tmp_path / "a.pt")
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none.pt")


def test_a_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"path": tmp_path}, tmp_path / "code.pt")
    with pytest.raises(NotTensorsError):
        read_tensors(tmp_path / "code.pt")
