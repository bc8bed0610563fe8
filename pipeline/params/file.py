"""All of params.yaml: what is wrong in it stops every stage before work starts."""

import json
from pathlib import Path
from reprlib import repr as shortened
from typing import Annotated, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.data.kinds import KindSettings
from pipeline.data.slides.settings import NormalizeTiles, SampleTiles, Slides, TissueMasks
from pipeline.data.slides.settings import Settings as SlideSettings
from pipeline.data.xrays.settings import EqualizeXrays, SplitXrays
from pipeline.data.xrays.settings import Settings as XraySettings
from pipeline.errors import PipelineError
from pipeline.params.base import Name, Seed, Settings
from pipeline.params.compute import Compute
from pipeline.params.demo import DemoData
from pipeline.params.evaluate import ComputeMetrics, Evaluate, Gate
from pipeline.params.train import Train
from pipeline.params.tune import Tune

# The sections that hold one part per arm: those of arms of slides, of X-rays, and of both.
SLIDE_SECTIONS = ("slides", "tissue_masks", "sample_tiles", "normalize_tiles")
XRAY_SECTIONS = ("split_xrays", "equalize_xrays")
SHARED_SECTIONS = ("train", "evaluate")

Model = TypeVar("Model", bound=KindSettings)


class Arms(Settings):
    """The arms that ``dvc repro`` prepares and trains, and those whose settings ``make tune`` searches."""

    slides: tuple[Name, ...]
    xrays: tuple[Name, ...]
    train: Annotated[tuple[Name, ...], Field(min_length=1)]
    tune: tuple[Name, ...]

    @model_validator(mode="after")
    def _trained_and_searched_arms_are_prepared(self) -> Self:
        lists = {"slides": self.slides, "xrays": self.xrays, "train": self.train, "tune": self.tune}
        for name, arms in lists.items():
            if len(set(arms)) != len(arms):
                raise ValueError(f"{name} names an arm twice")
        for name in ("train", "tune"):
            for arm in lists[name]:
                if arm not in (*self.slides, *self.xrays):
                    raise ValueError(
                        f"{name} names {arm!r}, which is in neither slides nor xrays, so nothing prepares it"
                    )
        return self


class Params(Settings):
    """All of params.yaml. The arms are those that have a part in ``slides`` or in ``split_xrays``."""

    arms: Arms
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    compute: Compute
    demo_data: DemoData
    slides: dict[Name, Slides]
    tissue_masks: dict[Name, TissueMasks]
    sample_tiles: dict[Name, SampleTiles]
    normalize_tiles: dict[Name, NormalizeTiles]
    split_xrays: dict[Name, SplitXrays]
    equalize_xrays: dict[Name, EqualizeXrays]
    train: dict[Name, Train]
    evaluate: dict[Name, Evaluate]
    tune: dict[Name, Tune]
    compute_metrics: ComputeMetrics
    gate: Gate

    def check_arm(self, arm: str, section: str) -> None:
        """Check that a section has a part for an arm.

        Raises:
            PipelineError: If it has none.
        """
        arms = getattr(self, section)
        if arm not in arms:
            raise PipelineError(f"{arm!r} is not in {section} of params.yaml: choose from {', '.join(arms)}")

    def data(self, arm: str) -> KindSettings:
        """The collection of an arm, and how its images are made.

        Raises:
            PipelineError: If there is no such arm.
        """
        if arm in self.slides:
            return SlideSettings(
                collection=self.slides[arm],
                tissue_masks=self.tissue_masks[arm],
                sample_tiles=self.sample_tiles[arm],
                normalize_tiles=self.normalize_tiles[arm],
            )
        if arm in self.split_xrays:
            return XraySettings(split_xrays=self.split_xrays[arm], equalize_xrays=self.equalize_xrays[arm])
        known = ", ".join((*self.slides, *self.split_xrays))
        raise PipelineError(f"{arm!r} is not in slides or split_xrays of params.yaml: choose from {known}")

    def data_as(self, arm: str, model: type[Model]) -> Model:
        """The same for code of one kind of data.

        Raises:
            PipelineError: If the arm is of another kind.
        """
        data = self.data(arm)
        if not isinstance(data, model):
            raise PipelineError(f"{arm} is an arm of {data.kind}: this stage is for {model.kind}")
        return data

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} names a seed twice")
        self._check_arms()
        for arm in (*self.slides, *self.split_xrays):
            try:
                self.data(arm).check_resolution(self.train[arm].resolution, f"train.{arm}")
                self.data(arm).check_drawn(self.demo_data)
            except ValidationError as error:
                raise ValueError(f"{arm}: {first_error(error)}") from error
            except ValueError as error:
                raise ValueError(f"{arm}: {error}") from error
        self._check_processes()
        return self

    def _check_arms(self) -> None:
        both = set(self.slides) & set(self.split_xrays)
        if both:
            raise ValueError(f"{min(both)} is an arm of slides and of split_xrays: rename one of them")
        sections = {
            **{section: set(self.slides) for section in SLIDE_SECTIONS},
            **{section: set(self.split_xrays) for section in XRAY_SECTIONS},
            **{section: {*self.slides, *self.split_xrays} for section in SHARED_SECTIONS},
            "arms.slides": set(self.slides),
            "arms.xrays": set(self.split_xrays),
            "arms.tune": set(self.tune),
        }
        unknown = set(self.tune) - {*self.slides, *self.split_xrays}
        if unknown:
            raise ValueError(f"tune: {min(unknown)} is not an arm")
        for section, arms in sections.items():
            found = set(getattr(self.arms, section[5:]) if section.startswith("arms.") else getattr(self, section))
            if found - arms:
                raise ValueError(f"{section}: {min(found - arms)} is not an arm: choose from {', '.join(sorted(arms))}")
            if arms - found and not section.startswith("arms."):
                raise ValueError(f"{section}.{min(arms - found)} is missing")

    def _check_processes(self) -> None:
        count = self.compute.processes
        for arm, train in self.train.items() if count > 1 else ():
            if train.loss.adversarial:
                raise ValueError(f"train.{arm}.loss.adversarial needs compute.processes 1: its critic is not shared")
            for step in train.steps:
                if step.batch_size % count:
                    raise ValueError(
                        f"train.{arm}.schedule: the batch_size {step.batch_size} at {step.resolution} px is not "
                        f"divided by compute.processes, {count}: processes share each batch evenly"
                    )


def read_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate params.yaml.

    Args:
        path: The file.

    Returns:
        All settings.

    Raises:
        PipelineError: If the file is missing, no text or no YAML, or holds an unknown, missing, ill-typed or impossible
            value; the sentence names the first such key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: run stages from the repository's root") from error
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}): make it a file that you may read") from error
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path} is not a text in UTF-8 ({error}): save it as one") from error
    try:
        # YAML 1.2, as DVC reads it: 1e-3 is a number and `no` a word. From JSON, so that lists become tuples while
        # numbers and words stay strict.
        content = json.dumps(YAML(typ="safe").load(text), default=str, ensure_ascii=False, check_circular=False)
        return Params.model_validate_json(content)
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_error(error)}") from error
    except (RecursionError, MemoryError) as error:
        raise PipelineError(
            f"{path} is nested too deeply: remove the brackets too many, or the anchor that refers to itself"
        ) from error
    except (YAMLError, ValueError, TypeError) as error:
        raise PipelineError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error


def first_error(error: ValidationError) -> str:
    """Say the first thing that is wrong as ``key.path: what``; a misspelt key before the one that it leaves missing."""
    errors = error.errors()
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(part) for part in first["loc"])
    message = {
        "extra_forbidden": "is not a known key; is it misspelt?",
        "missing": "is missing",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    silent = first["type"] in ("extra_forbidden", "missing", "value_error")
    given = "" if silent else f" (found {shortened(first['input'])})"
    return f"{key}: {message}{given}" if key else f"{message}{given}"
