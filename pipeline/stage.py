"""What every stage script shares: its arguments and its closing line."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError, errors_in_one_sentence


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
        words, wanted = [word for word in sys.argv[1:] if not word.startswith("--")], inspect.signature(main).parameters
        if len(words) != len(wanted):
            raise PipelineError(f"{Path(sys.argv[0]).stem} takes {', '.join(wanted) or 'nothing'}; found {words}")
        if made := main(*words):
            print(made, flush=True)
