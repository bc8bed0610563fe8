"""The state from which an interrupted training goes on: whatever became of it, the result is the same."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.compute import saved_state
from pipeline.compute.saved_state import SavedState
from pipeline.data.images import Images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.settings import DpaSettings
from tests.detectors.conftest import with_loss, with_schedule
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pickles import NO_TENSORS, saved_by_torch
from tests.hostile.pictures import flipped

SCRATCH = Path(".cache/training")


# File, content and result of the training below, made once.
KNOWN: list[Any] = []


class Stopped(BaseException):
    """Stands for a kill."""


def trained(settings: DpaSettings, images: Images, scratch: Path | None) -> str:
    """Train; the checksum of what came out."""
    detector = DeepPerceptualAutoencoder(settings, 1)
    history = detector.fit(images.pixels, images.rows("train"), images.rows("val"), 0, scratch)
    digest = hashlib.sha256(history.rows.to_csv().encode())
    for value in detector.network.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def quick(tiny_train: DpaSettings) -> DpaSettings:
    step = tiny_train.schedule[16].model_copy(update={"transition": 0, "stable": 10})
    return with_schedule(with_loss(tiny_train, perceptual=0.0, l1=1.0), {16: step})


@pytest.fixture
def interrupted(quick: DpaSettings, tiny_images: Images, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """The file of a training's state after seven of ten steps, and what the training must come to."""
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    if KNOWN:
        SCRATCH.mkdir(parents=True)
        (SCRATCH / KNOWN[0].name).write_bytes(KNOWN[1])
        return SCRATCH / KNOWN[0].name, KNOWN[2]
    write, number = SavedState.write, iter(range(1, 100))

    def stopping(self: SavedState, state: dict[str, Any]) -> None:
        write(self, state)
        if next(number) == 7:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(SavedState, "write", stopping)
        with pytest.raises(Stopped):
            trained(quick, tiny_images, SCRATCH)
    (path,) = SCRATCH.glob("*.pt")
    KNOWN[:] = path, path.read_bytes(), trained(quick, tiny_images, None)
    return path, KNOWN[2]


ANEW = r"(anew|again)"


@lines(
    Line("good", lambda whole: whole, "going on after"),
    *(Line(name, lambda whole, content=content: content, ANEW) for name, content in NO_TENSORS.items()),
    Line("cut_in_half", lambda whole: whole[: len(whole) // 2], ANEW),
    Line("last_byte_missing", lambda whole: whole[:-1], ANEW),
    Line("rubbish_behind", lambda whole: whole + b"rubbish", ANEW),
    Line("zeros_in_the_middle", lambda whole: whole[:5000] + bytes(1000) + whole[6000:], ANEW),
    *(Line(f"bit_flip_at_{share:.0%}", lambda whole, share=share: flipped(whole, int(share * len(whole)), 1), ANEW)
      for share in (0, 0.01, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 0.99)),
    Line("of_another_network", lambda whole: saved_by_torch({"network": {}, "phase_number": 0}), ANEW),
    Line("of_a_later_phase", lambda whole: saved_by_torch({"phase_number": 99, "drawn_at": -1}), ANEW),
)  # fmt: skip
def test_a_state(line: Line, interrupted: tuple[Path, str], quick: DpaSettings, tiny_images: Images) -> None:
    path, expected = interrupted
    path.write_bytes(line.made(path.read_bytes()))
    judge(lambda: trained(quick, tiny_images, SCRATCH), Gives(expected, warns=str(line.says)))


@lines(
    Line("folder_for_the_state", lambda path: (path.unlink(), path.mkdir()), Either(r"\.cache/training")),
    Line("link_to_nowhere", lambda path: (path.unlink(), path.symlink_to("nowhere")), Gives()),
    Line("other_states_beside_it", lambda path: (path.parent / "older.pt").write_bytes(b"x"), Gives()),
    Line("unfinished_state_beside_it", lambda path: (path.parent / ".partial-older.pt").write_bytes(b"x"), Gives()),
    Line("file_for_the_folder", lambda path: (shutil.rmtree(SCRATCH), SCRATCH.touch()), r"\.cache/training"),
)
def test_what_lies_where_states_are_kept(
    line: Line, interrupted: tuple[Path, str], quick: DpaSettings, tiny_images: Images
) -> None:
    path, expected = interrupted
    line.made(path)
    says = Gives(expected) if isinstance(line.says, Gives) else line.says
    judge(lambda: trained(quick, tiny_images, SCRATCH), says)


def test_torch_takes_a_changed_bit_without_a_word() -> None:
    """Why states carry a checksum: else this could not fail."""
    whole = saved_by_torch({"a": torch.zeros(1000)})
    Path("a.pt").write_bytes(flipped(whole, whole.index(bytes(64)) + 32, 1))
    assert torch.load("a.pt", weights_only=True)["a"].count_nonzero() == 1
