"""The commands of the pipeline: ``python -m pipeline <command>``, which ``make`` calls for most of its targets."""

import argparse
import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import errors_in_one_sentence

COMMANDS = Path(__file__).parent / "commands"


def main(words: Sequence[str]) -> int:
    """Run the command that the first word names, with the others.

    Returns:
        The exit status.
    """
    commands = listed()
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        usage="%(prog)s [-h] command ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["commands:", *(f"  {name:13}{line}" for name, line in commands.items())]),
    )
    parser.add_argument(
        "command", choices=commands, metavar="command", help="one of those below; `<command> --help` says more"
    )
    command = parser.parse_args(words[:1] or ["--help"]).command
    # A command's libraries take seconds to import, so only the one that runs is.
    module = importlib.import_module(f"pipeline.commands.{command.replace('-', '_')}")
    status: int = module.main(words[1:])
    return status


def listed() -> dict[str, str]:
    """Return every command with the first line of its module, which is read and not run."""
    lines = {}
    for file in sorted(COMMANDS.glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        lines[file.stem.replace("_", "-")] = text.partition("\n")[0]
    return lines


if __name__ == "__main__":
    with errors_in_one_sentence():
        sys.exit(main(sys.argv[1:]))
