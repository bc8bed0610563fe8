"""Which modules of the project a stage script runs: its imports, theirs, and so on."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


def import_closure(script: Path) -> set[str]:
    """Return the project files that a script imports, itself included, relative to the root.

    Package files (``__init__.py``) are left out: a test makes sure that they hold no code.
    """
    seen: set[Path] = set()
    waiting = [script]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        waiting += _imported_files(file)
    return {path.relative_to(ROOT).as_posix() for path in seen}


@cache
def _imported_files(file: Path) -> list[Path]:
    return [path for name in _imported_names(file) if (path := _module_file(name))]


def _imported_names(file: Path) -> set[str]:
    names: set[str] = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    never_run = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {node for block in never_run for node in ast.walk(block)}
    for node in set(ast.walk(tree)) - skipped:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports are not followed"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _module_file(name: str) -> Path | None:
    file = ROOT / (name.replace(".", "/") + ".py")
    return file if name.split(".", maxsplit=1)[0] in {"pipeline", "stages"} and file.is_file() else None
