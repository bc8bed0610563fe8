"""Lesion outlines as the program ASAP writes them."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

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
            outlines no tumour.
    """
    tumour, normal, ignored, groups = [], [], 0, set()
    for annotation in _root(path).iter("Annotation"):
        group = annotation.get("PartOfGroup", "")
        groups.add(group)
        points = _points(annotation, path)
        if annotation.get("Type") not in AREAS or len(points) < 3:
            ignored += 1
        elif group in settings.tumour_groups:
            tumour.append(shapely.Polygon(points))
        elif group in settings.exclusion_groups:
            normal.append(shapely.Polygon(points))
        else:
            ignored += 1
    area = polygons_of(shapely.difference(_union(tumour), _union(normal)))
    if area.is_empty:
        raise PipelineError(
            f"{path} outlines no tumour (its groups: {', '.join(sorted(groups)) or 'none'}): "
            f"correct the file or {arm_key(arm, 'sample_tiles.tumour_groups')}"
        )
    return Lesions(area, ignored)


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
    return root


def _points(annotation: Element, path: Path) -> list[tuple[float, float]]:
    coordinates = annotation.findall("Coordinates/Coordinate")
    try:
        ordered = sorted(coordinates, key=lambda coordinate: int(coordinate.get("Order", 0)))
        points = [(float(point.attrib["X"]), float(point.attrib["Y"])) for point in ordered]
    except (KeyError, ValueError) as error:
        name = annotation.get("Name", "without a name")[:LONGEST_NAME]
        raise PipelineError(f"{path}: annotation {name!r} has a coordinate without a number ({error})") from error
    if not all(abs(value) < 1e9 for point in points for value in point):
        raise PipelineError(
            f"{path}: annotation {annotation.get('Name', '')[:LONGEST_NAME]!r} has a coordinate that is not finite"
        )
    return points
