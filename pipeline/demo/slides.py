"""Generated slides of lymph nodes, with and without metastases, in the layout of Camelyon16."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
from tifffile import TiffWriter

from pipeline.compute.seeding import generator
from pipeline.compute.workers import process_all
from pipeline.demo.lymph_node import colours_of_a_laboratory, draw_tissue
from pipeline.params.demo import DemoSlides

PIXELS_PER_CENTIMETRE = 40_000  # 0.25 µm/px
# Lesions are laid out in tiles of this side, so that whole tiles fit into them.
TILE = 768
PYRAMID = 7


@dataclass(frozen=True)
class Plan:
    """What is drawn on one slide."""

    path: str
    annotation: str  # empty for a normal slide
    hole: bool = False  # a normal island inside the lesion
    blank: bool = False  # glass without tissue


def make_slides(root: Path, settings: DemoSlides, seed: int, workers: int) -> int:
    """Draw a collection of slides.

    Args:
        root: The folder to write to; made if missing.
        settings: Numbers and side of the slides.
        seed: Same seed, same bytes.
        workers: Number of processes.

    Returns:
        The number of slides.
    """
    plans, reference = _plans(settings, seed)
    for plan in plans:
        for path in (plan.path, plan.annotation):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
    list(process_all(partial(_make_slide, root=root, size=settings.size, seed=seed), plans, workers, "demo slides"))
    (root / "testing/reference.csv").write_text(reference, encoding="utf-8")
    return len(plans)


def _plans(settings: DemoSlides, seed: int) -> tuple[list[Plan], str]:
    """Return the slides and the text of reference.csv; which test slide has tumour is shuffled."""
    plans = [
        Plan(f"training/normal/normal_{i:03}.tif", "", blank=i > settings.normal)
        for i in range(1, settings.normal + settings.blank + 1)
    ]
    for i in range(1, settings.tumour + 1):
        annotation = f"training/lesion_annotations/tumor_{i:03}.xml"
        plans.append(Plan(f"training/tumor/tumor_{i:03}.tif", annotation, hole=i % 2 == 1))
    kinds = [False] * settings.test_normal + [True] * settings.test_tumour
    rows = []
    for i, place in enumerate(generator(seed, "demo test slides").permutation(len(kinds)), 1):
        name, tumour = f"test_{i:03}", kinds[place]
        annotation = f"testing/lesion_annotations/{name}.xml" if tumour else ""
        plans.append(Plan(f"testing/images/{name}.tif", annotation, hole=tumour and i % 2 == 1))
        rows.append(f"{name},{'Tumor' if tumour else 'Normal'}\n")
    return plans, "".join(rows)


def _make_slide(plan: Plan, root: Path, size: int, seed: int) -> None:
    rng = generator(seed, "demo slide", plan.path)
    tissue = _tissue_outline(size, rng)
    lesion, hole = _lesion_outlines(size, rng) if plan.annotation else ([], [])
    hole = hole if plan.hole else []
    normal = _filled(size, [] if plan.blank else [tissue])
    tumour = cv2.bitwise_and(normal, _filled(size, lesion, hole))
    cv2.bitwise_and(normal, cv2.bitwise_not(tumour), dst=normal)
    if plan.annotation:
        (root / plan.annotation).write_text(_asap([("_0", lesion), ("_2", hole)]), encoding="utf-8")
    haematoxylin, eosin = draw_tissue(normal, tumour, rng)
    _write_pyramid(root / plan.path, colours_of_a_laboratory(haematoxylin, eosin, rng))


def _tissue_outline(size: int, rng: np.random.Generator) -> np.ndarray:
    """A rounded, uneven rectangle that covers about two thirds of the slide and reaches close to one edge."""
    half = np.array([0.475, 0.41]) * size * rng.uniform(0.97, 1.0, 2)
    shift = np.array([-0.04 * rng.choice([-1, 1]), rng.uniform(-0.01, 0.01)]) * size
    if rng.random() < 0.5:
        half, shift = half[::-1], shift[::-1]
    return _blob(size / 2 + shift, half, 5, 0.02, rng)


def _lesion_outlines(size: int, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A lesion about a block of tiles, with a small normal island near its rim."""
    side = size // TILE
    wide, high = max(1, side // 2), max(1, round(side * 0.6))
    if rng.random() < 0.5:
        wide, high = high, wide
    corner = np.array([(side - wide) / 2, (side - high) / 2]).round()
    centre = (corner + np.array([wide, high]) / 2) * TILE
    half = np.array([wide, high]) / 2 * TILE + size * 0.05
    lesion = _blob(centre, half, 6, 0.015, rng)
    hole = _blob(centre + rng.choice([-1, 1], 2) * half * 0.62, np.full(2, 0.032 * size), 2, 0.1, rng)
    return [lesion], [hole]


def _blob(
    centre: np.ndarray, half: np.ndarray, power: float, unevenness: float, rng: np.random.Generator
) -> np.ndarray:
    """A closed outline int32 (200, 2): a superellipse whose radius wavers by a few sines."""
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1 / power)
    for waves in range(2, 8):
        radius *= 1 + unevenness / np.sqrt(waves) * np.sin(waves * angle + rng.uniform(0, 2 * np.pi))
    outline = centre + half * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(np.rint(outline), np.int32)


def _filled(size: int, outlines: list[np.ndarray], holes: list[np.ndarray] | None = None) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, outlines, 255)
    cv2.fillPoly(mask, holes or [], 0)
    return mask


def _asap(groups: list[tuple[str, list[np.ndarray]]]) -> str:
    """Return outlines as ASAP writes them."""
    lines = ['<?xml version="1.0"?>', "<ASAP_Annotations>", "<Annotations>"]
    for number, (group, outline) in enumerate((group, outline) for group, outlines in groups for outline in outlines):
        lines.append(
            f'<Annotation Name="Annotation {number}" Type="Polygon" PartOfGroup={quoteattr(group)}><Coordinates>'
        )
        lines += [f'<Coordinate Order="{i}" X="{x}" Y="{y}" />' for i, (x, y) in enumerate(outline.tolist())]
        lines.append("</Coordinates></Annotation>")
    return "\n".join([*lines, "</Annotations>", "<AnnotationGroups />", "</ASAP_Annotations>", ""])


def _write_pyramid(path: Path, image: np.ndarray) -> None:
    """Write a tiled JPEG pyramid that OpenSlide reads; no date inside, so same pixels, same bytes."""
    with TiffWriter(path) as tiff:
        for level in range(PYRAMID):
            tiff.write(
                image,
                tile=(256, 256),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"level": 90},
                subfiletype=int(level > 0),
                resolution=(PIXELS_PER_CENTIMETRE / 2**level, PIXELS_PER_CENTIMETRE / 2**level),
                resolutionunit="CENTIMETER",
                software="pipeline.demo",
                metadata=None,
                maxworkers=1,
            )
            image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
