"""The search space: every combination of the options that params.yaml lists for an arm."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.data.kinds import KindSettings, settings_of
from pipeline.errors import PipelineError
from pipeline.params.file import Params, first_error
from pipeline.params.train import Train

Options = Mapping[str, str]  # dimension to the option that is chosen in it


@dataclass(frozen=True)
class Member:
    """One combination.

    Attributes:
        options: What it is made of.
        train: The arm's section ``train`` under these options.
        data: Its collection, and how its images are made.
    """

    options: Options
    train: Train
    data: KindSettings


class Space:
    """The combinations of an arm's ``tune`` section, all of them possible.

    Args:
        params: All settings.
        arm: The arm.

    Attributes:
        members: In the order of a grid: the last dimension changes fastest.

    Raises:
        PipelineError: If an option names a key that is not there, or a combination is impossible.
    """

    def __init__(self, params: Params, arm: str) -> None:
        self._params, self._arm = params, arm
        self._dimensions = params.tune[arm].space
        self.choices = {dimension: tuple(options) for dimension, options in self._dimensions.items()}
        self.members = [
            self._member(dict(zip(self.choices, chosen, strict=True))) for chosen in product(*self.choices.values())
        ]

    def member(self, options: Options) -> Member:
        """Return the combination of these options."""
        return next(one for one in self.members if one.options == dict(options))

    def changes(self, options: Options) -> dict[str, Any]:
        """Return what options change in params.yaml: path, as in ``train.nih_ap.latent_dim``, to value.

        What is changed for the search only (``common``) is not among them.
        """
        chosen = [self._dimensions[dimension][option] for dimension, option in options.items()]
        return {
            f"{section}.{self._arm}.{path}": value
            for parts in chosen
            for section, part in parts.items()
            for path, value in _leaves(part)
        }

    def _member(self, options: Options) -> Member:
        params, arm = self._params, self._arm
        data = params.data(arm)
        sections: dict[str, BaseModel] = {"train": params.train[arm]}
        sections |= {name: getattr(data, name) for name in data.searched}
        where = f"params.yaml: tune.{arm}.space, {', '.join(f'{d}: {o}' for d, o in options.items())}"
        changed = {name: section.model_dump(mode="json") for name, section in sections.items()}
        try:
            for parts in (params.tune[arm].common, *(self._dimensions[d][o] for d, o in options.items())):
                for section, part in parts.items():
                    if section not in changed:
                        raise ValueError(f"{section} cannot be searched: choose from {', '.join(changed)}")
                    changed[section] = _merged(changed[section], part, section)
            train = Train.model_validate_json(json.dumps(changed.pop("train")))
            data = settings_of(data.kind, data.model_dump(mode="json") | changed)
            data.check_resolution(train.resolution, f"train.{arm}")
        except ValidationError as error:
            raise PipelineError(f"{where}: {first_error(error)}") from error
        except ValueError as error:
            raise PipelineError(f"{where}: {error}") from error
        return Member(options, train, data)


def _merged(content: Any, change: Any, key: str) -> Any:
    """Change parts of nested settings; an element of a list is named by its number."""
    if not isinstance(change, dict):
        return change
    if isinstance(content, list):
        numbers = {number: content[number] for number in range(len(content))}
        merged = _merged({str(number): value for number, value in numbers.items()}, change, key)
        return list(merged.values())
    if not isinstance(content, dict):  # a setting that is null or a plain value, and becomes a group
        return change
    unknown = set(change) - set(content)
    if unknown:
        raise ValueError(f"{key}.{min(unknown)} is not a known key; is it misspelt?")
    return content | {name: _merged(content[name], value, f"{key}.{name}") for name, value in change.items()}


def _leaves(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(part, dict):
        yield path, part
        return
    for name, value in part.items():
        yield from _leaves(value, f"{path}.{name}" if path else name)
