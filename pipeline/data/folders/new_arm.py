"""What an arm of folders has to change for another collection; also the layout, which the tree of its files tells."""

from collections.abc import Collection as Names
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.data.archives import is_archive
from pipeline.data.collection_csv import choose_table, tables_in, why_no_table
from pipeline.data.folders.layouts.table import COLUMNS, FILE
from pipeline.data.folders.settings import OF_CLASSES, Collection, Settings
from pipeline.data.inventory import find_files, raw_file
from pipeline.data.kinds import Adapted, is_given
from pipeline.data.picture_files import FORMATS, is_picture
from pipeline.errors import PipelineError

LAYOUT, PART, DESCRIPTION = "collection.layout", "collection.part", "collection.file"
NORMAL, STAIN = "collection.normal", "prepare_folder.stain"
# Layouts that may be of one folder of a collection, as each object of MVTec AD has its own.
OF_PARTS = ("bmad", "medianomaly", "mvtec")
# In the order in which they are looked for.
SIGNS = {
    "table": f"a CSV with the columns {', '.join(COLUMNS)}",
    "bmad": "a folder Ungood in valid or test",
    "mvtec": "train/good and test",
    "medianomaly": "images and data.json, or train and test/normal",
    "cifar10": "cifar-10-… or data_batch_1…",
    "svhn": "…_32x32.mat",
    "medmnist": "an npz file",
}


def adapted(arm: str, settings: Settings, folder: Path, given: Mapping[str, Any]) -> Adapted:
    """See :meth:`pipeline.data.kinds.Kind.for_new_arm`."""
    own = settings.collection
    layout, part = _laid_out(folder, own, given)
    new: dict[str, Any] = {"layout": layout, "part": part, "file": _description(layout, folder / part, own, given)}
    if layout != own.layout:  # else its words are as likely to be right as any
        new |= {"normal": [], "validation_anomalies": [], "groups": None}
        if layout in OF_CLASSES and not is_given(NORMAL, given):
            raise PipelineError(
                f"{folder} is laid out as that of {layout}, whose classes can each be normal: name those that are by "
                f"--set '{NORMAL}=[CLASS]'"
            )
    before = own.model_dump(mode="json")
    changes = {f"collection.{key}": value for key, value in new.items() if value != before[key]}
    stain = settings.prepare_folder.stain
    if stain and not is_given(STAIN, given) and not raw_file(folder, stain.target).is_file():
        raise PipelineError(
            f"{folder} has no {stain.target}, whose stains the images of the other arm are given: name an image by "
            f"--set {STAIN}.target=FILE, or none by --set {STAIN}="
        )
    guessed = layout != own.layout and not is_given(LAYOUT, given)
    said = f"its layout is taken for that of {layout}, since there is {SIGNS[layout]}" if guessed else ""
    return Adapted({key: value for key, value in changes.items() if not is_given(key, given)}, [said] if said else [])


def _laid_out(folder: Path, own: Collection, given: Mapping[str, Any]) -> tuple[str, str]:
    """Return layout and part: those of the other arm if they fit, else what the tree looks like."""
    part = str(given.get(PART, own.part if (folder / own.part).is_dir() else "") or "")
    if is_given(LAYOUT, given):
        layout = str(given.get(LAYOUT))
        return layout, "" if layout == "table" else part
    layouts = [layout for layout in (own.layout, *SIGNS) if layout != "table" or not given.get(PART)]
    normal = _normal(given) or own.normal or ("good",)
    for layout in layouts:
        place = "" if layout == "table" else part  # a table is of the whole folder
        if _fits(layout, raw_file(folder, place), normal):
            return layout, place
    for layout in (layout for layout in layouts if layout in OF_PARTS):
        parts = [inner.name for inner in sorted(folder.iterdir()) if inner.is_dir() and _fits(layout, inner, normal)]
        if len(parts) > 1:
            raise PipelineError(
                f"{folder} holds {len(parts)} collections laid out as that of {layout}: name one, as --set "
                f"{PART}={parts[0]}"
            )
        if parts:
            return layout, parts[0]
    why = f" ({reason})" if (reason := why_no_table(folder, COLUMNS)) else ""
    if not any(is_picture(name) or is_archive(name) for name in find_files(folder)[0]):
        raise PipelineError(
            f"{folder} holds no image, in no folder below it, either{why}: put images there, whose names end in "
            f"{', '.join(FORMATS)}, or name another folder"
        )
    raise PipelineError(
        f"{folder} is laid out in no way that is known{why}: describe its images in a CSV {FILE} with the columns "
        f"{', '.join(COLUMNS)}, or name the layout by --set {LAYOUT}=…, see docs/adding.md"
    )


def _normal(given: Mapping[str, Any]) -> list[str]:
    """The normal classes that are given; none without."""
    names = given.get(NORMAL, [])
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise PipelineError(f"{NORMAL} is no list of words: write it as --set \"{NORMAL}=['0', '1']\"")
    return names


def _fits(layout: str, place: Path, normal: Names[str]) -> bool:
    """Whether a folder looks like a layout."""
    ungood = any((place / split / "Ungood").is_dir() for split in ("valid", "val", "test"))
    train, test = place / "train", place / "test"
    of_normal = any((train / name).is_dir() for name in normal)
    signs = {
        "table": lambda: bool(tables_in(place, COLUMNS)),
        "bmad": lambda: of_normal and ungood,
        "mvtec": lambda: of_normal and test.is_dir() and not ungood,
        "medianomaly": lambda: (
            ((place / "data.json").is_file() and (place / "images").is_dir())
            or (train.is_dir() and (test / "normal").is_dir() and not of_normal)
        ),
        "cifar10": lambda: any(place.glob("cifar-10-*")) or any(place.glob("data_batch_1*")),
        "svhn": lambda: any(place.glob("*_32x32.mat")),
        "medmnist": lambda: any(place.glob("*.npz")),
    }
    return signs[layout]()


def _description(layout: str, folder: Path, own: Collection, given: Mapping[str, Any]) -> str | None:
    """The file that describes the collection, unless it has its usual name."""
    if layout == "table":
        table = choose_table(folder, COLUMNS, DESCRIPTION, own.file or FILE, given, [])
        return None if table == FILE else table
    files = sorted(file.name for file in folder.glob("*.npz")) if layout == "medmnist" else []
    if own.file in files:
        return own.file
    if len(files) > 1 and not is_given(DESCRIPTION, given):
        raise PipelineError(f"{folder} holds {len(files)} npz files: name one, as --set {DESCRIPTION}={files[0]}")
    return None
