"""The layout of Camelyon16 as it is downloaded."""

import csv
from pathlib import Path, PurePosixPath

import pandas as pd

from pipeline.data.inventory import check_unchanged, raw_file
from pipeline.data.slides.settings import Slides
from pipeline.data.slides.slide_record import SlideRecord
from pipeline.errors import PipelineError
from pipeline.layout import arm_key

SUFFIXES = (".tif", ".tiff", ".svs", ".ndpi", ".scn", ".bif", ".mrxs", ".svslide")
ROLE_OF_LABEL = {"normal": "test_normal", "tumor": "test_tumour"}
REFERENCE = "testing/reference.csv"


def read_camelyon16(root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> list[SlideRecord]:
    """Give every slide of a collection in the layout of Camelyon16 its part.

    Normal training slides are for training. Of the tumour training slides only the named ones are used, for
    validation, since training sees normal tissue only. ``reference.csv`` labels the test slides. Tumour slides that
    are not exhaustively annotated are not used: what lies outside their outlines is not known to be normal, and
    the outlines alone would be a biased choice.

    Args:
        root: The collection's folder.
        inventory: Its files (column ``path``).
        arm: Names keys in errors.

    Returns:
        All slides, used or not, sorted by name; also those of which only the annotation is there.

    Raises:
        PipelineError: If ``reference.csv`` and the slides do not agree, or a named slide or an annotation that is
            needed is missing.
    """
    paths = [PurePosixPath(path) for path in sorted(inventory["path"])]
    normal, tumour = _slides(paths, "training/normal"), _slides(paths, "training/tumor")
    test, labels = _slides(paths, "testing/images"), read_reference(root, inventory, arm)
    outlines = _outlines(paths)
    unused = {
        name: f"named in {arm_key(arm, f'collection.{key}')}"
        for key in ("not_exhaustively_annotated", "excluded")
        for name in getattr(settings, key)
    }
    _check_named(set(settings.validation_tumour) - set(unused), set(tumour), root, arm)
    _check_reference(set(labels) - set(unused), set(test) - set(unused), root, arm)
    roles = dict.fromkeys(normal, "train") | dict.fromkeys(settings.validation_tumour, "val_tumour")
    roles |= {name: ROLE_OF_LABEL[label] for name, label in labels.items()}
    records = []
    for name, path in [*normal.items(), *tumour.items(), *test.items()]:
        reason = unused.get(name, "" if name in roles else f"not in {arm_key(arm, 'collection.validation_tumour')}")
        annotation = ""
        if not reason and roles[name].endswith("tumour"):
            annotation = _annotation(outlines, name, root / path)
        records.append(SlideRecord(name, path, "" if reason else roles[name], annotation, name, reason))
    slides = {record.name.lower() for record in records}
    records += [
        SlideRecord(PurePosixPath(path).stem, "", "", path, "", "its outlines are there, the slide is not")
        for name, path in outlines.items()
        if name not in slides
    ]
    return sorted(records, key=lambda record: record.name)


def _slides(paths: list[PurePosixPath], folder: str) -> dict[str, str]:
    slides: dict[str, str] = {}
    for path in paths:
        if str(path.parent) == folder and path.suffix.lower() in SUFFIXES:
            if path.stem in slides:
                raise PipelineError(f"{folder} holds {path.name} and {Path(slides[path.stem]).name}: keep one of them")
            slides[path.stem] = str(path)
    return slides


def _outlines(paths: list[PurePosixPath]) -> dict[str, str]:
    """Name in small letters to path.

    Some releases write Tumor_001.xml, and the archives unpack into folders of their own.
    """
    found: dict[str, str] = {}
    for path in paths:
        folder = path.parts[1].lower() if path.parts[0] in ("training", "testing") else ""
        if path.suffix.lower() == ".xml" and folder == "lesion_annotations" and len(path.parts) <= 4:
            other = found.setdefault(path.stem.lower(), str(path))
            if other != str(path):
                raise PipelineError(f"{other} and {path} outline the same slide: keep one of them")
    return found


def _annotation(outlines: dict[str, str], name: str, slide: Path) -> str:
    if name.lower() not in outlines:
        raise PipelineError(
            f"the tumour slide {slide} has no lesion_annotations/{name}.xml: add it and run `make check-data`, or "
            "leave the slide out"
        )
    return outlines[name.lower()]


def read_reference(root: Path, inventory: pd.DataFrame, arm: str) -> dict[str, str]:
    """Read the labels of the test slides; a header line, which some copies have, is skipped.

    Args:
        root: The collection's folder.
        inventory: Its files.
        arm: Names keys in errors.

    Returns:
        Name to a key of :data:`ROLE_OF_LABEL`, in the order of the file.

    Raises:
        PipelineError: If the file is missing, was changed since it was listed, or a row has no new name or no label.
    """
    if REFERENCE not in set(inventory["path"]):
        raise PipelineError(
            f"{root / REFERENCE} is missing, which labels the test slides of Camelyon16: add it, or name the CSV of a "
            f"collection of your own in {arm_key(arm, 'collection.table')}"
        )
    check_unchanged(root, inventory, [REFERENCE])
    try:
        with raw_file(root, REFERENCE).open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PipelineError(f"{root / REFERENCE} cannot be read ({error}): download it again") from error
    labels: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        word = row[1].strip().lower() if len(row) > 1 else ""
        name = row[0].strip().removesuffix(".tif")
        if word in ROLE_OF_LABEL and name not in labels:
            labels[name] = word
        elif number > 1 or name in labels:
            raise PipelineError(
                f"{root / REFERENCE}, row {number}: expected a new name, then Normal or Tumor; found {row[:2]}"
            )
    return labels


def _check_named(named: set[str], present: set[str], root: Path, arm: str) -> None:
    if named - present:
        raise PipelineError(
            f"{arm_key(arm, 'collection.validation_tumour')} names {min(named - present)}, which is not in "
            f"{root / 'training/tumor'}"
        )


def _check_reference(named: set[str], present: set[str], root: Path, arm: str) -> None:
    for names, what in (
        (named - present, f"is named in {REFERENCE} but is not in testing/images"),
        (present - named, f"is in testing/images but not named in {REFERENCE}"),
    ):
        if names:
            raise PipelineError(
                f"{root}: {min(names)} {what}, like {len(names) - 1} others: complete the collection or list it "
                f"under {arm_key(arm, 'collection.excluded')}"
            )
