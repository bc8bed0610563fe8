import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.compute import scratch
from pipeline.compute.scratch import AT_WORK, _at_work, each_part, make_parts, scratch_key
from pipeline.errors import PipelineError


def write_text(item: str, part: Path) -> int:
    np.savez(part, text=item, failed=False)
    return len(item)


def read_text(part: Path) -> str:
    with np.load(part) as content:
        return str(content["text"])


def cannot_read_b(item: str, part: Path) -> int:
    np.savez(part, text=item, failed=item == "b")
    return 1


def die_at_c(item: str, part: Path) -> int:
    if item == "c":
        os.kill(os.getpid(), signal.SIGKILL)
    return write_text(item, part)


def fail_at_c(item: str, part: Path) -> int:
    if item == "c":
        raise RuntimeError("interrupted")
    return write_text(item, part)


ITEMS = [(scratch_key(letter), letter) for letter in "abcd"]


def test_parts_come_in_the_order_of_the_items(tmp_path: Path) -> None:
    parts = make_parts(write_text, ITEMS, tmp_path / "parts", 2, "letters", "letters")
    assert [read_text(part) for part in parts] == list("abcd")


def test_a_part_can_be_used_before_the_next_are_made(tmp_path: Path) -> None:
    items = [(scratch_key("z"), "z"), *ITEMS]
    make_parts(write_text, items[:1], tmp_path, 1, "letters", "letters")
    parts = each_part(fail_at_c, items, tmp_path, 1, "letters", "letters")
    assert [read_text(next(parts)) for _ in range(3)] == ["z", "a", "b"]
    with pytest.raises(RuntimeError, match="interrupted"):
        next(parts)


def test_what_an_interrupted_run_finished_is_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="interrupted"):
        make_parts(fail_at_c, ITEMS, tmp_path, 1, "letters", "letters")
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(finished) >= 2
    parts = make_parts(write_text, ITEMS, tmp_path, 1, "letters", "letters")
    assert [read_text(part) for part in parts] == list("abcd")
    assert all(path.stat().st_mtime_ns == made for path, made in finished.items())
    assert f"{len(finished)} of 4 were finished before" in capsys.readouterr().out


def test_a_failed_part_is_made_again_since_the_fault_may_have_been_the_disks(tmp_path: Path) -> None:
    made = make_parts(cannot_read_b, ITEMS, tmp_path, 1, "letters", "letters")
    times = [part.stat().st_mtime_ns for part in made]
    again = make_parts(write_text, ITEMS, tmp_path, 1, "letters", "letters")
    assert [new.stat().st_mtime_ns != old for new, old in zip(again, times, strict=True)] == [False, True, False, False]


def wrong_bit(content: bytes) -> bytes:
    place = content.index("c".encode("utf-32-le"))  # as numpy keeps texts
    return content[:place] + b"d" + content[place + 1 :]


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[:-30], lambda content: b"text", wrong_bit]
)
def test_a_damaged_part_is_made_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    made = make_parts(write_text, ITEMS, tmp_path, 1, "letters", "letters")
    made[2].write_bytes(damage(made[2].read_bytes()))
    assert [read_text(part) for part in make_parts(write_text, ITEMS, tmp_path, 1, "letters", "letters")] == list(
        "abcd"
    )


def test_an_item_that_kills_its_process_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"letters: a worker process was killed.*at work were: " + ITEMS[2][0]):
        make_parts(die_at_c, ITEMS, tmp_path, 1, "letters", "letters")


def test_what_others_finish_or_begin_while_the_marks_are_read_is_not_named(tmp_path: Path) -> None:
    (tmp_path / f"a{AT_WORK}").write_text("a\n", encoding="utf-8")
    (tmp_path / f"b{AT_WORK}").symlink_to("gone")  # is listed, and cannot be read any more
    (tmp_path / f"c{AT_WORK}").touch()
    assert _at_work(tmp_path) == ["a"]
    (tmp_path / f"a{AT_WORK}").unlink()
    assert _at_work(tmp_path) == []


def test_a_key_depends_on_every_fact_and_on_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {scratch_key("a", 1), scratch_key("a", 2), scratch_key("b", 1), scratch_key("a", 1)}
    assert len(keys) == 3
    monkeypatch.setattr(scratch, "code_version", lambda: "other code")
    assert scratch_key("a", 1) not in keys
