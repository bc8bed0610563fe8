from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.params import EqualizeXrays
from pipeline.xrays import prepare
from pipeline.xrays.images import prepare_image
from pipeline.xrays.prepare import check_failures, index_of, prepare_parts, read_pixels, read_status
from tests.xrays.conftest import FILMS, Collection


@pytest.fixture
def table() -> pd.DataFrame:
    names = [name for name, _, _ in FILMS]
    return pd.DataFrame({"id": names, "source": [f"images/{name}" for name in names], "md5": "0"})


def test_parts_follow_the_table_and_do_not_depend_on_workers(
    collection: Collection,
    table: pd.DataFrame,
    equalize_settings: EqualizeXrays,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepare, "PART", 4)
    expected = np.stack([prepare_image(collection.root / source, equalize_settings) for source in table["source"]])
    for workers in (1, 2):
        parts = prepare_parts(table, collection.root, equalize_settings, tmp_path / f"scratch{workers}", workers)
        assert [len(pixels) for pixels in read_pixels(parts)] == [4, 4, 2]
        np.testing.assert_array_equal(np.concatenate(list(read_pixels(parts))), expected)


def test_an_unreadable_image_is_listed_and_left_out(
    collection: Collection, table: pd.DataFrame, equalize_settings: EqualizeXrays, tmp_path: Path
) -> None:
    (collection.root / table["source"][3]).write_bytes(b"no picture")
    parts = prepare_parts(table, collection.root, equalize_settings, tmp_path / "scratch", 1)
    status = read_status(parts, table)
    assert status["status"].tolist() == ["ok"] * 3 + ["failed"] + ["ok"] * 6
    assert status["reason"][3].startswith(f"{table['id'][3]} is not a whole PNG")
    assert sum(map(len, read_pixels(parts))) == 9
    index = index_of(table, status)
    assert table["id"][3] not in set(index["id"])
    assert (index[["x", "y"]] == 0).all(axis=None)
    check_failures(status, allowed=0.1)
    with pytest.raises(PipelineError, match=r"1 of 10 images failed.*allowed_failures 0\.05; first: 00000002_001"):
        check_failures(status, allowed=0.05)


def test_an_interrupted_run_keeps_its_parts_and_ends_in_the_same_pixels(
    collection: Collection,
    table: pd.DataFrame,
    equalize_settings: EqualizeXrays,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepare, "PART", 4)
    scratch = tmp_path / "scratch"
    parts = prepare_parts(table, collection.root, equalize_settings, scratch, 1)
    before = [part.read_bytes() for part in parts]
    parts[1].unlink()
    times = [parts[i].stat().st_mtime_ns for i in (0, 2)]
    assert prepare_parts(table, collection.root, equalize_settings, scratch, 1) == parts
    assert [part.read_bytes() for part in parts] == before
    assert [parts[i].stat().st_mtime_ns for i in (0, 2)] == times


def test_parts_of_other_settings_or_other_files_are_not_taken(
    collection: Collection, table: pd.DataFrame, equalize_settings: EqualizeXrays, tmp_path: Path
) -> None:
    first = prepare_parts(table, collection.root, equalize_settings, tmp_path, 1)
    plain = equalize_settings.model_copy(update={"equalization": "none"})
    assert prepare_parts(table, collection.root, plain, tmp_path, 1) != first
    assert prepare_parts(table.assign(md5="1"), collection.root, equalize_settings, tmp_path, 1) != first


@pytest.mark.parametrize(
    ("source", "message"),
    [("images/gone.png", r"gone\.png is gone since"), ("../secret.png", "leaves the collection's folder")],
)
def test_an_absent_file_or_a_path_out_of_the_folder_stops_before_work(
    collection: Collection,
    table: pd.DataFrame,
    equalize_settings: EqualizeXrays,
    tmp_path: Path,
    source: str,
    message: str,
) -> None:
    table.loc[9, "source"] = source
    with pytest.raises(PipelineError, match=message):
        prepare_parts(table, collection.root, equalize_settings, tmp_path / "scratch", 1)
    assert not (tmp_path / "scratch").exists()
