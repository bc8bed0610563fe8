"""What every stage script shares: its arguments, its closing line, its errors."""

import errno
import sys
import traceback
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.errors import PipelineError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_stage(main: Callable[..., str]) -> None:
    """Call a stage with the arguments of the command line and print what it made.

    Args:
        main: The stage; takes the command line's arguments as strings and returns one line that says what
            was made (nothing in all but one of several processes).

    Raises:
        SystemExit: With one sentence on the error stream when the stage failed.
    """
    try:
        # DVC also writes their names (`--arm demo_xrays`), since it quotes for the shell only what it names.
        if made := main(*(word for word in sys.argv[1:] if not word.startswith("--"))):
            print(made, flush=True)
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        sys.exit(f"error: {error.filename} is missing: run `dvc repro`, whose earlier stages make what this one reads")
    except OSError as error:
        if error.errno not in FULL:
            raise
        sys.exit(f"error: the disk is full ({error}): make room and run again; what was finished is kept")
    except Exception as error:
        traceback.print_exc()
        sys.exit(
            f"error: {' '.join(sys.argv)} stopped on {type(error).__name__}, which it has no advice for; "
            "the lines above say where. No unfinished output was left behind."
        )


def progress_bar(shown: bool = True) -> Progress:
    """Return a progress display with counts and the time left; silent when the output is not a terminal.

    Args:
        shown: False for all but one of several processes.
    """
    console = Console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
    )
