"""Kill the whole chain at random moments and see whether ``dvc repro`` ends in the same bytes, without help.

    python -m tests.kill_loop --cycles 20 --seed 0

A shrunken demo runs undisturbed once. Then every cycle starts from a clone with neither data nor cache, lets
``dvc repro`` run, kills it with SIGKILL in one of the ways of :data:`WAYS`, and runs ``dvc repro`` to the end. dvc.lock
and all of reports/ must be the same, byte by byte. The clones are of the last commit. It prints a line for every cycle
and exits with 1 if one failed or differs; what a failed cycle left, with the logs of its runs, stays in the folder that
it names.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides

from tests.test_chain import SHRUNKEN, Clone

# Long enough to be hit, and with states so often that a training goes on from one.
LONGER = [
    "arms/demo_xrays.yaml:detectors.dpa.schedule.16.stable=150",
    "arms/demo_slides.yaml:detectors.dpa.schedule.32.stable=12",
]
STATES = ("pipeline/compute/saved_state.py", "SECONDS = 60.0", "SECONDS = 0.2")
# What is killed: all processes; all of them, and again when the same stage is at work; dvc, while the stage goes on
# beside the next one; dvc, and the stage after a second.
WAYS = ("all", "all, twice in one stage", "dvc alone", "dvc, then its stage")
Moment = tuple[str, float]  # a stage, and seconds since its start
# What stages say when they do not start from nothing.
GOING_ON = ("finished before", "going on after")


@dataclass
class Run:
    """One ``dvc repro`` with all its processes in a group of their own."""

    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, clone: Clone, log: Path) -> "Run":
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "dvc", "repro"],
                cwd=clone.folder,
                env=clone.environment | {"PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(process, log)

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stage(self) -> str:
        """The stage at work, or the last one."""
        started = [line.split("'")[1] for line in self.text().splitlines() if line.startswith("Running stage")]
        return started[-1] if started else "before the first"

    def going_on(self) -> str:
        """What the stages of this run say of an interruption."""
        return "; ".join(line for line in self.text().splitlines() if any(word in line for word in GOING_ON))

    def starts(self) -> list[Moment]:
        """Wait for the end; the stages and when each of them started, in seconds."""
        begin, found = time.monotonic(), [("", 0.0)]
        while self.process.poll() is None:
            if (stage := self.stage()) not in ("before the first", found[-1][0]):
                found.append((stage, time.monotonic() - begin))
            time.sleep(0.05)
        return [*found, ("", time.monotonic() - begin)]

    def wait_for(self, seconds: float, stage: str = "") -> None:
        """Wait until a stage, if one is named, is at work, and then some seconds; or until the end."""
        while stage and self.stage() != stage and self.process.poll() is None:
            time.sleep(0.05)
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.02)

    def kill_all(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_dvc(self) -> None:
        self.process.kill()
        self.process.wait()


def prepared_clone(folder: Path) -> Clone:
    """A clone of the last commit with the shrunken demo, before its first run."""
    clone = Clone(folder)
    file, old, new = STATES
    code = (folder / file).read_text(encoding="utf-8")
    if old not in code:
        raise ValueError(f"{file} has no line {old!r} any more")
    (folder / file).write_text(code.replace(old, new), encoding="utf-8")
    for file, overrides in to_path_overrides([*SHRUNKEN, *LONGER]).items():
        apply_overrides(folder / file, overrides)
    return clone


def copy_of(clone: Clone, folder: Path) -> Clone:
    """Another clone in the same state, without cloning."""
    shutil.copytree(clone.folder, folder, symlinks=True)
    copy = object.__new__(Clone)
    copy.folder, copy.environment = folder, clone.environment
    return copy


def results(clone: Clone) -> dict[str, bytes]:
    """The bytes that must be the same."""
    files = [clone.folder / "dvc.lock", *(clone.folder / "reports").rglob("*")]
    return {file.relative_to(clone.folder).as_posix(): file.read_bytes() for file in files if file.is_file()}


def random_moment(starts: list[Moment], dice: random.Random) -> Moment:
    """A moment of the whole chain as a stage and the seconds since its start, so that load does not shift it."""
    moment = dice.uniform(0, starts[-1][1])
    stage, start = [one for one in starts if one[1] <= moment][-1]
    return stage, moment - start


def disturb(clone: Clone, way: str, moment: Moment, dice: random.Random) -> tuple[str, list[Run]]:
    """Run the chain and kill it.

    Returns:
        The stage that was hit, and all runs; the last, just started, is to end in the same bytes.
    """
    logs = clone.folder.parent
    runs = [run := Run.start(clone, logs / "killed.log")]
    stage, seconds = moment
    run.wait_for(seconds, stage)
    stage = run.stage()
    if way.startswith("all"):
        run.kill_all()
        if "twice" in way:
            runs.append(run := Run.start(clone, logs / "killed-again.log"))
            run.wait_for(dice.uniform(0.2, 3), stage)
            run.kill_all()
    else:
        run.kill_dvc()
        if "then" in way:
            time.sleep(1)
            run.kill_all()
    return stage, [*runs, Run.start(clone, logs / "resumed.log")]


def cycle(number: int, pristine: Clone, expected: dict[str, bytes], moment: Moment, dice: random.Random) -> bool:
    """Run one cycle and print what came of it; what it left is removed if all was well."""
    folder = pristine.folder.parent / f"cycle-{number}"
    clone = copy_of(pristine, folder / "clone")
    way = WAYS[number % len(WAYS)]
    stage, runs = disturb(clone, way, moment, dice)
    code = (resumed := runs[-1]).process.wait()
    found = results(clone)
    differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    same = "same bytes" if not differing else f"DIFFERS in {', '.join(differing[:5])}"
    end = same if not code else f"FAILED with {code}: {resumed.text().strip().splitlines()[-1]}"
    how = resumed.going_on() or "from the start of the stage"
    when = f"{moment[1]:.1f} s after the start of {moment[0] or 'dvc'}"
    print(f"cycle {number}: {way}, {when}, in {stage}; resumed {how}; {end}", flush=True)
    well = not code and not differing
    for run in runs:
        run.kill_all()  # nothing of a cycle may disturb the next
    if well:
        shutil.rmtree(folder)
    return well


def main() -> int:
    """Run all cycles."""
    parser = argparse.ArgumentParser(prog="tests.kill_loop", description=__doc__)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kill_loop-"))
    pristine, dice = prepared_clone(folder / "pristine"), random.Random(arguments.seed)  # noqa: S311
    whole = copy_of(pristine, folder / "whole" / "clone")
    undisturbed = Run.start(whole, folder / "whole" / "undisturbed.log")
    starts = undisturbed.starts()
    if undisturbed.process.returncode:
        print(f"the undisturbed run failed: see {undisturbed.log}")
        return 1
    expected = results(whole)
    print(
        f"undisturbed: {starts[-1][1]:.0f} s, {len(starts) - 2} stages, {len(expected)} files in {folder}", flush=True
    )
    failed = [n for n in range(arguments.cycles) if not cycle(n, pristine, expected, random_moment(starts, dice), dice)]
    if failed:
        print(f"{len(failed)} of {arguments.cycles} cycles ended otherwise: {failed}; see {folder}")
        return 1
    print(f"all {arguments.cycles} cycles ended in the same bytes")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
