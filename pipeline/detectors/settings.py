"""What the settings of every detector share, and what reports call it; light, since checking parameters imports it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from pipeline.params.base import Settings


@dataclass(frozen=True)
class Reference:
    """A column of scores beside a detector's own: what the detector has to beat.

    Attributes:
        name: In tables.
        meaning: What the report says of it, a clause in Markdown.
    """

    name: str
    meaning: str


@dataclass(frozen=True)
class Words:
    """What reports call a detector and say of it.

    Attributes:
        name: In tables and headings.
        plural: After "anomaly detection with".
        meaning: What is said of it where it stands beside another detector as a baseline, a clause in Markdown.
        loss: The axis of a training's history.
        pictures: What stands above the pictures of its fit, a paragraph in Markdown.
        references: Column to each of its own references, in reading order.
        paper: The paper's name of it, where the paper has figures of it.
    """

    name: str
    plural: str
    meaning: str = ""
    loss: str = "loss"
    pictures: str = ""
    references: Mapping[str, Reference] = field(default_factory=dict)
    paper: str = ""


class DetectorSettings(Settings):
    """What the rest of the pipeline asks of any detector's settings.

    Attributes:
        words: What reports call the detector; None for its name in the registry.
        files: Keys of settings that name files; only the last part of such a path is shown to others.
        shares_training: Whether several processes can train together; otherwise one trains, however many there may be.
    """

    words: ClassVar[Words | None] = None
    files: ClassVar[tuple[str, ...]] = ()
    shares_training: ClassVar[bool] = False

    gray: bool = Field(
        False, description="Whether images in colour are seen in gray (ITU-R 601, as an arm without `colour` has them)."
    )

    @property
    def named_files(self) -> dict[str, Path]:
        """The files that the settings name, by their keys."""
        return {key: Path(name) for key in self.files if (name := getattr(self, key))}

    def in_model(self) -> str:
        """Return what a model's file says of the settings, as JSON.

        The places where files lay are left out, since they name a machine's folders; so is ``gray`` where it is false,
        so that a model that sees colours has the bytes that it had before there was the setting.
        """
        own = self.model_copy(update=dict.fromkeys(self.files))
        return own.model_dump_json(exclude=None if self.gray else {"gray"})

    @property
    def resolution(self) -> int | None:
        """Side in pixels of the square that the detector scores of each image; None for whole images."""
        return None

    def check_processes(self, count: int) -> None:
        """Check that several processes can train together.

        Raises:
            ValueError: Naming the key that forbids it.
        """

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Validate the detector's section of an arm's file.

        Raises:
            pydantic.ValidationError: If a key or value is wrong.
        """
        # As JSON, in which lists become tuples while numbers and words stay strict.
        return cls.model_validate_json(json.dumps(content, default=str, ensure_ascii=False))

    def lasting(self, iterations: Sequence[int]) -> dict[str, Any]:
        """What a final training has in place of the early stopping of a search's folds.

        Args:
            iterations: Those that each fold kept.

        Returns:
            A change of the section; nothing where the folds did not stop early.
        """
        return {}
