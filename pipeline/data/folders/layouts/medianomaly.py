"""MedIAnomaly's layouts: ``images`` and ``data.json``, or ``train`` and ``test/<class>``."""

from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ValidationError

from pipeline.data.archives import read_members, split_source
from pipeline.data.folders.files import IN_NO_CLASS, files_of
from pipeline.data.folders.layout import by_class
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import check_unchanged, raw_file
from pipeline.data.kinds import ANY_FILES
from pipeline.data.splitting import leave_out_missing
from pipeline.errors import PipelineError
from pipeline.files import read_text
from pipeline.params.file import first_error

EXPECTED = ANY_FILES
LIST, IMAGES = "data.json", "images"
UNLISTED = f"not in {LIST}"
UNLABELLED = "unlabelled training image"
NORMAL = {LIST: ("0",), "": ("normal",)}
ANNOTATION = "annotation"  # outlines beside BraTS2021's test images
split_path, read_records = split_source, read_members


class Lists(BaseModel):
    """What data.json holds: image names by class, in DDAD's copies beside those whose class is not to be known."""

    train: dict[str, list[str] | dict[str, list[str]]]
    test: dict[str, list[str]]


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :meth:`pipeline.data.folders.layout.Layout.read`."""
    table = files_of(inventory, settings.part, root)
    if (table["inner"] == LIST).any():
        path = (Path(settings.part) / LIST).as_posix()
        check_unchanged(root, inventory, [path])
        return _by_list(table, raw_file(root, path), settings)
    return _by_folder(table, root, settings)


def _by_list(table: pd.DataFrame, file: Path, settings: Collection) -> pd.DataFrame:
    images = table[table["inner"].str.startswith(f"{IMAGES}/") & (table["left_out"] == "")]
    images = images.assign(inner=images["inner"].str.removeprefix(f"{IMAGES}/"))
    both = _read_lists(file).merge(images[["inner", "source", "md5"]], on="inner", how="outer").fillna("")
    both["id"] = both["source"].where(both["source"] != "", both["inner"])
    reasons = {"": UNLISTED, UNLABELLED: UNLABELLED}
    both = both.assign(group="", label=0, findings="", left_out=both["class"].map(lambda name: reasons.get(name, "")))
    placed = both["split"] != ""
    labels = by_class(both.loc[placed, "class"].str.normalize("NFC"), settings.normal or NORMAL[LIST], str(file))
    both.loc[placed, ["label", "findings"]] = labels
    return leave_out_missing(both, f"put them into {file.parent / IMAGES}")


def _read_lists(file: Path) -> pd.DataFrame:
    """Split and class of each name that is listed, as ``inner``, ``split`` and ``class``."""
    try:
        lists = Lists.model_validate_json(read_text(file, "get it again"))
    except ValidationError as error:
        raise PipelineError(
            f"{file} does not list names of images as train and test, by class: {first_error(error)}"
        ) from error
    rows = [(name, "test", label) for label, names in lists.test.items() for name in names]
    for label, names in lists.train.items():
        if isinstance(names, list):
            rows += [(name, "train", label) for name in names]
        else:
            rows += [(name, "", UNLABELLED) for hidden in names.values() for name in hidden]
    listed = pd.DataFrame(rows, columns=["inner", "split", "class"])
    if len(twice := listed.loc[listed["inner"].duplicated(), "inner"]):
        first, second, *_ = (f"{split} {name}".strip() for inner, split, name in rows if inner == twice.iloc[0])
        raise PipelineError(f"{file} lists {twice.iloc[0]!r} under {first} and under {second}: remove it from one")
    return listed


def _by_folder(table: pd.DataFrame, root: Path, settings: Collection) -> pd.DataFrame:
    """BraTS2021: training images are normal; test images lie in folders of their classes."""
    normal = settings.normal or NORMAL[""]
    parts = table["inner"].str.split("/")
    table = table[parts.map(lambda names: names[0] in ("train", "test") and ANNOTATION not in names)].copy()
    parts = parts[table.index]
    if not len(table):
        raise PipelineError(f"{root / settings.part} has neither {LIST} nor the folders train and test")
    placed = (table["left_out"] == "") & parts.map(lambda names: names[0] == "train" or len(names) > 2)
    table.loc[placed, "split"] = parts[placed].str[0]
    classes = parts[placed].map(lambda names: normal[0] if names[0] == "train" else names[1]).str.normalize("NFC")
    table.loc[placed, ["label", "findings"]] = by_class(classes, normal, str(root / settings.part))
    table.loc[~placed & (table["left_out"] == ""), "left_out"] = IN_NO_CLASS
    return table
