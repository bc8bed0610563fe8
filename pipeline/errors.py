"""The one exception whose text is written for the user, and what of other texts is fit for an output."""

import re

# How a library shows an object (<_io.BytesIO object at 0x7f…>), an address, and the folders of an absolute path.
OBJECT = re.compile(r"\s*<[^<>]* at 0x[0-9A-Fa-f]+>")
ADDRESS = re.compile(r"\b0x[0-9A-Fa-f]{8,}\b")
FOLDERS = re.compile(r"(?<![\w.~-])/(?:[^\s/'\"<>]+/)*(?=[^\s/'\"<>])")


class PipelineError(Exception):
    """Something the user can put right: one sentence that names the file, row or key and what to do."""


def words_of(error: BaseException) -> str:
    """Say what an error says, fit for an output: on one line, without addresses and folders of this machine.

    An absolute path is cut down to the name of the file; relative ones stay.

    Args:
        error: What a library raised; the text of one of our own is fit to begin with, but for a root given as an
            absolute path.
    """
    text = str(error)
    for pattern in (OBJECT, ADDRESS, FOLDERS):
        text = pattern.sub("", text)
    return " ".join(text.split())
