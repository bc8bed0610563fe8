"""The search space: every combination of the options that an arm's file lists."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pipeline.arms import Arm, every_arm, read_arm
from pipeline.errors import PipelineError
from pipeline.layout import arm_file
from pipeline.params.compute import Compute
from pipeline.params.tune import DETECTOR

Options = Mapping[str, str]  # dimension to the option that is chosen in it


@dataclass(frozen=True)
class Member:
    """One combination.

    Attributes:
        options: What it is made of.
        arm: The arm under these options.
        detector: The detector that is trained.
    """

    options: Options
    arm: Arm
    detector: str

    def __str__(self) -> str:
        return ", ".join(f"{dimension}: {option}" for dimension, option in self.options.items())


class Space:
    """The combinations of an arm's ``tune`` section, all of them possible.

    Attributes:
        members: In the order of a grid: the last dimension changes fastest.

    Raises:
        PipelineError: If a detector or an option names a key that is not there, or a combination is impossible.
    """

    def __init__(self, arm: Arm, compute: Compute) -> None:
        self._arm, self._compute = arm, compute
        for name in arm.search.detectors:
            if name not in arm.shared.detectors:
                raise PipelineError(
                    f"{arm_file(arm.name)}: tune searches {name}, but detectors has no such key: `{name}: {{}}` takes "
                    "its defaults"
                )
        self._dimensions = {
            name: _of_detectors(options) if name == DETECTOR else options for name, options in arm.search.space.items()
        }
        self.choices = {dimension: tuple(options) for dimension, options in self._dimensions.items()}
        self.members = [
            self._member(dict(zip(self.choices, chosen, strict=True))) for chosen in product(*self.choices.values())
        ]

    def member(self, options: Options) -> Member:
        """Return the combination of these options."""
        return next(member for member in self.members if member.options == dict(options))

    def changes(self, options: Options, further: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what options change in the arm's file: path, as in ``detectors.dpa.latent_dim``, to value.

        What is changed for the search only (``common``) is not among them.

        Args:
            options: Dimension to option.
            further: A change after theirs.
        """
        return self._differences([*self._parts(options), further or {}], self._detector(options))

    def searched(self, options: Options) -> dict[str, Any]:
        """The same with what is changed for the search only, as trials are trained."""
        return self._differences([self._arm.search.common, *self._parts(options)], self._detector(options))

    def _differences(self, changes: Sequence[Mapping[str, Any]], detector: str) -> dict[str, Any]:
        before = dict(_leaves(self._settings(self._arm, detector)))
        after = dict(_leaves(self._settings(self._changed(changes), detector)))
        return {path: value for path, value in after.items() if path not in before or before[path] != value}

    def _parts(self, options: Options) -> list[Mapping[str, Any]]:
        return [self._dimensions[dimension][option] for dimension, option in options.items()]

    def _changed(self, changes: Sequence[Mapping[str, Any]]) -> Arm:
        content: Mapping[str, Any] = self._arm.content
        for change in changes:
            content = _merged(content, change)
        return Arm(self._arm.name, content)

    def _detector(self, options: Options) -> str:
        return self._arm.search.detector or detector_of(options[DETECTOR])

    def _settings(self, arm: Arm, detector: str) -> dict[str, Any]:
        """What may be searched, as it is after validation."""
        data = arm.data.model_dump(mode="json", include={*arm.data.searched})
        return data | {"detectors": {detector: arm.detector(detector).model_dump(mode="json")}}

    def _member(self, options: Options) -> Member:
        common, detector = self._arm.search.common, self._detector(options)
        changes = [common, *self._parts(options)]
        member = Member(options, self._changed(changes), detector)
        if fault := self._fault(changes, detector):
            where = "tune.common" if fault == self._fault([common], detector) else f"tune.space, {member}"
            raise PipelineError(f"{arm_file(self._arm.name)}: {where}: {fault}")
        return member

    def _fault(self, changes: Sequence[Mapping[str, Any]], detector: str) -> str:
        """Say what is wrong with the settings under changes; nothing where they are possible."""
        searched = {*(f"detectors.{name}" for name in self._arm.search.detectors), *self._arm.data.searched}
        for path in (path for change in changes for path, _ in _leaves(change)):
            if not any(path.startswith(f"{section}.") for section in searched):
                return f"{path} cannot be searched: choose from {', '.join(sorted(searched))}"
        try:
            self._changed(changes).check_detector(detector, self._compute)
        except PipelineError as error:
            return str(error).removeprefix(f"{arm_file(self._arm.name)}: ")
        return ""


def detector_of(option: str) -> str:
    """The detector of an option of the dimension ``detector``."""
    return option.partition(",")[0]


def _of_detectors(spaces: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Turn the spaces of several detectors into options of one dimension, as ``knn, neighbours 5``.

    Args:
        spaces: Detector to dimension to option to what it changes in the detector's section.
    """
    options: dict[str, Mapping[str, Any]] = {}
    for detector, own in spaces.items():
        for chosen in product(*(changes.items() for changes in own.values())):
            named = [f"{dimension} {option}" for dimension, (option, _) in zip(own, chosen, strict=True)]
            section: Any = {}
            for _, change in chosen:
                section = _merged(section, change)
            options[", ".join([detector, *named])] = {"detectors": {detector: section}}
    return options


def check_spaces(compute: Compute) -> None:
    """Check the searches of all arms that have a file, listed or not, before any of them is run.

    Raises:
        PipelineError: If an option names a key that is not there, or a combination is impossible.
    """
    for arm in map(read_arm, every_arm()):
        if arm.shared.tune:
            Space(arm, compute)


def _merged(content: Any, change: Any) -> Any:
    """Change parts of nested settings; a key that is not there is added, and refused where the settings are read."""
    if not (isinstance(content, Mapping) and isinstance(change, Mapping)):
        return change
    return {**content, **{name: _merged(content.get(name), part) for name, part in change.items()}}


def _leaves(part: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        below = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _leaves(value, below)
        else:
            yield below, value
