"""Collections under data/raw that are links to where they really lie."""

import os
from pathlib import Path

from pipeline.errors import PipelineError


def check_folder(folder: Path) -> None:
    """Check that a collection is there.

    Raises:
        PipelineError: If it is missing, a file, or empty.
    """
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "leads nowhere" if folder.is_symlink() else "is missing"
        raise PipelineError(f"{str(folder)!r} {what}: name the folder that holds the collection, by --data")
    if not any(not path.name.startswith(".") for path in folder.iterdir()):
        raise PipelineError(f"{str(folder)!r} is empty: put the collection there, or name another folder by --data")


def check_link(place: Path, folder: Path) -> None:
    """Check that a folder can be linked to.

    Args:
        place: Where the link shall be, below data/raw.
        folder: The collection.

    Raises:
        PipelineError: If the place is taken, or the folder is in data/raw already, or around it.
    """
    raw, real, above = place.parent.resolve(), folder.resolve(), folder.parent.resolve()
    if os.path.lexists(place):
        if not (place.exists() and place.samefile(folder)):
            raise PipelineError(f"{place} is there, and is not {str(folder)!r}: choose another name for the arm")
    elif raw in {real, *real.parents, above, *above.parents}:
        raise PipelineError(
            f"{str(folder)!r} is in {place.parent} already, under another name: leave --data out and name the "
            "collection by --set, or move it out of there"
        )
    elif real in raw.parents:
        raise PipelineError(f"{str(folder)!r} holds {place.parent} itself: name the folder of one collection")


def link(place: Path, folder: Path) -> None:
    """Make a link; a relative one where both are in the working folder, so that they can be moved together."""
    place.parent.mkdir(parents=True, exist_ok=True)
    here, raw, real = Path.cwd(), place.parent.resolve(), folder.resolve()
    inside = here in raw.parents and here in real.parents
    try:
        place.symlink_to(os.path.relpath(real, raw) if inside else real, target_is_directory=True)
    except OSError as error:  # which names the folder, not the link
        raise PipelineError(
            f"{place} cannot be made a link ({error.strerror}): see to {place.parent}, or put the collection there"
        ) from error
