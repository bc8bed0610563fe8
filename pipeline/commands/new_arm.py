"""Make an arm like another one, for a folder of your own, and check its data.

It copies the other arm's file and adapts it, links the folder below data/raw and lists the arm in params.yaml; if
anything is wrong, nothing is left behind.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.arms import Arm, check_arm, check_arms, every_arm, read_arm
from pipeline.data.checking import check_collections
from pipeline.data.linking import check_folder, check_link, link
from pipeline.errors import PipelineError
from pipeline.files import given_path, write_text
from pipeline.layout import PARAMS, RAW, REPORTS, arm_file
from pipeline.new_arm import NewArm, check_name, collection_named, first_words, made_like
from pipeline.params.editing import with_entry
from pipeline.params.file import Params, parse_params, read_params, text_of, yaml_as_json
from pipeline.tuning.space import Space


def main(words: Sequence[str]) -> int:
    """Add an arm, and say what to run next.

    Returns:
        1 if its data are not right, so that nothing was added, else 0.

    Raises:
        PipelineError: If its name, its folder or a setting is not right.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline new-arm", description=__doc__)
    parser.add_argument("name", help="of the arm, of its file and of its folder below data/raw")
    parser.add_argument("--like", metavar="ARM", required=True, help="the arm whose file is copied")
    parser.add_argument(
        "--data", metavar="FOLDER", type=given_path, help="its images, to be linked to; else data/raw/NAME"
    )
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting, as in arms/*.yaml")
    arguments = parser.parse_args(words)
    name, given = arguments.name, dict(map(_setting, arguments.set))
    check_arms(read_params())
    arms = {arm: read_arm(arm) for arm in every_arm()}
    _check_free(name, arguments.like, arms)
    like = arms[arguments.like]
    place = RAW / collection_named(like, name, given)
    folder = arguments.data or place
    check_folder(folder)
    check_link(place, folder)
    new = made_like(like, name, folder, given)
    before = text_of(PARAMS, "run this from the repository's root")
    listed = with_entry(with_entry(before, f"arms.{new.arm.shared.kind}", name), "arms.train", name)
    params = _checked(new, listed, place)
    there = arm_file(name).exists() and os.path.lexists(place) and listed == before
    if not _add(new, place, folder, listed, arms):
        what = "nothing was changed" if there else f"{name} was not added"
        print(f"error: {what}: put the data right and run this again", file=sys.stderr)
        return 1
    made = [f"{name} is an arm already, just so: nothing was changed"] if there else _made(new, like.name, place)
    print(*made, "", *_next(new.arm, like.name, params), sep="\n")
    return 0


def _setting(words: str) -> tuple[str, Any]:
    """Take KEY=VALUE apart; the value is YAML."""
    key, sign, value = words.partition("=")
    if not key or not sign:
        raise PipelineError(f"--set takes KEY=VALUE, as detectors.dpa.latent_dim=32, and not {words!r}")
    return key, json.loads(yaml_as_json(value, f"--set {key}"))


def _check_free(name: str, like: str, arms: Mapping[str, Arm]) -> None:
    """Check that there is no arm of that name, unless it was made like the same other one: then it may be just so."""
    check_name(name, arms)
    if like not in arms:
        raise PipelineError(f"{like!r} is not an arm: --like takes one of {', '.join(arms)}")
    if name in arms and not text_of(arm_file(name), "").startswith(first_words(name, like)):
        raise PipelineError(f"{arm_file(name)} is there already: choose another name for the arm")


def _checked(new: NewArm, listed: str, place: Path) -> Params:
    """Check the new arm, as the first stage will, and that no file of it would be overwritten."""
    name, key = new.arm.name, new.arm.data.collection_key
    if new.arm.data.collection_of(name) != place.name:
        raise PipelineError(f"{key} is set as a part of something else: name the collection by --set {key}=… itself")
    if arm_file(name).exists() and text_of(arm_file(name), "") != new.text:
        raise PipelineError(
            f"{arm_file(name)} is there, with other settings than these: change it by hand, or remove the arm first "
            f"(python -m pipeline remove-arm {name})"
        )
    params = parse_params(listed)
    check_arm(new.arm, params)
    if new.arm.shared.tune:
        Space(new.arm, params.compute)
    return params


def _add(new: NewArm, place: Path, folder: Path, listed: str, arms: Mapping[str, Arm]) -> bool:
    """Link the folder, check what is in it, and write the arm's file and the lists; all of that, or nothing."""
    name = new.arm.name
    readers = {other: arm.data for other, arm in arms.items() if arm.data.collection_of(other) == place.name}
    with ExitStack() as undo:
        for path in (place, layout.inventory(name), arm_file(name)):
            if not os.path.lexists(path):
                undo.callback(path.unlink, missing_ok=True)
        if not os.path.lexists(place):
            link(place, folder)
        if not check_collections({**readers, name: new.arm.data}, [name]):
            return False
        _put(arm_file(name), new.text)
        undo.callback(_put, PARAMS, text_of(PARAMS, ""))
        _put(PARAMS, listed)
        undo.pop_all()
    return True


def _put(file: Path, text: str) -> None:
    if not file.exists() or text_of(file, "") != text:
        write_text(file, text)


def _made(new: NewArm, like: str, place: Path) -> list[str]:
    """Say what was made, and what was chosen."""
    name = new.arm.name
    return [
        f"{arm_file(name)} is {arm_file(like)} with",
        *(f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in new.changes.items()),
        *(f"Chosen: {sentence}." for sentence in new.said),
        f"{place} is {f'a link to {str(place.readlink())!r}' if place.is_symlink() else 'its collection'}",
        f"{PARAMS} lists {name} in arms.{new.arm.shared.kind} and arms.train",
    ]


def _next(arm: Arm, like: str, params: Params) -> list[str]:
    """Say how to run it, how long that takes, and how to undo it."""
    name, others = arm.name, ", ".join(other for other in params.arms.train if other != arm.name)
    fitted = ", ".join([f"{', '.join(params.detectors)} ({len(params.seeds)} seeds)", *params.quick_detectors])
    alone = [
        f"  dvc repro compute_metrics@{name} && dvc repro -s check_params report",
        f"    the same without a run of {others}, whose figures the report takes as they are",
    ]
    return [
        "Next, in the environment (source .venv/bin/activate):",
        "  dvc repro",
        f"    prepares {name}, fits {fitted}, and reports them{f' beside {others}' if others else ''}",
        *(alone if others else []),
        f"  dvc repro {arm.data.prepared_by}@{name} && make first-look ARM={name}",
        "    only prepares it, and says which of the quick detectors suits it",
        f"It takes as long as {like} does for as many images. Then open {REPORTS / 'report.html'}, and commit it all",
        "(git add params.yaml arms dvc.lock reports) before you try variants.",
        f"To undo all this: python -m pipeline remove-arm {name}",
    ]
