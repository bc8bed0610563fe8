"""What every stage script shares: its arguments, its closing line, its errors."""

import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.errors import PipelineError, advice

INTERRUPTED = 130  # the exit status of what Ctrl-C ended, as shells have it


def run_stage(main: Callable[..., str]) -> None:
    """Call a stage with the arguments of the command line and print what it made.

    Args:
        main: The stage; takes the command line's arguments as strings and returns one line that says what
            was made (nothing in all but one of several processes).

    Raises:
        SystemExit: With one sentence on the error stream when the stage failed.
    """
    with errors_in_one_sentence():
        # DVC also writes their names (`--arm demo_xrays`), since it quotes for the shell only what it names.
        if made := main(*(word for word in sys.argv[1:] if not word.startswith("--"))):
            print(made, flush=True)


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
    except KeyboardInterrupt:
        if "LOCAL_RANK" not in os.environ:  # else the process that launched this one says so
            print("interrupted: run again to go on; what was finished is kept", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
        sentence = str(error) if isinstance(error, PipelineError) else None
        if isinstance(error, OSError):
            sentence = advice(error)
        if sentence is None:
            traceback.print_exc()
            sentence = (
                f"{' '.join(sys.argv)} stopped on {type(error).__name__}, which it has no advice for; "
                "the lines above say where. No unfinished output was left behind."
            )
        sys.exit(f"error: {sentence}")


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
