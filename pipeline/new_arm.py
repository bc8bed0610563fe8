"""What a new arm is made of: another arm's file, adapted to a collection of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.arms import Arm, parse_arm
from pipeline.data import kinds
from pipeline.errors import PipelineError
from pipeline.layout import INVENTORIES, arm_file, demo_collection, demo_list
from pipeline.params.base import Name
from pipeline.params.editing import changed_yaml
from pipeline.params.file import first_error, text_of

# What lies where the folders of an arm of that name would.
RESERVED = (INVENTORIES.name, demo_list("").parent.name, "checked.txt")


@dataclass(frozen=True)
class NewArm:
    """An arm that has no file yet.

    Attributes:
        arm: What its file will hold.
        text: The file.
        changes: In what it differs from the other arm's: path, as ``detectors.dpa.latent_dim``, to value.
        said: Sentences on what was chosen.
    """

    arm: Arm
    text: str
    changes: Mapping[str, Any]
    said: tuple[str, ...]


def check_name(name: str, arms: Mapping[str, Arm]) -> None:
    """Check that an arm can have a name.

    Args:
        name: That of the arm, which may be there already.
        arms: All that have a file.

    Raises:
        PipelineError: If it is no name, or something else has it.
    """
    _check_word(name)
    taken = dict.fromkeys(RESERVED, "is a name that the pipeline uses itself")
    taken |= {demo_collection(kind): "is what the demo's collection is called" for kind in kinds.names()}
    for other in {*arms} - {name}:
        taken[arms[other].data.collection_of(other)] = f"is the collection of {other}"
        taken[other] = f"is {arm_file(other)}, but for the size of letters"
    fault = next((fault for word, fault in taken.items() if word.casefold() == name.casefold()), None)
    if fault:
        raise PipelineError(f"{name} {fault}: choose another name for the arm")


def _check_word(word: object) -> None:
    try:
        TypeAdapter(Name).validate_python(word)
    except ValidationError:
        raise PipelineError(
            f"{word!r} cannot be a name: begin with a letter, a digit or _, and go on with these, . and -"
        ) from None


def collection_named(like: Arm, name: str, given: Mapping[str, Any]) -> str:
    """Return the folder below data/raw of a new arm's collection: of its own name, unless another is given."""
    collection = given.get(like.data.collection_key or "") or name
    _check_word(collection)
    return str(collection)


def made_like(like: Arm, name: str, folder: Path, given: Mapping[str, Any]) -> NewArm:
    """Copy an arm's file for another collection.

    Args:
        like: The arm that is copied.
        name: Of the new one.
        folder: The new collection, wherever it lies.
        given: Path to value, over what is copied and chosen.

    Raises:
        PipelineError: If something has to be given that is not, or a key cannot be set; whether the values are right
            is for :func:`pipeline.arms.check_arm`.
    """
    text = text_of(arm_file(like.name), "choose an arm that is there")
    changed_yaml(text, given)  # keys without a place are named first
    try:
        adapted = kinds.kind_of(like.data).for_new_arm(name, like.data, folder, given)
    except ValidationError as error:
        raise PipelineError(f"{arm_file(name)}: {first_error(error)}") from error
    key = like.data.collection_key
    own = {key: name} if key else {}
    chosen = {key: value for key, value in {**own, **adapted.changes}.items() if not kinds.is_given(key, given)}
    changes = {**chosen, **given}
    text = _headed(changed_yaml(text, changes), name, like.name)
    return NewArm(parse_arm(name, text), text, changes, tuple(adapted.said))


def first_words(name: str, like: str) -> str:
    """What the file of an arm begins with that was made like another one."""
    return f"# {name}, made from {arm_file(like)}"


def _headed(text: str, name: str, like: str) -> str:
    """Say in the first line what the file was made from, and let the others at the top name the new file."""
    lines = text.splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    about = lines[0].removeprefix("#").strip() if end else ""
    others = [line.replace(str(arm_file(like)), str(arm_file(name))) for line in lines[1:end]]
    return "".join([f"{first_words(name, like)}{': ' if about else ''}{about}\n", *others, *lines[end:]])
