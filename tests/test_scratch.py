from pathlib import Path

import pytest

from pipeline import scratch
from pipeline.scratch import make_parts, scratch_key


def write_text(item: str, part: Path) -> int:
    part.write_text(item)
    return len(item)


def fail_at_c(item: str, part: Path) -> int:
    if item == "c":
        raise RuntimeError("interrupted")
    return write_text(item, part)


ITEMS = [(scratch_key(letter), letter) for letter in "abcd"]


def test_parts_come_in_the_order_of_the_items(tmp_path: Path) -> None:
    parts = make_parts(write_text, ITEMS, tmp_path / "parts", 2, "letters", "letters")
    assert [part.read_text() for part in parts] == list("abcd")


def test_what_an_interrupted_run_finished_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="interrupted"):
        make_parts(fail_at_c, ITEMS, tmp_path, 1, "letters", "letters")
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(finished) >= 2
    parts = make_parts(write_text, ITEMS, tmp_path, 1, "letters", "letters")
    assert [part.read_text() for part in parts] == list("abcd")
    assert all(path.stat().st_mtime_ns == made for path, made in finished.items())
    assert f"{len(finished)} of 4 were finished before" in capsys.readouterr().out


def test_a_key_depends_on_every_fact_and_on_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {scratch_key("a", 1), scratch_key("a", 2), scratch_key("b", 1), scratch_key("a", 1)}
    assert len(keys) == 3
    monkeypatch.setattr(scratch, "_code", lambda: "other code")
    assert scratch_key("a", 1) not in keys
