"""Print docs/parameters.md, which is made from the models that check the settings.

`python -m pipeline parameters > docs/parameters.md` writes the page anew after a change of them.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.arms import Shared
from pipeline.data import kinds
from pipeline.detectors import registry
from pipeline.params.base import Settings
from pipeline.params.file import Params

HEAD = """\
# Parameters

`params.yaml` says what runs, `arms/<arm>.yaml` all of one arm. [adding.md](adding.md) shows how to add one,
[tuning.md](tuning.md) how to search its settings, [ablation.md](ablation.md) the variants of the paper.
A wrong key or value in these files stops the first stage, before work starts; whole numbers have upper bounds that
nobody reaches on purpose. `dvc exp run -S` changes a key for an experiment, one of an arm after the name of its file:

```sh
dvc exp run -S 'seeds=[0,1,2,3,4,5]'
dvc exp run -S arms/nih_pa.yaml:detectors.dpa.grow=false -S arms/nih_pa.yaml:detectors.dpa.schedule.64.stable=33000
dvc exp run -S 'arms/nih_pa.yaml:detectors.dpa.schedule.64.layers=[r32,r42]'
dvc exp run -S 'arms/nih_pa.yaml:detectors.dpa.early_stopping={patience: 3, least_improvement: 0.001}'
```

This page is made from the code by `python -m pipeline parameters`. A `*` in a key stands for any name.
"""
BOUNDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "up to",
    "exclusiveMaximum": "below",
    "multipleOf": "a multiple of",
}
TYPES = {
    "null": "`null`",
    "boolean": "`true` or `false`",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "array": "list",
    "object": "map",
}


def main(words: Sequence[str]) -> int:
    """Print the page."""
    argparse.ArgumentParser(prog="python -m pipeline parameters", description=__doc__).parse_args(words)
    print(page(), end="")
    return 0


def models() -> Iterator[tuple[str, str, type[Settings]]]:
    """Yield what each part of the settings is called, where its keys stand, and the model that checks it."""
    yield "`params.yaml`", "", Params
    yield "`arms/<arm>.yaml`", "", Shared
    for kind in kinds.names():
        yield f"`arms/<arm>.yaml`, kind `{kind}`", "", kinds.settings_class(kind)
    for detector in registry.names():
        yield f"`arms/<arm>.yaml`, detector `{detector}`", f"detectors.{detector}.", registry.settings_class(detector)


def page() -> str:
    """Return docs/parameters.md."""
    return "\n\n".join([HEAD.rstrip(), *(part for of_model in models() for part in _chapter(*of_model))]) + "\n"


def _chapter(title: str, prefix: str, model: type[Settings]) -> Iterator[str]:
    """Yield a heading with the keys that are no section, and one for each section."""
    schema = model.model_json_schema()
    known = schema.get("$defs", {})
    sections = {name: field for name, field in schema["properties"].items() if _nested(field)[1:] == ("",)}
    keys = {name: field for name, field in schema["properties"].items() if name not in sections}
    yield f"## {title}"
    yield schema["description"]
    if keys:
        yield _table(keys, known, prefix)
    for name, field in sections.items():
        yield f"### {prefix}{name}"
        nested = known[_nested(field)[0]]
        yield field.get("description", nested["description"])  # pydantic leaves out what would be said twice
        yield _table(nested["properties"], known, f"{prefix}{name}.")


def _table(keys: Mapping[str, Any], known: Mapping[str, Any], prefix: str) -> str:
    return "\n".join(["| key | meaning | values |", "|---|---|---|", *_rows(keys, known, prefix)])


def _rows(keys: Mapping[str, Any], known: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield a row per key and, below a key that holds a model, the rows of that.

    Args:
        keys: Name to its JSON schema.
        known: The schemas of models by their names.
        prefix: Of the keys.
    """
    for name, field in keys.items():
        yield f"| `{prefix}{name}` | {field['description']} | {_values(field)} |"
        for model, step in [_nested(field)] if _nested(field) else []:
            yield from _rows(known[model]["properties"], known, f"{prefix}{name}.{step}")


def _nested(field: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the model that a field holds, and ``*.`` if it holds many; nothing for plain values."""
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2], ""
    inner = [_nested(kind) for kind in field.get("anyOf", [])]
    many = field.get("additionalProperties")
    if isinstance(many, dict) and "$ref" in many:
        inner.append((_nested(many)[0], "*."))
    return next(filter(None, inner), ())


def _values(field: Mapping[str, Any]) -> str:
    """Say what may stand at a key: words, or a type with its bounds."""
    if "default" in field:
        given = "null" if field["default"] is None else field["default"]
        return f"{_values({key: field[key] for key in field if key != 'default'})}; default `{given}`"
    if "anyOf" in field:
        return " or ".join(_values(kind) for kind in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "propertyNames" in field:
        return f"map of {_values(field['propertyNames'])}"
    bounds = [f"{word} {field[bound]:,}" for bound, word in BOUNDS.items() if bound in field]
    return ", ".join([" ".join([TYPES[field.get("type", "object")], *bounds[:1]]), *bounds[1:]])
