import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from pipeline.features import kept as module
from pipeline.features.kept import kept

ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)


def never() -> np.ndarray:
    pytest.fail("made again")


def test_an_array_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "features"
    assert kept(folder, "key", lambda: ARRAY) is ARRAY
    again = kept(folder, "key", never)
    assert again.dtype == ARRAY.dtype
    assert np.array_equal(again, ARRAY)
    assert np.array_equal(kept(folder, "other", lambda: ARRAY + 1), ARRAY + 1)


def test_nothing_is_kept_without_a_folder(in_folder: Path) -> None:
    assert kept(None, "key", lambda: ARRAY) is ARRAY
    assert not list(in_folder.iterdir())


@pytest.mark.parametrize("damage", [lambda c: c[:-5], lambda c: c[:-5] + b"12345", lambda c: b"", lambda c: c + b"1"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    kept(tmp_path, "key", lambda: ARRAY)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert np.array_equal(kept(tmp_path, "key", lambda: ARRAY), ARRAY)
    assert path.read_bytes() == whole


def test_no_pickle_is_read(tmp_path: Path) -> None:
    kept(tmp_path, "key", lambda: np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="pickle"):
        kept(tmp_path, "key", never)


def test_several_may_make_the_same_at_once(tmp_path: Path) -> None:
    array, together = np.arange(100_000.0), Barrier(4)

    def make() -> np.ndarray:
        together.wait()
        return array

    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            made = list(pool.map(lambda key: kept(tmp_path, key, make), [str(number)] * 4))
            assert all(np.array_equal(one, array) for one in made)


def test_a_file_that_another_process_removes_meanwhile_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: iter([tmp_path / "gone.npy"]))
    assert kept(tmp_path, "key", lambda: ARRAY) is ARRAY


def test_the_files_that_were_not_read_for_longest_go_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, key in enumerate("abc"):
        kept(tmp_path, key, lambda: ARRAY)
        os.utime(tmp_path / f"{key}.npy", (age, age))
    kept(tmp_path, "a", never)  # now the youngest
    size = (tmp_path / "a.npy").stat().st_size
    monkeypatch.setattr(module, "MOST", 3 * size)
    kept(tmp_path, "d", lambda: ARRAY)
    assert {path.stem for path in tmp_path.iterdir()} == {"a", "c", "d"}
    monkeypatch.setattr(module, "MOST", 1)
    kept(tmp_path, "e", lambda: ARRAY)
    assert {path.stem for path in tmp_path.iterdir()} == {"e"}  # the one just made stays, however large
