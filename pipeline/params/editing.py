"""Changing a YAML file that people write: nothing else in it changes, neither comments nor where lines end."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from pipeline.errors import PipelineError


def changed_yaml(text: str, changes: Mapping[str, Any]) -> str:
    """Change values; a key that is not there is added at the end of its section.

    Args:
        text: The file.
        changes: Path, as ``detectors.dpa.latent_dim``, to value.

    Raises:
        PipelineError: If what stands above a key holds no keys, or the file is written in a way that cannot be changed
            in its place, as by an anchor.
    """
    content = _content(text)
    with _in_its_place(changes):
        for path, value in changes.items():
            before = _as_json(content)
            _put(content, path, value)
            if _as_json(content) != before:
                text = _set(text, path, value)
        _check(text, content)
    return text


def with_entry(text: str, path: str, entry: str) -> str:
    """Add a word to the end of a list, unless it is in it."""
    content = _content(text)
    entries = _at(content, path)
    if entry in entries:
        return text
    if not entries:
        return changed_yaml(text, {path: [entry]})
    entries.append(entry)
    with _in_its_place([path]):
        node = _node(text, path)
        if node.flow_style:
            end = node.end_mark.index - 1
            text = f"{text[:end]}, {_inline(entry)}{text[end:]}"
        else:
            end = _line_end(text, _end(text, node))
            text = f"{text[:end]}\n{' ' * node.start_mark.column}- {_inline(entry)}{text[end:]}"
        _check(text, content)
    return text


def without_entry(text: str, path: str, entry: str) -> str:
    """Remove a word from a list, if it is in it."""
    content = _content(text)
    entries = _at(content, path)
    if entry not in entries:
        return text
    node, number = _node(text, path), entries.index(entry)
    entries.remove(entry)
    if not entries or node.flow_style:
        return changed_yaml(text, {path: entries})
    row = node.value[number]
    with _in_its_place([path]):
        start, end = text.rindex("\n", 0, row.start_mark.index), _line_end(text, row.end_mark.index)
        text = text[:start] + text[end:]
        _check(text, content)
    return text


@contextmanager
def _in_its_place(paths: Iterable[str]) -> Iterator[None]:
    """Turn what comes of a file that is written otherwise than expected into a sentence."""
    try:
        yield
    except (YAMLError, AttributeError, TypeError, ValueError) as error:
        raise PipelineError(f"{', '.join(paths)} cannot be changed where it stands: change it by hand") from error


def _check(text: str, content: Any) -> None:
    """Check that a text says what it has to, and nothing else.

    Raises:
        ValueError: If it does not.
    """
    if _as_json(_content(text)) != _as_json(content):
        raise ValueError("another content")


def _put(content: Any, path: str, value: Any) -> None:
    *above, last = path.split(".")
    for number, name in enumerate(above, 1):
        content[name] = {} if content.get(name) is None else content[name]
        content = content[name]
        if not isinstance(content, dict):
            raise PipelineError(f"{path}: {'.'.join(above[:number])} holds no keys: name it as a whole")
    content[last] = deepcopy(value)


def _set(text: str, path: str, value: Any) -> str:
    """Set one key; of the sections above it, those that are not there or null are made."""
    part, (name, *below) = _yaml().compose(text), path.split(".")
    while below and isinstance(section := _pair(part, name)[1], MappingNode):
        part, (name, *below) = section, below
    for inner in reversed(below):
        value = {inner: value}
    key, old = _pair(part, name)
    return _with_key(text, part, name, value) if key is None else _with_value(text, part, key, old, value)


def _with_key(text: str, part: MappingNode, name: str, value: Any) -> str:
    if part.flow_style:
        end = part.end_mark.index - 1
        comma = ", " if part.value else ""
        return f"{text[:end]}{comma}{_inline(name)}: {_inline(value)}{text[end:]}"
    column, end = part.value[0][0].start_mark.column, _line_end(text, _end(text, part))
    return f"{text[:end]}\n{' ' * column}{_inline(name)}:{_laid_out(value, column)}{text[end:]}"


def _with_value(text: str, part: MappingNode, key: Node, old: Node, value: Any) -> str:
    start = text.index(":", key.end_mark.index) + 1
    if part.flow_style:
        return f"{text[:start]} {_inline(value)}{text[max(start, old.end_mark.index) :]}"
    end = _end(text, old) if old.start_mark.index < old.end_mark.index else start  # else nothing stands there
    block = isinstance(old, MappingNode | SequenceNode) and not old.flow_style
    comment = text[start if block else end : _line_end(text, start if block else end)]
    kept_in_brackets = isinstance(old, SequenceNode) and old.flow_style and old.value
    new = f" {_inline(value)}" if kept_in_brackets else _laid_out(value, key.start_mark.column)
    first, line_end, others = new.partition("\n")
    return f"{text[:start]}{first}{comment}{line_end}{others}{text[_line_end(text, end) :]}"


def _laid_out(value: Any, column: int) -> str:
    """Lists line by line, maps in braces, and nothing for null, as the shipped files have them."""
    if value is None:
        return ""
    if isinstance(value, list) and value:
        return "".join(f"\n{' ' * column}- {_inline(entry)}" for entry in value)
    return f" {_inline(value)}"


def _inline(value: Any) -> str:
    yaml = _yaml(typ="safe")
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = True, 1_000_000, True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel types it as None, its default
    out = io.StringIO()
    yaml.dump({"": value}, out)
    return out.getvalue().strip().removeprefix("{'': ").removesuffix("}")


def _yaml(typ: str = "rt") -> YAML:
    return YAML(typ=typ, pure=True)


def _content(text: str) -> Any:
    return _yaml(typ="safe").load(text)


def _at(content: Any, path: str) -> Any:
    for name in path.split("."):
        content = content[name]
    return content


def _pair(part: MappingNode, name: str) -> tuple[Any, Any]:
    """A key and its value, as nodes, which know where in the text they stand."""
    return next((pair for pair in part.value if pair[0].value == name), (None, None))


def _node(text: str, path: str) -> Any:
    node = _yaml().compose(text)
    for name in path.split("."):
        node = _pair(node, name)[1]
    return node


def _end(text: str, node: Any) -> int:
    """Where a value ends: that of a block includes the comments and blank lines below it."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
        key, last = node.value[-1] if isinstance(node, MappingNode) else (None, node.value[-1])
        if key is not None and last.start_mark.index == last.end_mark.index:
            return text.index(":", key.end_mark.index) + 1
        node = last
    return len(text[: node.end_mark.index].rstrip())


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _as_json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str)
