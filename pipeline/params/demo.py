"""The generated demo collections."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Seed, Settings

MOST = 1_000  # slides; Camelyon16 has 400


class DemoSlides(Settings):
    """Numbers and side of the generated slides."""

    normal: Annotated[int, Field(ge=2, le=MOST)] = Field(description="Normal training slides.")
    tumour: Annotated[int, Field(gt=0, le=MOST)] = Field(
        description="Tumour slides of the training folder: the validation anomalies."
    )
    test_normal: Annotated[int, Field(gt=0, le=MOST)] = Field(description="Normal test slides.")
    test_tumour: Annotated[int, Field(gt=0, le=MOST)] = Field(description="Tumour test slides.")
    blank: Annotated[int, Field(ge=0, le=MOST)] = Field(
        description="Training slides without tissue, which the masks have to report."
    )
    size: Annotated[int, Field(ge=2304, le=46_080, multiple_of=768)] = Field(
        description="Side of a slide in pixels of 0.25 µm."
    )


class DemoXrays(Settings):
    """Number of generated patients and side of their images."""

    patients: Annotated[int, Field(ge=20, le=100_000)] = Field(description="Patients, of one image or more.")
    size: Annotated[int, Field(ge=300, le=4_096)] = Field(description="Side of an image in pixels.")


class DemoData(Settings):
    """The generated demo collections."""

    seed: Seed = Field(
        description="What the draws start from; each item draws from it and its own name, whatever the others are."
    )
    slides: DemoSlides = Field(description="The generated slides.")
    xrays: DemoXrays = Field(description="The generated X-rays.")
