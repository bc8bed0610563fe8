"""Which of the scored slides are judged, and why others are not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from pipeline.data.inventory import check_unchanged
from pipeline.data.slides.camelyon16 import ROLE_OF_LABEL, read_camelyon16, read_reference
from pipeline.data.slides.collection import use_content_once
from pipeline.data.slides.settings import Slides
from pipeline.data.slides.slide_record import ROLES, SlideRecord
from pipeline.errors import PipelineError
from pipeline.files import read_csv
from pipeline.scoring.results import RESULTS

TEXTS = ("name", "md5", "status", "reason", "folder")
SCORED = "score the test slides with a model of slides: `python -m pipeline score`, see docs/scoring.md"


@dataclass(frozen=True)
class Judged:
    """A test slide that was scored.

    Attributes:
        name: As the reference calls it.
        label: 0 normal, 1 with metastases.
        score: Of the slide as a whole.
        folder: Of its views, below that of the results.
        annotation: Its outlines, relative to the collection's folder; empty for a normal slide.
        left_out: Why it takes no part in the free-response curve; empty if it does.
    """

    name: str
    label: int
    score: float
    folder: str
    annotation: str
    left_out: str = ""


@dataclass(frozen=True)
class Chosen:
    """The slides of a folder of results.

    Attributes:
        slides: Those that are judged, by name.
        missing: Test slide to why it is not judged though it should be.
        left_out: Scored slide to why it is not judged.
    """

    slides: Sequence[Judged]
    missing: Mapping[str, str]
    left_out: Mapping[str, str]


def choose_slides(out: Path, root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> Chosen:
    """Find the test slides of a collection in the layout of Camelyon16 among what was scored.

    Args:
        out: The folder of the results.
        root: The collection's folder; its part for training may be missing.
        inventory: Its files.
        settings: The collection's: which slides are left out, and which are not exhaustively annotated.
        arm: Names keys in errors.

    Returns:
        What is judged and what is not. A slide with tumour whose outlines are not complete is judged as a whole only.

    Raises:
        PipelineError: If there are no results of slides, two of one slide, one of another file of its name, or the
            collection cannot be read.
    """
    reference = read_reference(root, inventory, arm)
    own = settings.model_copy(update={"validation_tumour": ()})
    records = use_content_once(read_camelyon16(root, inventory, own, arm), inventory, root)
    tests = {record.name: record for record in records if record.name in reference}
    check_unchanged(root, inventory, [record.annotation for record in tests.values() if record.annotation])
    scored = read_scored(out)
    _check_same(scored, tests, inventory, out)
    slides, missing = [], {}
    left_out = dict.fromkeys(sorted({*scored} - {*tests}), "it is no test slide")
    for name, record in sorted(tests.items()):
        incomplete = name in settings.not_exhaustively_annotated
        if record.unused and not incomplete:
            left_out |= {name: record.unused} if name in scored else {}
        elif (row := scored.get(name, {"reason": "it is not among the results"}))["reason"]:
            missing[name] = row["reason"]
        else:
            why = f"its outlines are not complete ({record.unused})" if incomplete else ""
            label = ROLES[ROLE_OF_LABEL[reference[name]]][1]
            slides.append(Judged(name, label, float(row["score"]), row["folder"], record.annotation, why))
    _check_both(slides, out)
    return Chosen(slides, missing, left_out)


def read_scored(out: Path) -> dict[str, Mapping[Any, Any]]:
    """Read the rows of whole slides of a table of results, by the names of their files without ending.

    Raises:
        PipelineError: If there are none, or two of one name.
    """
    path = out / RESULTS
    table = read_csv(path, ("name", "md5", "status", "reason"), TEXTS, SCORED)
    if "folder" not in table or not (table["folder"] != "").any():
        raise PipelineError(f"{path} has scores of images, but of no whole slide: {SCORED}")
    # Pictures have no folder; a slide that could not be scored has none either, but says why.
    rows = table[(table["folder"] != "") | (table["reason"] != "")].astype({"score": float})
    names = [PurePath(name).stem for name in rows["name"]]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise PipelineError(f"{path} has two results for {min(twice)}: score each test slide once")
    return dict(zip(names, rows.to_dict("records"), strict=True))


def _check_same(
    scored: Mapping[str, Mapping[Any, Any]], tests: Mapping[str, SlideRecord], inventory: pd.DataFrame, out: Path
) -> None:
    checksums = dict(zip(inventory["path"], inventory["md5"], strict=True))
    for name in sorted({*scored} & {*tests}):
        row, path = scored[name], tests[name].path
        if path and row["md5"] and row["md5"] != checksums[path]:
            raise PipelineError(
                f"{out / RESULTS}: {row['name']} is another file than {path} of the collection (their MD5 differ): "
                "score the collection's own"
            )


def _check_both(slides: Sequence[Judged], out: Path) -> None:
    for label, kind in ((0, "without metastases"), (1, "with metastases")):
        if not any(slide.label == label for slide in slides):
            raise PipelineError(f"{out / RESULTS} has no score of a test slide {kind}, so that nothing can be judged")
