"""params.yaml as strict, frozen models: what is wrong in it stops every stage before work starts."""

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import PipelineError

SLIDE_ARMS = ("camelyon16", "demo_slides")
XRAY_ARMS = ("nih_subset", "nih_pa", "nih_ap", "demo_xrays")
PAPER_ARMS = ("camelyon16", "nih_subset", "nih_pa", "nih_ap")

# The layers at which a backbone can be tapped, with the factor by which their map is smaller than the image.
# VGG: r<block><convolution> is the ReLU after that convolution (Simonyan & Zisserman 2015).
# EfficientNet-Lite0: expand<i> is the ReLU6 after the expansion convolution of block i.
BACKBONE_LAYERS: dict[str, dict[str, int]] = {
    "vgg16": {
        f"r{block}{conv}": 2 ** (block - 1)
        for block, convs in enumerate((2, 2, 3, 3, 3), 1)
        for conv in range(1, convs + 1)
    },
    "vgg19": {
        f"r{block}{conv}": 2 ** (block - 1)
        for block, convs in enumerate((2, 2, 4, 4, 4), 1)
        for conv in range(1, convs + 1)
    },
    "efficientnet_lite0": {"expand1": 2, "expand2": 4, "expand3": 4, "expand4": 8, "expand5": 8},
}

# Of NIH ChestX-ray14.
FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]


class Settings(BaseModel):
    """Base of all sections: no unknown key, no change after reading, no conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Arms(Settings):
    """The arms that ``dvc repro`` prepares and trains."""

    slides: tuple[Literal[SLIDE_ARMS], ...]  # type: ignore[valid-type]
    xrays: tuple[Literal[XRAY_ARMS], ...]  # type: ignore[valid-type]
    train: tuple[str, ...]

    @model_validator(mode="after")
    def _trained_arms_are_prepared(self) -> Self:
        for name, arms in (("slides", self.slides), ("xrays", self.xrays), ("train", self.train)):
            if len(set(arms)) != len(arms):
                raise ValueError(f"{name} names an arm twice")
        for arm in self.train:
            if arm not in (*self.slides, *self.xrays):
                raise ValueError(f"train names {arm!r}, which is in neither slides nor xrays, so nothing prepares it")
        return self


class Compute(Settings):
    """Where and how wide the work runs."""

    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: Positive
    workers: Positive


class DemoSlides(Settings):
    """Numbers and side of the generated slides."""

    normal: Annotated[int, Field(ge=2)]
    tumour: Positive
    test_normal: Positive
    test_tumour: Positive
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


class Slides(Settings):
    """Facts of a collection of slides and the roles of its members."""

    microns_per_pixel: Annotated[float, Field(gt=0)]
    tolerance: Annotated[float, Field(ge=0, lt=0.5)]
    assumed_microns_per_pixel: Annotated[float, Field(gt=0)] | None
    excluded: tuple[Name, ...]
    not_exhaustively_annotated: tuple[Name, ...]
    validation_tumour: tuple[Name, ...]
    validation_share: Annotated[float, Field(ge=0, lt=1)]
    seed: int


class Border(Settings):
    """Mask pixels cleared along each side."""

    top: Natural
    bottom: Natural
    left: Natural
    right: Natural


class TissueMasks(Settings):
    """How tissue is told from background."""

    microns_per_pixel: Annotated[float, Field(gt=0)]
    tall_mask: Positive
    tall_border: Border
    border: Border
    opening: Natural
    smallest_hole: Natural
    smallest_object: Natural


class SampleTiles(Settings):
    """Which tiles are candidates and how many are drawn."""

    tile_size: Positive
    tiles_per_slide: Positive
    least_tissue: Annotated[float, Field(gt=0, le=1)]
    least_lesion: Annotated[float, Field(gt=0, le=1)]
    tumour_groups: tuple[str, ...]
    exclusion_groups: tuple[str, ...]
    seed: int


class StainTarget(Settings):
    """The region whose stains all tiles are given: corner in level-0 pixels, size in pixels at the scale of tiles."""

    slide: str
    x: Natural
    y: Natural
    size: Positive


class NormalizeTiles(Settings):
    """Vahadane stain normalisation and the resolution of the prepared array."""

    method: Literal["vahadane", "staintools", "none"]
    target: StainTarget
    brightness_percentile: Annotated[float, Field(gt=0, le=100)]
    luminosity_threshold: Annotated[float, Field(gt=0, lt=1)]
    dictionary_lambda: Annotated[float, Field(ge=0)]
    code_lambda: Annotated[float, Field(ge=0)]
    rescale_codes: bool
    sampled_pixels: Positive
    working_size: Positive
    seed: int


class SplitXrays(Settings):
    """Which X-rays belong to an arm and to which split."""

    collection: Name
    lists: Literal["official", "subset"]
    view: Literal["PA", "AP"] | None
    validation_findings: tuple[Literal[FINDINGS], ...]  # type: ignore[valid-type]
    validation_share: Annotated[float, Field(ge=0, lt=1)]
    seed: int


class EqualizeXrays(Settings):
    """The steps from an X-ray file to the prepared array."""

    thumbnail_size: Positive
    crop_size: Positive
    equalization: Literal["none", "histogram"]
    working_size: Positive
    allowed_failures: Share

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop_size > self.thumbnail_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than thumbnail_size {self.thumbnail_size}")
        return self


class GrowthStep(Settings):
    """One resolution of progressive growth: how long it is faded in and then trained, and with which layer."""

    resolution: Positive
    layer: str
    transition: Natural
    stable: Natural

    @model_validator(mode="after")
    def _power_of_two(self) -> Self:
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution {self.resolution} is not a power of two from 4 up")
        return self


class Train(Settings):
    """The deep perceptual autoencoder of one arm: network, loss and schedule."""

    backbone: Literal["vgg16", "vgg19", "efficientnet_lite0"]
    weights: str | None
    channels: tuple[Positive, ...]
    latent_dim: Positive
    latent_size: Positive
    flips: bool
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    statistics_images: Positive
    report_every: Positive
    schedule: Annotated[tuple[GrowthStep, ...], Field(min_length=1)]

    @property
    def base_resolution(self) -> int:
        """Side of the encoder's last feature map: 4 for a 1×1 latent, else the latent's own."""
        return 4 if self.latent_size == 1 else self.latent_size

    @property
    def resolution(self) -> int:
        """Side in pixels of the images at the end of the growth."""
        return self.schedule[-1].resolution

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self._check_schedule()
        self._check_layers()
        if self.latent_size & (self.latent_size - 1):
            raise ValueError(f"latent_size {self.latent_size} is not a power of two")
        if self.schedule[0].resolution <= self.base_resolution:
            raise ValueError(
                f"schedule starts at {self.schedule[0].resolution} px, which must be above the encoder's last "
                f"map of {self.base_resolution} px (latent_size {self.latent_size})"
            )
        needed = (self.resolution // self.base_resolution).bit_length()
        if len(self.channels) != needed:
            raise ValueError(
                f"channels has {len(self.channels)} numbers, but {self.resolution} px down to "
                f"{self.base_resolution} px are {needed} resolutions"
            )
        return self

    def _check_schedule(self) -> None:
        if self.schedule[0].transition:
            raise ValueError("schedule.0.transition must be 0: there is nothing to grow from")
        if not self.schedule[-1].stable:
            raise ValueError(f"schedule.{len(self.schedule) - 1}.stable must be above 0")
        for i, (low, high) in enumerate(zip(self.schedule, self.schedule[1:], strict=False), 1):
            if high.resolution != 2 * low.resolution:
                raise ValueError(
                    f"schedule.{i}.resolution is {high.resolution}, expected {2 * low.resolution}: growth doubles"
                )

    def _check_layers(self) -> None:
        layers = BACKBONE_LAYERS[self.backbone]
        for i, step in enumerate(self.schedule):
            if step.layer not in layers:
                raise ValueError(
                    f"schedule.{i}.layer {step.layer!r} is not a layer of {self.backbone}: {', '.join(layers)}"
                )
            if step.resolution < layers[step.layer]:
                raise ValueError(
                    f"schedule.{i}.layer {step.layer!r} is too deep for {step.resolution} px: its map is "
                    f"{layers[step.layer]} times smaller than the image"
                )


class Evaluate(Settings):
    """What evaluation draws."""

    gallery_images: Positive


class Params(Settings):
    """All of params.yaml."""

    arms: Arms
    seeds: Annotated[tuple[Natural, ...], Field(min_length=1)]
    compute: Compute
    demo_data: DemoData
    slides: dict[Literal[SLIDE_ARMS], Slides]  # type: ignore[valid-type]
    tissue_masks: dict[Literal[SLIDE_ARMS], TissueMasks]  # type: ignore[valid-type]
    sample_tiles: dict[Literal[SLIDE_ARMS], SampleTiles]  # type: ignore[valid-type]
    normalize_tiles: dict[Literal[SLIDE_ARMS], NormalizeTiles]  # type: ignore[valid-type]
    split_xrays: dict[Literal[XRAY_ARMS], SplitXrays]  # type: ignore[valid-type]
    equalize_xrays: dict[Literal[XRAY_ARMS], EqualizeXrays]  # type: ignore[valid-type]
    train: dict[Literal[(*SLIDE_ARMS, *XRAY_ARMS)], Train]  # type: ignore[valid-type]
    evaluate: Evaluate

    @model_validator(mode="after")
    def _arms_agree(self) -> Self:
        self._check_complete()
        for arm in SLIDE_ARMS:
            self._check_slide_arm(arm)
        self._check_demo()
        for arm in XRAY_ARMS:
            size, resolution = self.equalize_xrays[arm].working_size, self.train[arm].resolution
            if size != resolution:
                raise ValueError(
                    f"equalize_xrays.{arm}.working_size is {size}, train.{arm}'s schedule ends at {resolution} px: "
                    "they must be equal, since X-rays are shown whole"
                )
        return self

    def _check_complete(self) -> None:
        sections = {
            SLIDE_ARMS: ("slides", "tissue_masks", "sample_tiles", "normalize_tiles"),
            XRAY_ARMS: ("split_xrays", "equalize_xrays"),
            (*SLIDE_ARMS, *XRAY_ARMS): ("train",),
        }
        for arms, names in sections.items():
            for name in names:
                missing = [arm for arm in arms if arm not in getattr(self, name)]
                if missing:
                    raise ValueError(f"{name}.{missing[0]} is missing")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} names a seed twice")

    def _check_demo(self) -> None:
        drawn, target = self.demo_data.slides, self.normalize_tiles["demo_slides"].target
        if max(target.x, target.y) + target.size > drawn.size:
            raise ValueError(f"normalize_tiles.demo_slides.target ends outside the drawn slides of {drawn.size} px")
        names = {f"tumor_{i:03d}" for i in range(1, drawn.tumour + 1)}
        absent = sorted(set(self.slides["demo_slides"].validation_tumour) - names)
        if absent:
            raise ValueError(
                f"slides.demo_slides.validation_tumour names {absent[0]}, but demo_data.slides.tumour is {drawn.tumour}"
            )

    def _check_slide_arm(self, arm: str) -> None:
        tiles, normalize = self.sample_tiles[arm], self.normalize_tiles[arm]
        mask_pixels = tiles.tile_size * self.slides[arm].microns_per_pixel / self.tissue_masks[arm].microns_per_pixel
        if mask_pixels < 1 or abs(mask_pixels - round(mask_pixels)) > 1e-6:
            raise ValueError(
                f"sample_tiles.{arm}.tile_size {tiles.tile_size} is {mask_pixels:.3g} mask pixels, expected a "
                f"whole number: change it or tissue_masks.{arm}.microns_per_pixel"
            )
        if tiles.tile_size % normalize.working_size:
            raise ValueError(
                f"normalize_tiles.{arm}.working_size {normalize.working_size} does not divide {tiles.tile_size}"
            )
        if normalize.working_size < self.train[arm].resolution:
            raise ValueError(
                f"normalize_tiles.{arm}.working_size {normalize.working_size} is below "
                f"train.{arm}'s {self.train[arm].resolution} px"
            )


def read_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate params.yaml.

    Args:
        path: The file.

    Returns:
        All settings.

    Raises:
        PipelineError: If the file is missing or no YAML, or holds an unknown, missing, ill-typed or impossible
            value; the sentence names the first such key.
    """
    try:
        # YAML 1.2, as DVC reads it: 1e-3 is a number and `no` a word.
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: run stages from the repository's root") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    try:
        # From JSON, so that lists become tuples while numbers and words stay strict.
        return Params.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_error(error)}") from error


def first_error(error: ValidationError) -> str:
    """Say the first thing that is wrong as ``key.path: what``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = {
        "extra_forbidden": "is not a known key; is it misspelt?",
        "missing": "is missing",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    given = "" if first["type"] in ("extra_forbidden", "missing", "value_error") else f" (found {first['input']!r})"
    return f"{key}: {message}{given}" if key else f"{message}{given}"
