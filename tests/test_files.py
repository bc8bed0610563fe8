import errno
import math
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.files import atomic, write_json


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
