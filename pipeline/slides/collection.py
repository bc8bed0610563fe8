"""The layout of Camelyon16: which slide plays which part."""

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from pipeline.errors import PipelineError
from pipeline.inventory import raw_file
from pipeline.params import SLIDE_ARMS, Slides
from pipeline.seeding import derived_seed

SUFFIXES = (".tif", ".tiff", ".svs", ".ndpi", ".scn", ".bif", ".mrxs", ".svslide")
LABELS = {"normal": 0, "tumor": 1}
REFERENCE = "testing/reference.csv"


@dataclass(frozen=True)
class SlideRecord:
    """One slide and its part.

    Attributes:
        name: File name without its ending; unique.
        path: Relative to the collection's folder.
        split: train, val or test.
        label: 0 for a wholly normal slide, 1 for one with tumour.
        annotation: The lesion outlines, relative to the collection's folder; empty for a normal slide.
    """

    name: str
    path: str
    split: str
    label: int
    annotation: str


def check_arm(arm: str) -> None:
    """Check that an arm is one of slides.

    Raises:
        PipelineError: If it is not.
    """
    if arm not in SLIDE_ARMS:
        raise PipelineError(f"{arm!r} is not an arm of slides: expected one of {', '.join(SLIDE_ARMS)}")


def read_collection(root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> list[SlideRecord]:
    """Give every slide of a collection its part.

    Normal training slides are for training, except a share for validation; of the tumour training slides only
    the named ones are used, for validation, since training sees normal tissue only. ``reference.csv`` labels the
    test slides. Excluded slides are left out, and so are tumour slides that are not exhaustively annotated: what
    lies outside their outlines is not known to be normal, and the outlines alone would be a biased choice.

    Args:
        root: The collection's folder, in the layout of Camelyon16.
        inventory: Its files (column ``path``).
        settings: The collection's settings.
        arm: The arm, to name keys in errors.

    Returns:
        The slides that are used, sorted by name.

    Raises:
        PipelineError: If ``reference.csv`` and the slides do not agree, a named slide or an annotation is
            missing, a name is used twice, or there is no normal training slide.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing: put the collection there, or a link to it, or mount its disk")
    files = _Files(inventory)
    left_out = {*settings.excluded, *settings.not_exhaustively_annotated}
    normal = {name: path for name, path in files.slides("training/normal").items() if name not in settings.excluded}
    if not normal:
        raise PipelineError(f"{root / 'training/normal'} holds no slide to train on: see the README for the layout")
    held_out = validation_slides(list(normal), settings)
    records = [SlideRecord(name, path, "val" if name in held_out else "train", 0, "") for name, path in normal.items()]
    tumour = files.slides("training/tumor")
    for name in sorted(set(settings.validation_tumour) - left_out):
        if name not in tumour:
            raise PipelineError(
                f"slides.{arm}.validation_tumour names {name}, which is not in {root / 'training/tumor'}"
            )
        records.append(SlideRecord(name, tumour[name], "val", 1, files.annotation("training", name, root)))
    test = files.slides("testing/images")
    labels = _reference(root, inventory)
    _check_reference(set(labels) - left_out, set(test) - left_out, root, arm)
    for name, label in labels.items():
        if name in left_out:
            continue
        annotation = files.annotation("testing", name, root) if label else ""
        records.append(SlideRecord(name, test[name], "test", label, annotation))
    return _unique(records, root)


def validation_slides(names: list[str], settings: Slides) -> set[str]:
    """Choose the normal slides held out for validation.

    A slide's rank depends on the seed and its own name only, so that a slide more or less moves at most one other.

    Args:
        names: Names of the normal training slides.
        settings: Share and seed.

    Returns:
        The chosen names: at least one if the share is above zero and another one is left for training.
    """
    if not settings.validation_share or len(names) < 2:
        return set()
    ranked = sorted(names, key=lambda name: derived_seed(settings.seed, "validation slides", name))
    count = min(max(1, round(settings.validation_share * len(names))), len(names) - 1)
    return set(ranked[:count])


class _Files:
    """The files of an inventory by their part in the layout."""

    def __init__(self, inventory: pd.DataFrame):
        self._paths = [PurePosixPath(path) for path in sorted(inventory["path"])]

    def slides(self, folder: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in self._paths:
            if str(path.parent) == folder and path.suffix.lower() in SUFFIXES:
                if path.stem in found:
                    raise PipelineError(
                        f"{folder} holds {path.name} and {Path(found[path.stem]).name}: keep one of them"
                    )
                found[path.stem] = str(path)
        return found

    def annotation(self, part: str, name: str, root: Path) -> str:
        # The challenge's archive unpacks into a folder of its own, and some releases write Tumor_001.xml.
        for path in self._paths:
            below = path.parts[:2] == (part, "lesion_annotations") and len(path.parts) <= 4
            if below and path.name.lower() == f"{name}.xml".lower():
                return str(path)
        raise PipelineError(
            f"the tumour slide {name} has no {root / part / 'lesion_annotations' / name}.xml: add it and run "
            "`make check-data`, or leave the slide out"
        )


def _reference(root: Path, inventory: pd.DataFrame) -> dict[str, int]:
    """Read name and label of the test slides; a header line, which some copies have, is skipped."""
    if REFERENCE not in set(inventory["path"]):
        raise PipelineError(f"{root / REFERENCE} is missing: it labels the test slides (name, Normal or Tumor)")
    try:
        with raw_file(root, REFERENCE).open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PipelineError(f"{root / REFERENCE} cannot be read ({error}): download it again") from error
    labels: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        word = row[1].strip().lower() if len(row) > 1 else ""
        name = row[0].strip().removesuffix(".tif")
        if word in LABELS and name not in labels:
            labels[name] = LABELS[word]
        elif number > 1 or name in labels:
            raise PipelineError(
                f"{root / REFERENCE}, row {number}: expected a new name, then Normal or Tumor; found {row[:2]}"
            )
    return dict(sorted(labels.items()))


def _check_reference(named: set[str], present: set[str], root: Path, arm: str) -> None:
    for names, what in (
        (named - present, f"is named in {REFERENCE} but is not in testing/images"),
        (present - named, f"is in testing/images but not named in {REFERENCE}"),
    ):
        if names:
            raise PipelineError(
                f"{root}: {min(names)} {what}, like {len(names) - 1} others: complete the collection or list it "
                f"under slides.{arm}.excluded"
            )


def _unique(records: list[SlideRecord], root: Path) -> list[SlideRecord]:
    names = [record.name for record in records]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PipelineError(f"{root}: two slides are called {twice[0]}: rename one of them")
    return sorted(records, key=lambda record: record.name)
