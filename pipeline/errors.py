"""What an error says to the user: one sentence that names the file, row or key and what to do."""

import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
INTERRUPTED = 130  # the exit status of what Ctrl-C ended, as shells have it
CLOSED = 141  # of what wrote to a pipe that was closed
OWN = ("pipeline", "stages")
LONGEST = 300  # characters of what an error says
# How a library shows an object (<_io.BytesIO object at 0x7f…>), an address, and the folders of an absolute path.
OBJECT = re.compile(r"\s*<[^<>]* at 0x[0-9A-Fa-f]+>")
ADDRESS = re.compile(r"\b0x[0-9A-Fa-f]{8,}\b")
FOLDERS = re.compile(r"(?<![\w.~-])/(?:[^\s/'\"<>]+/)*(?=[^\s/'\"<>])")


class PipelineError(Exception):
    """Something the user can put right: one sentence that names the file, row or key and what to do."""


@contextmanager
def errors_in_one_sentence() -> Iterator[None]:
    """Run a script: whatever ends it says so in one sentence on the error stream.

    Raises:
        SystemExit: When the block failed or was interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without × or µ is no reason to stop
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a closed pipe or a full disk is told of
    except KeyboardInterrupt:
        if "LOCAL_RANK" not in os.environ:  # else the process that launched this one says so
            print("interrupted: run again to go on; what was finished is kept", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # whoever read the output has what it wanted, as `head`; nothing more is to be written, at the end neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(CLOSED)
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            traceback.print_exc()
            command = " ".join(["python", *sys.orig_argv[1:]])
            sentence = (
                f"{command} stopped on {type(error).__name__}, which it has no advice for; "
                "the lines above say where. No unfinished output was left behind."
            )
        sys.exit(f"error: {printable(sentence)}")


def _sentence(error: Exception) -> str | None:
    """Say in one sentence what to do about an error; None where there is no advice."""
    if isinstance(error, PipelineError):
        return str(error)
    # By its name, since torch takes seconds to import.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "the memory is full: close other programs, or use a machine with more; what was finished is kept"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] not in OWN:
        return (
            f"the package {error.name} is not installed here: activate the environment (source .venv/bin/activate), "
            "which `make install` makes, and run again"
        )
    return advice(error) if isinstance(error, OSError) else None


def advice(error: OSError) -> str | None:
    """Say in one sentence what to do about an error of the operating system; None where it names no file."""
    if error.errno in FULL:
        what = error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
        return f"the disk is full ({what}): make room and run again; what was finished is kept"
    if error.filename is None or error.errno is None:
        return None
    path = Path(str(error.filename))
    if isinstance(error, FileNotFoundError):
        sentence = f"{path} is missing: run `dvc repro`, whose earlier stages make what this one reads"
    elif isinstance(error, FileExistsError | NotADirectoryError):
        sentence = f"{_no_folder(path)} is not a folder, but has to be one: move it away and run again"
    elif isinstance(error, IsADirectoryError):
        sentence = f"{path} is a folder, but has to be a file: move it away and run again"
    elif error.errno == errno.ENAMETOOLONG:
        name = max(path.parts, key=len)[:40]
        sentence = f"{name}… is too long for the name of a file: shorten the name that it was made from"
    elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
        what = f"{path} may not be read or written here ({error.strerror})"
        sentence = f"{what}: change its permissions, or how its disk is mounted, and run again"
    else:
        sentence = f"{path} cannot be read or written ({error.strerror}): see to the disk and run again"
    return sentence


def _no_folder(path: Path) -> Path:
    """Return what stands in the way of a folder: the path itself, or one above it."""
    return next((p for p in reversed((path, *path.parents)) if p.is_symlink() or p.exists() if not p.is_dir()), path)


def printable(text: str) -> str:
    """Show what nobody sees, as a byte-order mark in a key, by its escape: two names may differ in nothing else."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def words_of(error: BaseException) -> str:
    """Say what an error says, fit for an output: on one line, not long, without addresses and folders of this machine.

    An absolute path is cut down to the name of the file; relative ones stay.

    Args:
        error: What a library raised; the text of one of our own is fit to begin with, but for a root given as an
            absolute path.
    """
    text = str(error)
    for pattern in (OBJECT, ADDRESS, FOLDERS):
        text = pattern.sub("", text)
    return " ".join(text.split())[:LONGEST]
