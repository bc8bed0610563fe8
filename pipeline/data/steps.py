"""Settings of steps that images of several kinds of data go through."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Positive, Seed, Settings, Side


class ThumbnailSteps(Settings):
    """The steps from an image to a prepared one."""

    thumbnail_size: Side = Field(description="Side in pixels that an image is resized to first.")
    crop_size: Side = Field(description="Side in pixels of the middle that is cut out of that.")
    equalization: Literal["none", "histogram", "clahe"] = Field(
        description="`histogram` is global, as in the paper; `clahe` is contrast limited, on 8×8 fields."
    )
    working_size: Side = Field(
        description="Side in pixels of the prepared image; that of the detector, since these images are shown whole."
    )

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop_size > self.thumbnail_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than thumbnail_size {self.thumbnail_size}")
        return self


class StainSteps(Settings):
    """Vahadane stain normalisation towards given stains."""

    method: Literal["vahadane", "staintools", "none"] = Field(
        description="`vahadane` is the paper's method; `staintools` is that package's code for it, not reproducible, "
        "since it learns by the clock; `none` leaves tiles as they are."
    )
    brightness_percentile: Annotated[float, Field(gt=0, le=100)] = Field(
        description="Percentile of a tile's brightness that becomes white."
    )
    luminosity_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="Pixels whose luminosity is below it are tissue, which stains are learnt from."
    )
    dictionary_lambda: Annotated[float, Field(ge=0)] = Field(description="Sparsity in learning the stains.")
    code_lambda: Annotated[float, Field(ge=0)] = Field(description="Sparsity in separating them.")
    stains_of: Literal["tile", "slide"] = Field(
        description="`tile`: one stain matrix per tile, as in the paper; `slide`: one for all tiles of a slide."
    )
    rescale_codes: bool = Field(
        description="Whether the 99th percentile of each stain is matched to the target's, as staintools does."
    )
    sampled_pixels: Positive = Field(description="Tissue pixels that stains are learnt from.")
    seed: Seed = Field(
        description="What the draws start from; each item draws from it and its own name, whatever the others are."
    )

    @model_validator(mode="after")
    def _one_matrix_per_slide_is_ours_only(self) -> Self:
        if self.stains_of == "slide" and self.method != "vahadane":
            raise ValueError(f"stains_of: slide needs method: vahadane, found {self.method}")
        return self
