"""The search space: every combination of the options that params.yaml lists for an arm."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.params.file import Params, first_error
from pipeline.params.slides import NormalizeTiles
from pipeline.params.slides import check_arm as check_slide_arm
from pipeline.params.xrays import EqualizeXrays
from pipeline.params.xrays import check_arm as check_xray_arm

Options = Mapping[str, str]  # dimension to the option that is chosen in it


@dataclass(frozen=True)
class Member:
    """One combination.

    Attributes:
        options: What it is made of.
        train: The arm's section ``train`` under these options.
        preparation: Its section ``normalize_tiles`` or ``equalize_xrays``.
    """

    options: Options
    train: DetectorSettings
    preparation: NormalizeTiles | EqualizeXrays


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
        prepared_by = "normalize_tiles" if arm in params.slides else "equalize_xrays"
        sections: dict[str, BaseModel] = {"train": params.train[arm], prepared_by: getattr(params, prepared_by)[arm]}
        where = f"params.yaml: tune.{arm}.space, {', '.join(f'{d}: {o}' for d, o in options.items())}"
        changed = {name: section.model_dump(mode="json") for name, section in sections.items()}
        try:
            for parts in (params.tune[arm].common, *(self._dimensions[d][o] for d, o in options.items())):
                for section, part in parts.items():
                    if section not in changed:
                        raise ValueError(f"{section} cannot be searched: choose from {', '.join(changed)}")
                    changed[section] = _merged(changed[section], part, section)
            train, preparation = (
                type(section).model_validate_json(json.dumps(changed[name])) for name, section in sections.items()
            )
            assert isinstance(train, DetectorSettings)  # noqa: S101
            assert train.resolution is not None  # noqa: S101
            if isinstance(preparation, EqualizeXrays):
                check_xray_arm(arm, preparation, train.resolution)
            else:
                assert isinstance(preparation, NormalizeTiles)  # noqa: S101
                of_arm = (params.slides[arm], params.tissue_masks[arm], params.sample_tiles[arm])
                check_slide_arm(arm, *of_arm, preparation, train.resolution)
        except ValidationError as error:
            raise PipelineError(f"{where}: {first_error(error)}") from error
        except ValueError as error:
            raise PipelineError(f"{where}: {error}") from error
        return Member(options, train, preparation)


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
