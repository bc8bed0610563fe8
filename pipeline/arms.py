"""An arm, whole: arms/<arm>.yaml, of which each part is checked by the room that it is for, when it is asked for."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from pipeline.data import kinds
from pipeline.detectors import registry
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.layout import ARMS, INVENTORIES, RAW, arm_file, demo_collection, samples
from pipeline.params.base import Name, Settings
from pipeline.params.compute import Compute
from pipeline.params.demo import DemoData
from pipeline.params.evaluate import Evaluate
from pipeline.params.file import Params, first_error, text_of, yaml_as_json
from pipeline.params.tune import Tune

Model = TypeVar("Model", bound=BaseModel)


class Shared(Settings):
    """What the files of all arms have; beside it stand the sections of the arm's kind of data."""

    kind: Name = Field(description="The kind of data: `slides`, `xrays` or `folders`; its sections stand beside this.")
    evaluate: Evaluate = Field(description="What evaluation draws.")
    detectors: dict[Name, dict[str, Any]] = Field(
        description="Settings by detector; one that `params.yaml` lists has to be here, `{}` takes its defaults."
    )
    tune: Tune | None = Field(None, description="How `make tune` searches settings; without it, the arm has no search.")


@dataclass(frozen=True)
class Arm:
    """One arm: what its file holds.

    Attributes:
        name: Names its file, its folders and its part of every report.
        content: The file, as JSON.
    """

    name: str
    content: Mapping[str, Any]

    @cached_property
    def shared(self) -> Shared:
        """What all arms have."""
        with self._named():
            return Shared.model_validate_json(
                json.dumps({key: self.content[key] for key in self.content if key in Shared.model_fields})
            )

    @cached_property
    def data(self) -> kinds.KindSettings:
        """The collection, and how its images are made."""
        sections = {key: part for key, part in self.content.items() if key not in Shared.model_fields}
        with self._named():
            return kinds.settings_of(self.shared.kind, sections)

    def data_as(self, model: type[Model]) -> Model:
        """The same for code of one kind of data.

        Raises:
            PipelineError: If the arm is of another kind.
        """
        if not isinstance(self.data, model):
            raise PipelineError(f"{arm_file(self.name)}: kind is {self.shared.kind}: this stage is for another kind")
        return self.data

    def detector(self, name: str) -> DetectorSettings:
        """The settings of a detector."""
        with self._named(f"detectors.{name}."):
            return registry.settings_of(name, self.shared.detectors.get(name, {}))

    @property
    def search(self) -> Tune:
        """How its settings are searched.

        Raises:
            PipelineError: If they are not.
        """
        if self.shared.tune is None:
            raise PipelineError(f"{arm_file(self.name)} has no section tune: add one, as docs/tuning.md shows")
        return self.shared.tune

    def has(self, path: str) -> bool:
        """Whether the file has a key, as ``detectors.dpa.latent_dim``."""
        place: Any = self.content
        for key in path.split("."):
            if not isinstance(place, Mapping) or key not in place:
                return False
            place = place[key]
        return True

    def check(self, compute: Compute, demo: DemoData) -> None:
        """Check every part, and that they fit together.

        Raises:
            PipelineError: Naming the first key that is wrong.
        """
        if RAW / self.data.collection_of(self.name) == INVENTORIES:
            raise PipelineError(
                f"{INVENTORIES} holds the lists of all collections: give that of {self.name} another name"
            )
        self._check_generated()
        with self._named():
            self.data.check_drawn(demo)
        for name in self.shared.tune.detectors if self.shared.tune else ():
            self.detector(name)
        for name in self.shared.evaluate.heat_map_top:
            if name not in self.shared.detectors:
                raise PipelineError(f"{arm_file(self.name)}: evaluate.heat_map_top.{name}: detectors has no such key")
        for name in self.shared.detectors:
            self.check_detector(name, compute)

    def _check_generated(self) -> None:
        """Check that what is drawn is called so, and nothing else, and that what a stage makes has one arm."""
        collection, drawn = self.data.collection_of(self.name), demo_collection(self.shared.kind)
        fault = ""
        if self.data.generated and collection != drawn:
            fault = (
                f"generated is true, but {collection} is no collection that the stage demo_data draws: set it to false"
            )
        elif collection == drawn and not self.data.generated:
            fault = (
                f"generated is false, but the stage demo_data draws {drawn}: set it to true, or name another collection"
            )
        elif collection == drawn and self.name != drawn:
            fault = f"{drawn} is drawn for the arm of that name alone: name a collection of your own"
        elif collection in samples() and self.name != collection:
            fault = f"{collection} is unpacked for the arm of that name alone: name a collection of your own"
        if fault:
            raise PipelineError(f"{arm_file(self.name)}: {fault}")

    def check_detector(self, name: str, compute: Compute) -> None:
        """Check a detector's settings against those of the images and of the machine."""
        settings, data = self.detector(name), self.data
        with self._named():
            if settings.resolution:
                data.check_resolution(settings.resolution, f"detectors.{name}")
        with self._named(f"detectors.{name}."):
            settings.check_processes(compute.processes)

    def check_files(self, name: str) -> None:
        """Check that the files which a detector's settings name are there; only where it runs do they have to be."""
        for key, file in self.detector(name).named_files.items():
            if not file.is_file():
                raise PipelineError(
                    f"{arm_file(self.name)}: detectors.{name}.{key} names {file}, but there is no such file: put it "
                    "there, or name another one"
                )

    @contextmanager
    def _named(self, section: str = "") -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            raise PipelineError(f"{arm_file(self.name)}: {section}{first_error(error)}") from error
        except ValueError as error:
            raise PipelineError(f"{arm_file(self.name)}: {section}{error}") from error


def every_arm() -> list[str]:
    """The arms that have a file, whether they run or not."""
    return sorted(path.stem for path in ARMS.glob("*.yaml"))


def read_arm(name: str) -> Arm:
    """Read arms/<name>.yaml.

    Raises:
        PipelineError: If it is missing, no YAML, or no map of sections, or a path is given for a name.
    """
    known = ", ".join(every_arm()) or "none"
    if "/" in name:
        raise PipelineError(f"{name!r} is not an arm: choose from {known}")
    return parse_arm(name, text_of(arm_file(name), f"copy one of another arm, or choose from {known}"))


def parse_arm(name: str, text: str) -> Arm:
    """Take an arm from the text of its file; see :func:`read_arm`."""
    path = arm_file(name)
    content = json.loads(yaml_as_json(text, str(path)))
    if not isinstance(content, dict):
        raise PipelineError(f"{path} is no map of sections: copy the file of another arm")
    return Arm(name, content)


def check_arms(params: Params) -> list[Arm]:
    """Check the files of all arms, listed or not, and the lists against them.

    Returns:
        Those that are prepared.

    Raises:
        PipelineError: Naming the first file and key that are wrong.
    """
    for name in (*params.detectors, *params.quick_detectors):
        registry.check_name(name)
    arms = []
    for name in sorted({*params.arms.prepared, *every_arm()}):
        arms.append(read_arm(name))
        check_arm(arms[-1], params)
    return [arm for arm in arms if arm.name in params.arms.prepared]


def check_arm(arm: Arm, params: Params) -> None:
    """Check an arm's file, and the lists against it; see :func:`check_arms`."""
    arm.check(params.compute, params.demo_data)
    listed = params.arms.prepared.get(arm.name, arm.shared.kind)
    if listed != arm.shared.kind:
        raise PipelineError(
            f"params.yaml: arms.{listed} names {arm.name}, whose file says kind: {arm.shared.kind}: move it there"
        )
    if arm.name not in params.arms.train:
        return
    for detector in (*params.detectors, *params.quick_detectors):
        if detector not in arm.shared.detectors:  # DVC asks for the key
            raise PipelineError(
                f"{arm_file(arm.name)}: detectors.{detector} is missing: `{detector}: {{}}` has its defaults"
            )
        arm.check_detector(detector, params.compute)
        arm.check_files(detector)
