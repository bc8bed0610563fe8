"""All of params.yaml: what is wrong in it stops every stage before work starts."""

import json
from pathlib import Path
from reprlib import repr as shortened
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.registry import DETECTORS, settings_of
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.params.base import Name, Seed, Settings
from pipeline.params.compute import Compute
from pipeline.params.demo import DemoData
from pipeline.params.evaluate import ComputeMetrics, Evaluate, Gate
from pipeline.params.slides import NormalizeTiles, SampleTiles, Slides, TissueMasks
from pipeline.params.slides import check_arm as check_slide_arm
from pipeline.params.tune import Tune
from pipeline.params.xrays import EqualizeXrays, SplitXrays
from pipeline.params.xrays import check_arm as check_xray_arm

# The sections that hold one part per arm: those of arms of slides, of X-rays, and of both.
SLIDE_SECTIONS = ("slides", "tissue_masks", "sample_tiles", "normalize_tiles")
XRAY_SECTIONS = ("split_xrays", "equalize_xrays")
SHARED_SECTIONS = ("train", "evaluate")
SEARCHED = "dpa"  # the detector whose settings stand in ``train`` and are searched


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
    detectors: Annotated[tuple[Name, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    compute: Compute
    demo_data: DemoData
    slides: dict[Name, Slides]
    tissue_masks: dict[Name, TissueMasks]
    sample_tiles: dict[Name, SampleTiles]
    normalize_tiles: dict[Name, NormalizeTiles]
    split_xrays: dict[Name, SplitXrays]
    equalize_xrays: dict[Name, EqualizeXrays]
    train: dict[Name, DpaSettings]
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

    def settings_of(self, arm: str, detector: str) -> DetectorSettings:
        """The settings of an arm's detector: the section ``train`` holds those of one, all others have defaults.

        Raises:
            PipelineError: If there is no such detector.
        """
        return self.train[arm] if detector == SEARCHED else settings_of(detector, {})

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if len(set(self.detectors)) != len(self.detectors):
            raise ValueError(f"detectors {self.detectors} names a detector twice")
        for detector in self.detectors:
            if detector not in DETECTORS:
                raise ValueError(f"detectors: {detector!r} is not a detector: choose from {', '.join(DETECTORS)}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} names a seed twice")
        self._check_arms()
        for arm in self.slides:
            check_slide_arm(
                arm,
                self.slides[arm],
                self.tissue_masks[arm],
                self.sample_tiles[arm],
                self.normalize_tiles[arm],
                self.train[arm].resolution,
            )
        for arm, settings in self.equalize_xrays.items():
            check_xray_arm(arm, settings, self.train[arm].resolution)
        self._check_processes()
        self._check_demo()
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
        for arm, settings in self.train.items():
            try:
                settings.check_processes(count)
            except ValueError as error:
                raise ValueError(f"train.{arm}.{error}") from error

    def _check_demo(self) -> None:
        if "demo_slides" not in self.slides:
            return
        drawn, region = self.demo_data.slides, self.normalize_tiles["demo_slides"].target.region
        if region and max(region.x, region.y) + region.size > drawn.size:
            raise ValueError(f"normalize_tiles.demo_slides.target ends outside the drawn slides of {drawn.size} px")
        names = {f"tumor_{i:03d}" for i in range(1, drawn.tumour + 1)}
        absent = sorted(set(self.slides["demo_slides"].validation_tumour) - names)
        if absent:
            raise ValueError(
                f"slides.demo_slides.validation_tumour names {absent[0]}, but demo_data.slides.tumour is {drawn.tumour}"
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
