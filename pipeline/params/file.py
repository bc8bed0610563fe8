"""params.yaml: what runs. What is wrong in it stops every stage before work starts."""

import json
from pathlib import Path
from reprlib import repr as shortened
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.errors import LONGEST, PipelineError
from pipeline.layout import PARAMS
from pipeline.params.base import Name, Seed, Settings
from pipeline.params.compute import Compute
from pipeline.params.demo import DemoData
from pipeline.params.evaluate import ComputeMetrics, Gate


class _Constructor(SafeConstructor):
    """Tells where a value stands that is not what its tag says, as ``!!bool perhaps``, or its form, as 2001-99-99."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            found = f"{shortened(node.value)} is no {str(node.tag).rpartition(':')[2]}"
            raise ConstructorError(None, None, found, node.start_mark) from error


class Arms(Settings):
    """The arms that ``dvc repro`` prepares, by their kind of data, and those that it trains."""

    slides: tuple[Name, ...] = Field(description="Arms of slides that are prepared.")
    xrays: tuple[Name, ...] = Field(description="Arms of X-rays that are prepared.")
    folders: tuple[Name, ...] = Field(description="Arms of folders that are prepared.")
    train: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Arms of the other lists that are trained and evaluated."
    )

    @property
    def prepared(self) -> dict[str, str]:
        """Arm to its kind."""
        return {arm: kind for kind, arms in self if kind != "train" for arm in arms}

    @model_validator(mode="after")
    def _trained_arms_are_prepared(self) -> Self:
        for name, arms in self:
            if len(set(arms)) != len(arms):
                raise ValueError(f"{name} names an arm twice")
        lists = [kind for kind, _ in self if kind != "train"]
        for arm in self.prepared:
            kinds = [kind for kind in lists if arm in getattr(self, kind)]
            if len(kinds) > 1:
                raise ValueError(f"{arm} is in {kinds[0]} and in {kinds[1]}: rename one of them")
        for arm in self.train:
            if arm not in self.prepared:
                raise ValueError(f"train names {arm!r}, which is in none of {', '.join(lists)}, so nothing prepares it")
        return self


class Params(Settings):
    """What runs."""

    arms: Arms = Field(description="What `dvc repro` works on; each name is that of a file in `arms/`.")
    detectors: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="What is trained on each arm, one stage per seed: names of folders in `pipeline/detectors`. The "
        "first is what the others are compared with."
    )
    quick_detectors: tuple[Name, ...] = Field(
        description="More detectors, which are fitted in seconds: one stage fits and scores one of them with all seeds."
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        description="One training per arm, detector and seed."
    )
    compute: Compute = Field(description="Where and how wide the work runs.")
    demo_data: DemoData = Field(description="The generated collections.")
    compute_metrics: ComputeMetrics = Field(description="How figures are derived from scores.")
    gate: Gate = Field(
        description="Metric to the amount by which it may become worse before `make gate` fails; 0.02 are two points "
        "of percent. The gate of the revision that is compared with holds."
    )

    @model_validator(mode="after")
    def _nothing_runs_twice(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} names a seed twice")
        names = [*self.detectors, *self.quick_detectors]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"detectors and quick_detectors name {name!r} twice")
        return self


def read_params(path: Path = PARAMS) -> Params:
    """Read and validate params.yaml.

    Raises:
        PipelineError: If the file is missing, no text or no YAML, or holds an unknown, missing, ill-typed or impossible
            value; the sentence names the first such key.
    """
    return parse_params(text_of(path, "run this from the repository's root"), path)


def parse_params(text: str, path: Path = PARAMS) -> Params:
    """Validate the text of a params.yaml; see :func:`read_params`."""
    try:
        return Params.model_validate_json(yaml_as_json(text, str(path)))
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_error(error)}") from error


def text_of(path: Path, where: str) -> str:
    """Read a file that people write.

    Args:
        where: What to do where it is missing.

    Raises:
        PipelineError: If it is missing or no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: {where}") from error
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}): make it a file that you may read") from error
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path} is not a text in UTF-8 ({error}): save it as one") from error


def yaml_as_json(text: str, name: str) -> str:
    """Turn YAML into JSON, so that lists become tuples while numbers and words stay strict.

    Args:
        name: What to call it in an error.

    Raises:
        PipelineError: If it is no YAML.
    """
    try:
        yaml = YAML(typ="safe")  # YAML 1.2, as DVC reads it: 1e-3 is a number and `no` a word
        yaml.Constructor = _Constructor
        return json.dumps(yaml.load(text), default=str, ensure_ascii=False, check_circular=False)
    except (RecursionError, MemoryError) as error:
        raise PipelineError(
            f"{name} is nested too deeply: remove the brackets too many, or the anchor that refers to itself"
        ) from error
    except MarkedYAMLError as error:
        # not all that it says, which ends in advice on how to read the file with less care
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        what = ", ".join(filter(None, (error.context, error.problem)))
        raise PipelineError(f"{name} is not valid YAML: {line}{' '.join(what.split())[:LONGEST]}") from error
    except (YAMLError, ValueError, TypeError) as error:
        raise PipelineError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error


def first_error(error: ValidationError) -> str:
    """Say the first thing that is wrong as ``key.path: what``; a misspelt key before the one that it leaves missing."""
    errors = error.errors()
    first = next((fault for fault in errors if fault["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(part) for part in first["loc"])
    message = {
        "extra_forbidden": "is not a known key; is it misspelt?",
        "missing": "is missing",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    silent = first["type"] in ("extra_forbidden", "missing", "value_error")
    given = "" if silent else f" (found {shortened(first['input'])})"
    return f"{key}: {message}{given}" if key else f"{message}{given}"
