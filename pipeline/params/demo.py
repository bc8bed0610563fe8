"""The generated demo collections."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Seed, Settings

MOST = 1_000  # slides; Camelyon16 has 400


class DemoSlides(Settings):
    """Numbers and side of the generated slides."""

    normal: Annotated[int, Field(ge=2, le=MOST)]
    tumour: Annotated[int, Field(gt=0, le=MOST)]
    test_normal: Annotated[int, Field(gt=0, le=MOST)]
    test_tumour: Annotated[int, Field(gt=0, le=MOST)]
    blank: Annotated[int, Field(ge=0, le=MOST)]
    size: Annotated[int, Field(ge=2304, le=46_080, multiple_of=768)]


class DemoXrays(Settings):
    """Number of generated patients and side of their images."""

    patients: Annotated[int, Field(ge=20, le=100_000)]
    size: Annotated[int, Field(ge=300, le=4_096)]


class DemoData(Settings):
    """The generated demo collections."""

    seed: Seed
    slides: DemoSlides
    xrays: DemoXrays
