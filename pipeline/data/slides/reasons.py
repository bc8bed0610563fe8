"""How one bad slide becomes one row instead of the end of the stage."""

from pipeline.errors import FULL, PipelineError, words_of


def reason_of(error: Exception) -> str:
    """Say why a slide failed, on one line that is the same on every machine.

    Args:
        error: What was raised while it was read; libraries raise anything on hostile files.

    Raises:
        OSError: The error itself, if it is a full disk, which is not the slide's fault.
    """
    if isinstance(error, OSError) and error.errno in FULL:
        raise error
    text = words_of(error)
    return text if isinstance(error, PipelineError) else f"{type(error).__name__}: {text}"
