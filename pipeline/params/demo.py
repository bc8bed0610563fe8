"""The generated demo collections."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Natural, Positive, Settings


class DemoSlides(Settings):
    """Numbers and side of the generated slides."""

    normal: Annotated[int, Field(ge=2)]
    tumour: Positive
    test_normal: Positive
    test_tumour: Positive
    blank: Natural
    size: Annotated[int, Field(ge=2304, multiple_of=768)]


class DemoXrays(Settings):
    """Number of generated patients and side of their images."""

    patients: Annotated[int, Field(ge=20)]
    size: Annotated[int, Field(ge=300)]


class DemoData(Settings):
    """The generated demo collections."""

    seed: int
    slides: DemoSlides
    xrays: DemoXrays
