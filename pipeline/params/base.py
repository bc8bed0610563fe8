"""What all sections share."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
# Whole numbers end where nobody can mean them, so that a slip is not a machine that stands still.
Positive = Annotated[int, Field(gt=0, le=10_000_000)]  # iterations, images, pixels
Natural = Annotated[int, Field(ge=0, le=10_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy and torch both take
Side = Annotated[int, Field(gt=0, le=65_536)]  # in pixels
Width = Annotated[int, Field(gt=0, le=16_384)]  # of a network or of its batches
Processes = Annotated[int, Field(gt=0, le=1_024)]  # or threads
Weight = Annotated[float, Field(ge=0)]
Microns = Annotated[float, Field(ge=1e-3, le=1e4)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]


class Settings(BaseModel):
    """Base of all sections: no unknown key, no change after reading, no conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def part_of(cls, whole: "Settings") -> Self:
        """Return the fields of this section from one that has more."""
        return cls.model_validate({name: getattr(whole, name) for name in cls.model_fields})
