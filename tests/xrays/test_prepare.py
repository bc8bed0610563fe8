from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.params.xrays import EqualizeXrays
from pipeline.xrays import prepare
from pipeline.xrays.images import prepare_image
from pipeline.xrays.prepare import check_failures, index_of, prepare_parts, read_pixels, read_status
from tests.xrays.conftest import FILMS, Collection

PartsOf = Callable[..., list[Path]]


@pytest.fixture
def table() -> pd.DataFrame:
    names = [name for name, _, _ in FILMS]
    return pd.DataFrame({"id": names, "source": [f"images/{name}" for name in names], "md5": "0"})


@pytest.fixture
def parts_of(
    collection: Collection, equalize_settings: EqualizeXrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PartsOf:
    """Prepare the collection's images four to a part."""
    monkeypatch.setattr(prepare, "PART", 4)

    def prepared(
        table: pd.DataFrame, settings: EqualizeXrays = equalize_settings, scratch: str = "scratch", workers: int = 1
    ) -> list[Path]:
        return prepare_parts(table, collection.root, settings, tmp_path / scratch, workers)

    return prepared


def test_parts_follow_the_table_and_do_not_depend_on_workers(
    collection: Collection, table: pd.DataFrame, equalize_settings: EqualizeXrays, parts_of: PartsOf
) -> None:
    expected = np.stack([prepare_image(collection.root / source, equalize_settings) for source in table["source"]])
    for workers in (1, 2):
        parts = parts_of(table, scratch=f"scratch{workers}", workers=workers)
        assert [len(pixels) for pixels in read_pixels(parts)] == [4, 4, 2]
        np.testing.assert_array_equal(np.concatenate(list(read_pixels(parts))), expected)


def test_an_unreadable_image_is_listed_and_left_out(
    collection: Collection, table: pd.DataFrame, parts_of: PartsOf
) -> None:
    (collection.root / table["source"][3]).write_bytes(b"no picture")
    parts = parts_of(table)
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


def test_an_interrupted_run_keeps_its_parts_and_ends_in_the_same_pixels(table: pd.DataFrame, parts_of: PartsOf) -> None:
    parts = parts_of(table)
    before = [part.read_bytes() for part in parts]
    parts[1].unlink()
    times = [parts[i].stat().st_mtime_ns for i in (0, 2)]
    assert parts_of(table) == parts
    assert [part.read_bytes() for part in parts] == before
    assert [parts[i].stat().st_mtime_ns for i in (0, 2)] == times


def test_parts_of_other_settings_or_other_files_are_not_taken(
    table: pd.DataFrame, equalize_settings: EqualizeXrays, parts_of: PartsOf
) -> None:
    first = parts_of(table)
    assert parts_of(table, equalize_settings.model_copy(update={"equalization": "none"})) != first
    assert parts_of(table.assign(md5="1")) != first


@pytest.mark.parametrize(
    ("source", "message"),
    [("images/gone.png", r"gone\.png is gone since"), ("../secret.png", "leaves the collection's folder")],
)
def test_an_absent_file_or_a_path_out_of_the_folder_stops_before_work(
    table: pd.DataFrame, parts_of: PartsOf, tmp_path: Path, source: str, message: str
) -> None:
    table.loc[9, "source"] = source
    with pytest.raises(PipelineError, match=message):
        parts_of(table)
    assert not (tmp_path / "scratch").exists()
