"""Run the paper's experiments on CIFAR10 and SVHN, one class normal at a time, as one experiment of DVC.

It writes the arms of the classes from those of the collections and arms/natural.csv; docs/natural.md says more.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import get_args

from pipeline.arms import check_arm, every_arm, read_arm
from pipeline.compute.device import prepare_device
from pipeline.data.checking import check_collections
from pipeline.detectors import registry
from pipeline.errors import PipelineError
from pipeline.files import write_text
from pipeline.layout import arm_file
from pipeline.natural import COLLECTIONS, Experiment, Kind, experiments
from pipeline.params.file import Params, read_params, text_of

SEEDS = (0, 1, 2)
# Those that the paper runs; for the deep perceptual autoencoder it has tuned settings alone.
DETECTORS: Mapping[Kind, list[str]] = {
    "default": ["deep_geo", "piad", "deep_if"],
    "tuned": ["dpa", "deep_geo", "piad", "deep_if"],
}
HOURS = {"dpa": 4, "deep_geo": 9, "piad": 50, "deep_if": 1}  # of one core, about, for one class and seed


def main(words: Sequence[str]) -> int:
    """Write the arms and run them; with ``--dry-run``, print what would be.

    Returns:
        That of DVC; 1 if a collection is not whole.

    Raises:
        PipelineError: If there is no such class or detector, or an arm's file is not of this command's making.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline natural", description=__doc__)
    parser.add_argument("--collections", nargs="+", choices=COLLECTIONS, default=COLLECTIONS)
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="normal ones, as cat or 3; without: all ten")
    parser.add_argument("--detectors", nargs="+", metavar="DETECTOR", help="without: those that the paper runs")
    parser.add_argument("--settings", choices=get_args(Kind), default="tuned", help="of the paper's other detectors")
    parser.add_argument("--dry-run", action="store_true", help="print the arms and the command, and change nothing")
    arguments = parser.parse_args(words)
    params, detectors = read_params(), arguments.detectors or DETECTORS[arguments.settings]
    offered = [one for one in experiments() if one.collection in arguments.collections]
    chosen = _chosen(offered, arguments.classes)
    changes = _changes([one.arm for one in chosen], detectors, params)
    command = ["dvc", "exp", "run", *(word for change in changes for word in ("-S", change))]
    _say_how_long(len(chosen), detectors, params)
    if arguments.dry_run:
        print(*(arm_file(one.arm) for one in chosen), shlex.join(command), sep="\n")
        return 0
    if not _write(chosen, arguments.settings, params):
        return 1
    print(shlex.join(command), flush=True)
    return subprocess.run([sys.executable, "-m", *command], check=False).returncode  # noqa: S603


def _chosen(offered: Sequence[Experiment], classes: Sequence[str] | None) -> list[Experiment]:
    names = list(dict.fromkeys(one.normal for one in offered))
    if absent := [name for name in classes or () if name not in names]:
        raise PipelineError(f"{absent[0]!r} is no class of what is to run: choose from {', '.join(names)}")
    return [one for one in offered if one.normal in (classes or names)]


def _changes(arms: Sequence[str], detectors: Sequence[str], params: Params) -> list[str]:
    """What params.yaml has otherwise: these arms and detectors alone, and the paper's three runs."""
    for name in detectors:
        registry.check_name(name)
    quick = [name for name in detectors if name in params.quick_detectors]
    trained = [name for name in detectors if name not in quick] or [quick.pop(0)]
    lists: dict[str, Sequence[str]] = {f"arms.{kind}": [] for kind, _ in params.arms}
    lists |= {"arms.folders": arms, "arms.train": arms}
    lists |= {"detectors": trained, "quick_detectors": quick, "seeds": [str(seed) for seed in SEEDS]}
    return [f"{key}=[{','.join(entries)}]" for key, entries in lists.items()]


def _say_how_long(arms: int, detectors: Sequence[str], params: Params) -> None:
    hours = arms * len(SEEDS) * sum(HOURS.get(name, 1) for name in detectors)
    if prepare_device(params.compute).type == "cpu":
        print(f"without a GPU this takes some {_said(hours)} of one core: docs/natural.md says what", file=sys.stderr)


def _said(hours: int) -> str:
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def _write(chosen: Sequence[Experiment], kind: Kind, params: Params) -> bool:
    """List the files of the collections, and if they are whole, write the arms; nothing else is overwritten."""
    new = {one.arm: one.new_arm(kind) for one in chosen}
    for one in chosen:
        check_arm(new[one.arm].arm, params)
        _check_own(one, new[one.arm].text, kind)
    others = {arm: read_arm(arm).data for arm in every_arm()}
    collections = {one.collection: one.arm for one in reversed(chosen)}  # one class of each tells whether it is whole
    readers = others | {arm: made.arm.data for arm, made in new.items()}
    readers = {arm: data for arm, data in readers.items() if data.collection_of(arm) in collections}
    if not check_collections(readers, [*collections.values()]):
        return False
    for arm, made in new.items():
        write_text(arm_file(arm), made.text)
    return True


def _check_own(one: Experiment, text: str, kind: Kind) -> None:
    """Check that a file which is there is of this command's making, with these settings or with the others."""
    if not arm_file(one.arm).exists() or (before := text_of(arm_file(one.arm), "")) == text:
        return
    if before not in [one.new_arm(other).text for other in get_args(Kind) if other != kind]:
        raise PipelineError(
            f"{arm_file(one.arm)} is there, with other settings than these: remove it (python -m pipeline remove-arm "
            f"{one.arm}), or give yours another name"
        )
