"""Kinds of data: the folders beside this file, each with the same face: ``settings.py`` and ``kind.py``.

A folder is opened only when an arm is of its kind, so that no kind depends on another and no detector on any.
"""

import json
import pkgutil
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, cast

import pandas as pd

import pipeline.data
from pipeline.errors import PipelineError
from pipeline.params.base import Settings
from pipeline.params.demo import DemoData

# Pattern of the files of a collection as published → the least and the greatest number of them (None: no greatest).
Files = Mapping[str, tuple[int, int | None]]
ANY_FILES: Files = {"*": (1, None)}


class KindSettings(Settings):
    """The sections of an arm's file that say what its collection is and how its images are made.

    Attributes:
        kind: The name of its folder.
        image: What one image is, in a word.
        collection_key: What names the collection, as a path in the arm's file; None where it has the arm's name.
        prepared_by: The DVC stage that makes ``data/prepared/<arm>``.
        searched: The sections that a search may change: those of that stage alone.
        whole: What several images are parts of, as tiles are of a slide, in a word; None where each stands for itself.
            The images of one ``source`` then have scores together, are a row of the breakdown, and their anomalies are
            of one kind.
    """

    kind: ClassVar[str]
    whole: ClassVar[str | None] = None
    image: ClassVar[str] = "image"
    collection_key: ClassVar[str | None] = None
    prepared_by: ClassVar[str]
    searched: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def generated(self) -> bool:
        """Whether the collection is drawn by the stage demo_data, not of patients."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """What is drawn when an interval is computed, in a word."""

    @abstractmethod
    def collection_of(self, arm: str) -> str:
        """Return the name of the collection's folder below ``data/raw``."""

    @abstractmethod
    def check_resolution(self, side: int, detector: str) -> None:
        """Check that a detector can be shown the images.

        Args:
            side: Of what it sees, in pixels.
            detector: Its key, for the error.

        Raises:
            ValueError: Naming the keys that do not fit.
        """

    @abstractmethod
    def check_drawn(self, demo: DemoData) -> None:
        """Check that a generated collection has what the sections name.

        Raises:
            ValueError: Naming the keys that do not fit.
        """


OneKind = TypeVar("OneKind", bound=KindSettings)


@dataclass(frozen=True)
class Adapted:
    """What changes in an arm's file when it is copied for another collection.

    Attributes:
        changes: Path, as ``split_xrays.table``, to value.
        said: Sentences on what was chosen, and what might be chosen otherwise.
    """

    changes: Mapping[str, Any]
    said: Sequence[str] = ()


class Kind(Protocol):
    """What ``kind.py`` of each folder offers to code that serves all arms."""

    def expected_files(self, collection: str, asked: Collection[Any]) -> Files:
        """Say what was published of a collection.

        Args:
            collection: Its name.
            asked: The settings of those of its arms that are to run.
        """
        ...

    def check_collection(self, arm: str, settings: Any, inventory: pd.DataFrame) -> Sequence[str]:
        """Read what describes a collection, as the arm's first stage will, where the names of its files do not tell.

        Returns:
            Warnings.

        Raises:
            PipelineError: If a row is wrong.
        """
        ...

    def for_new_arm(self, arm: str, settings: Any, folder: Path, given: Mapping[str, Any]) -> Adapted:
        """Say what changes for another collection: all that names something in the one that settings are of.

        Args:
            arm: The new arm, which has no file yet.
            settings: Those of the arm that is copied.
            folder: The new collection, wherever it lies.
            given: What the user gives in any case, in the form of :attr:`Adapted.changes`; it need not be chosen.

        Raises:
            PipelineError: If what has to be known can only be given; the sentence names the key.
        """
        ...

    def prepare(self, arm: str, settings: Any, folder: Path, scratch: Path, workers: int) -> None:
        """Prepare an arm whose images are chosen (by the stages before ``prepared_by``) under other settings.

        Args:
            arm: Whose images they are.
            settings: Those of the arm with other values in the sections that are searched.
            folder: Where the images go, by the array contract.
            scratch: A folder for what else comes out; the caller removes it.
            workers: Processes; they change no byte.

        Raises:
            PipelineError: If too many images cannot be prepared.
        """
        ...


def names() -> list[str]:
    """Every kind."""
    return sorted(module.name for module in pkgutil.iter_modules(pipeline.data.__path__) if module.ispkg)


def settings_of(kind: str, sections: Mapping[str, Any]) -> KindSettings:
    """Validate the sections of an arm's file that are its kind's.

    Args:
        kind: Of :func:`names`.
        sections: By name, as JSON.

    Raises:
        PipelineError: If there is no such kind.
        ValidationError: If a section is missing, unknown or wrong, or they do not fit together.
    """
    return settings_class(kind).model_validate_json(json.dumps(sections))


def with_values(settings: OneKind, values: Mapping[str, Any]) -> OneKind:
    """Return settings with other values.

    Args:
        values: Path, as ``split_xrays.table``, to value; those of sections that are not the kind's are passed over.

    Raises:
        ValidationError: If they do not fit.
    """
    content = settings.model_dump(mode="json")
    for path, value in values.items():
        *sections, last = path.split(".")
        place = content
        if path.partition(".")[0] in content:
            for name in sections:
                place[name] = place.get(name) or {}
                place = place[name]
            place[last] = value
    return type(settings).model_validate_json(json.dumps(content))


def is_given(key: str, given: Collection[str]) -> bool:
    """Whether a key, what it is in or what is in it is among others."""
    return any(f"{one}.".startswith(f"{key}.") or f"{key}.".startswith(f"{one}.") for one in given)


def settings_class(kind: str) -> type[KindSettings]:
    """The class of a kind's settings; its import is light."""
    settings: type[KindSettings] = _module(kind, "settings").Settings
    return settings


def kind_of(settings: KindSettings) -> Kind:
    """Open the kind that settings belong to."""
    return cast(Kind, _module(settings.kind, "kind"))


def _module(kind: str, name: str) -> Any:
    if kind not in names():
        raise PipelineError(f"there is no kind of data {kind!r}: choose from {', '.join(names())}")
    return import_module(f"pipeline.data.{kind}.{name}")
