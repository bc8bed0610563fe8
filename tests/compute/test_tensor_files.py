import pickle
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from pipeline.compute.tensor_files import NotTensorsError, read_tensors, write_tensors

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


def test_a_file_with_code_in_it_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    torch.save({"path": tmp_path}, tmp_path / "code.pt")
    with pytest.raises(NotTensorsError, match=r"^it is damaged, or holds more than tensors, numbers and texts$"):
        read_tensors(tmp_path / "code.pt")


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x89PNG\r\n", b"a text", b"\x80\x02K\x01.", bytes(1000), pickle.dumps({"a": 1})]
)
def test_a_file_of_something_else_is_refused_whatever_torch_makes_of_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(NotTensorsError, match=r"^it is damaged"):
        warnings.simplefilter("error")
        read_tensors(tmp_path / "a.pt")


def test_a_flipped_bit_raises_nothing_else(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.pt", CONTENT)
    whole = (tmp_path / "a.pt").read_bytes()
    for position in range(0, 8 * len(whole), 97):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        (tmp_path / "a.pt").write_bytes(flipped)
        with suppress(NotTensorsError):
            read_tensors(tmp_path / "a.pt")


def test_what_the_system_says_of_a_file_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_tensors(tmp_path)
