import errno
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.files import atomic, read_csv, read_json, write_csv, write_json


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic(tmp_path / "masks") as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["second"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_metric_that_is_not_finite_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(PipelineError, match=r"metrics\.json: a value is NaN or infinite"):
        write_json(tmp_path / "metrics.json", {"roc_auc": value})
    assert list(tmp_path.iterdir()) == []


def test_json_is_sorted(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": {"d": 1, "c": 2}})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": {\n    "c": 2,\n    "d": 1\n  },\n  "b": 1\n}\n'


def test_a_full_disk_names_the_output(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, atomic(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "a.csv")


def test_an_error_names_the_output_not_what_it_is_called_while_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "masks").touch()
    with pytest.raises(NotADirectoryError) as caught, atomic(tmp_path / "masks") as partial:
        partial.mkdir()
    assert caught.value.filename == str(tmp_path / "masks")
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


def test_a_disk_that_is_read_only_names_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", read_only)  # fails even where there is no file
    with pytest.raises(OSError, match="Read-only") as caught:
        write_json(tmp_path / "a.json", {})
    assert caught.value.filename == str(tmp_path / "a.json")


GOOD = "id,x,reason\n001,1,\nNA,2.5,a\n"
AGAIN = "run `dvc repro`"


def parsed(path: Path, content: bytes) -> pd.DataFrame:
    path.write_bytes(content)
    return read_csv(path, ["id", "x"], ["id", "reason"], AGAIN)


def test_names_stay_as_they_are_and_numbers_are_numbers(tmp_path: Path) -> None:
    table = parsed(tmp_path / "a.csv", GOOD.encode())
    assert table.to_dict("list") == {"id": ["001", "NA"], "x": [1.0, 2.5], "reason": ["", "a"]}


def test_a_table_without_rows_is_one(tmp_path: Path) -> None:
    assert list(parsed(tmp_path / "a.csv", b"id,x\n").columns) == ["id", "x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the column 'id' is missing"),
        (b"\n\n", "the column 'id' is missing"),
        (b"\x00\x01\x02", "the column 'id' is missing"),
        (b"\x89PNG\r\n\x1a\n\xff\xd8", "is damaged, it is no text"),
        (GOOD.encode("utf-16"), "is damaged, it is no text"),
        ("id,x\nTumör,1\n".encode("latin-1"), "is damaged, it is no text"),
        (b"\xef\xbb\xbfid,x\na,1\n", "the column 'id' is missing"),
        (b'id,x\n"a,1\n', "is damaged, it is no CSV"),
        (b"id,x\na,1,2\nb,1,2\n", "row 1 does not have 2 values"),
        (b"id,x\na,1\nb\n", "row 2 does not have 2 values"),
        (b"id,x\na,1\nb,\n", "row 2 has no number in 'x'"),
        (b"id,x\na,1\nb,one\n", "row 2 has no number in 'x'"),
        (b"id,x\na,inf\n", "row 1 has no number in 'x'"),
        (b"id,x\n" + b"9" * 200_000 + b",1\n", "is damaged, it is no CSV"),
    ],
)
def test_a_damaged_table_is_named_with_what_makes_it_anew(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(PipelineError, match=rf"a\.csv:? {message}: run `dvc repro`$"):
        parsed(tmp_path / "a.csv", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged, it is no JSON"),
        (b"{", "is damaged, it is no JSON"),
        (b"[" * 100_000, "is damaged, it is no JSON"),
        (b"\xff\x00", "is damaged, it is no text"),
        (b"[1, 2]", "is damaged, it holds no JSON object"),
    ],
)
def test_damaged_json_is_named_with_what_makes_it_anew(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(PipelineError, match=rf"a\.json {message}: run `dvc repro`$"):
        read_json(tmp_path / "a.json", AGAIN)


def test_what_is_missing_is_named_with_what_makes_it(tmp_path: Path) -> None:
    for read in (lambda path: read_csv(path, [], [], AGAIN), lambda path: read_json(path, AGAIN)):
        with pytest.raises(PipelineError, match=r"none is missing: run `dvc repro`$"):
            read(tmp_path / "none")


# Of control characters, only the line feed is quoted; the inventory lists no name with any.
@given(names=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), min_size=1))
def test_any_name_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("names") / "a.csv"
    write_csv(path, pd.DataFrame({"id": names, "x": range(len(names))}))
    assert read_csv(path, ["id", "x"], ["id"], AGAIN)["id"].tolist() == names
