"""Lesion outlines as the program ASAP writes them."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import shapely
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from pipeline.data.slides.settings import SampleTiles
from pipeline.errors import PipelineError
from pipeline.layout import arm_key

# The shapes of ASAP that enclose an area. A spline's points lie on its outline, so it is read as a polygon.
AREAS = ("Polygon", "Spline", "Rectangle")
LONGEST_NAME = 60  # characters of it that an error quotes
# No real file comes near; a larger one would only fill the memory.
LARGEST_FILE = 64 * 2**20
# Of all outlines of a file. Repair takes the longer the more sides cross or touch, or might, by their boxes: within
# these bounds it is a matter of seconds. The outlines of a slide have some thousand vertices, and cross a few times.
MOST_VERTICES, MOST_CROSSINGS, MOST_NEAR = 200_000, 5_000, 500_000
SIDES = 64  # that are compared with all others at a time


@dataclass(frozen=True)
class Lesions:
    """The lesions of a slide.

    Attributes:
        area: Tumour without the normal islands inside it, in level-0 pixels.
        ignored: Number of annotations of other groups, or that enclose no area.
    """

    area: shapely.MultiPolygon
    ignored: int


def read_lesions(path: Path, settings: SampleTiles, arm: str) -> Lesions:
    """Read the lesions of a slide.

    Args:
        path: XML file of ASAP, coordinates in level-0 pixels.
        settings: Names the groups that are tumour and those that are cut out of it.
        arm: Names the key in errors.

    Returns:
        The union of the tumour outlines minus that of the exclusions; crossing outlines are repaired.

    Raises:
        PipelineError: If the file is missing, no such XML, holds an entity or a coordinate that is no number, or
            outlines no tumour, or outlines of more vertices or crossings than can be repaired.
    """
    tumour: list[shapely.Polygon] = []
    normal: list[shapely.Polygon] = []
    ignored, groups = 0, set()
    outlines: list[tuple[str, np.ndarray]] = []
    for annotation in _root(path).iter("Annotation"):
        group = annotation.get("PartOfGroup", "")
        groups.add(group)
        points = _points(annotation, path)
        if annotation.get("Type") not in AREAS or len(points) < 3:
            ignored += 1
        elif group in settings.tumour_groups or group in settings.exclusion_groups:
            (tumour if group in settings.tumour_groups else normal).append(shapely.Polygon(points))
            outlines.append((_name(annotation), np.array(points)))
        else:
            ignored += 1
    if outlines:
        _check_work(outlines, path)
    area = polygons_of(shapely.difference(_union(tumour), _union(normal)))
    if area.is_empty:
        raise PipelineError(
            f"{path} outlines no tumour (its groups: {', '.join(sorted(groups)) or 'none'}): "
            f"correct the file or {arm_key(arm, 'sample_tiles.tumour_groups')}"
        )
    return Lesions(area, ignored)


def _check_work(outlines: list[tuple[str, np.ndarray]], path: Path) -> None:
    """Check that outlines, names and vertices (n, 2), can be repaired and joined in seconds."""
    rings = [_ring(points) for _, points in outlines]
    sides = np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])
    owner = np.repeat(np.arange(len(rings)), [len(ring) - 1 for ring in rings])
    count = np.bincount(owner, minlength=1)[owner]  # of the sides of its ring
    boxes = shapely.box(*sides.min(axis=1).T, *sides.max(axis=1).T)
    tree, near, crossings = shapely.STRtree(boxes), 0, 0
    for start in range(0, len(sides), SIDES):
        one, other = tree.query(boxes[start : start + SIDES])
        one = one + start
        step = (other - one) % count[one]
        same = owner[one] == owner[other]
        counts = (one < other) & ~(same & ((step == 1) | (step == count[one] - 1)))  # neighbours share an end
        one, other, same = one[counts], other[counts], same[counts]
        near += len(one)
        crossings += int(_cross(sides[one], sides[other], same).sum())
        if near > MOST_NEAR or crossings > MOST_CROSSINGS:
            raise PipelineError(
                f"{path}: annotation {outlines[owner[start]][0]!r} crosses itself or others, or nearly so, more often "
                f"than the {MOST_CROSSINGS} times that are repaired, as no outline of tissue does: draw it anew, or "
                "leave the slide out"
            )


def _ring(points: np.ndarray) -> np.ndarray:
    """Close an outline, and leave out each vertex that is where the one before it is."""
    closed = np.concatenate([points, points[:1]])
    return np.asarray(closed[np.append(True, (np.diff(closed, axis=0) != 0).any(axis=1))])


def _cross(one: np.ndarray, other: np.ndarray, touching: np.ndarray) -> np.ndarray:
    """Whether lines (n, 2, 2), from point to point, cross others, or where that counts, bool (n,), touch them."""

    def side(lines: np.ndarray, points: np.ndarray) -> np.ndarray:
        along, to = lines[:, 1] - lines[:, 0], points - lines[:, 0]
        return np.asarray(np.sign(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]))

    ends = [side(a, b[:, 0]) * side(a, b[:, 1]) for a, b in ((one, other), (other, one))]
    highest = np.maximum(*ends)  # -1 where each has an end on both sides of the other
    return np.asarray((highest < 0) | (touching & (highest <= 0)))


def polygons_of(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep what has an area of a shape whose repair may have left points and lines."""
    parts = shapely.get_parts(shape)
    # A collection may hold multipolygons, hence the second call.
    return shapely.MultiPolygon([part for part in shapely.get_parts(parts) if part.geom_type == "Polygon"])


def _union(outlines: list[shapely.Polygon]) -> shapely.Geometry:
    # "structure": where a hand-drawn outline runs over its own start, the overlap is inside, not a hole
    valid = [shapely.make_valid(outline, method="structure", keep_collapsed=False) for outline in outlines]
    return shapely.union_all(valid)


def _root(path: Path) -> Element:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise PipelineError(f"{path} has {path.stat().st_size} bytes, too many for outlines: is it the right file?")
        root = parse(path).getroot()
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: put it back or run `make check-data`") from error
    except DefusedXmlException as error:
        raise PipelineError(f"{path} holds entities, which no annotation needs: it is not read") from error
    except (ParseError, ValueError, LookupError) as error:
        raise PipelineError(f"{path} is not the XML of an annotation ({error}): download it again") from error
    if root is None or root.tag != "ASAP_Annotations":
        raise PipelineError(f"{path} is not an annotation of ASAP: its first element is not ASAP_Annotations")
    if (vertices := sum(1 for _ in root.iter("Coordinate"))) > MOST_VERTICES:
        raise PipelineError(f"{path} has {vertices} vertices, more than {MOST_VERTICES}: outline it more coarsely")
    return root


def _points(annotation: Element, path: Path) -> list[tuple[float, float]]:
    coordinates = annotation.findall("Coordinates/Coordinate")
    try:
        ordered = sorted(coordinates, key=lambda coordinate: int(coordinate.get("Order", 0)))
        points = [(float(point.attrib["X"]), float(point.attrib["Y"])) for point in ordered]
    except (KeyError, ValueError) as error:
        name = _name(annotation)
        raise PipelineError(f"{path}: annotation {name!r} has a coordinate without a number ({error})") from error
    if not all(abs(value) < 1e9 for point in points for value in point):
        raise PipelineError(f"{path}: annotation {_name(annotation)!r} has a coordinate that is not finite")
    return points


def _name(annotation: Element) -> str:
    return annotation.get("Name", "without a name")[:LONGEST_NAME]
