"""Any collection of X-rays, described by a CSV in its folder."""

from pathlib import Path

import pandas as pd

from pipeline.data.collection_csv import read_described, refuse_formulas, refuse_paths, refuse_values
from pipeline.data.inventory import raw_file
from pipeline.data.picture_files import format_of, is_picture
from pipeline.data.xrays.files import locate_images
from pipeline.data.xrays.nih_metadata import NO_FINDING, VIEWS, years
from pipeline.errors import PipelineError

COLUMNS = ("path", "patient", "view", "findings", "split")
OF_DICOM = ("patient", "view")  # which these files tell themselves
NEEDED = tuple(column for column in COLUMNS if column not in OF_DICOM)  # whatever the files are
AGE = r"\d{1,3}(\.\d+)?[YMD]?"
# Value of the column split → the list of images that it makes.
LISTS = {"train": "train_val", "val": "val", "test": "test"}


def read_table(root: Path, inventory: pd.DataFrame, table: str, key: str) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Read a collection's CSV.

    Its columns are ``path`` (relative to the collection's folder), ``patient``, ``view`` (PA or AP), ``findings``
    (joined by a bar; empty or ``No Finding`` for none) and ``split`` (train, val or test); ``age`` and ``sex`` may be
    there, too. Of DICOM files, patient, view, age and sex are read where the table leaves them out.

    Args:
        root: The collection's folder.
        inventory: Its files.
        table: The CSV, relative to the folder.
        key: The setting that names it, for the error.

    Returns:
        The index, as of :func:`pipeline.data.xrays.nih_metadata.read_index` with the path as ``id``, and image names by
        list.

    Raises:
        PipelineError: If the CSV cannot be read (:func:`pipeline.data.collection_csv.read_described`), or has a row
            with an unknown view or split, without a patient, with an impossible age, or with a path that leaves the
            folder, stands there twice or has no image; or if a DICOM file contradicts its row
            (:func:`pipeline.data.xrays.completion.completed`). The sentence names the row.
    """
    text = read_described(root, inventory, table, NEEDED, key)
    file = root / table
    refuse_formulas(text["findings"].str.split("|").explode(), f"{file}, row ")  # reports count each of its own
    words = text["findings"].str.split("|")
    alone = (text["findings"] == "") | (text["findings"] == NO_FINDING)
    wrong = words.map(lambda several: any(word.strip().lower() in ("", NO_FINDING.lower()) for word in several))
    refuse_values(
        text["findings"],
        wrong & ~alone,
        file,
        "is no list of findings: for none, leave it empty or write No Finding",
    )
    for row, path in text["path"].items():
        raw_file(root, path, f"{file}, row {row}")
    refuse_paths(text["path"], file)
    text = _with_tags(text, root, inventory, table)
    refuse_values(text["patient"], text["patient"] == "", file, "must name the patient, or the image where unknown")
    refuse_values(text["view"], ~text["view"].isin(VIEWS), file, "is neither PA nor AP")
    refuse_values(text["split"], ~text["split"].isin(LISTS), file, "is not train, val or test")
    ages = text["age"]
    refuse_values(
        ages, (ages != "") & ~ages.str.fullmatch(AGE), file, "is not an age such as 58, 0.5 or 058Y; empty if unknown"
    )
    text, ages = text.reset_index(drop=True), ages.reset_index(drop=True)  # row numbers of the file serve errors only
    findings = text["findings"].where(text["findings"] != NO_FINDING, "")
    index = pd.DataFrame(
        {
            "id": text["path"],
            "patient": text["patient"],
            "findings": findings,
            "label": (findings != "").astype(int),
            "view": text["view"],
            "age": ages.map(lambda age: years(age) if age else float("nan")).astype(float),
            "sex": text["sex"],
            "follow_up": 0,
        }
    )
    return index, {name: text.loc[text["split"] == split, "path"].tolist() for split, name in LISTS.items()}


def _with_tags(text: pd.DataFrame, root: Path, inventory: pd.DataFrame, table: str) -> pd.DataFrame:
    """Check that every path is that of an image, and fill what the table leaves out and DICOM files tell."""
    file, images = root / table, locate_images(inventory, table)
    no_image = f"is no PNG, JPEG or DICOM in {root}: add it and run `make check-data`"
    refuse_values(text["path"], ~text["path"].isin(images["source"]), file, no_image)
    candidates = images[images["source"].isin(text["path"]) & (images["source"].map(format_of) == "DICOM")]
    if len(candidates):
        # pydicom takes a while to import, and few need it
        from pipeline.data.dicom_tags import read_tags  # noqa: PLC0415
        from pipeline.data.xrays.completion import completed  # noqa: PLC0415

        tags = read_tags(root, inventory, candidates)
        others = [source for source, dicom in tags["dicom"].items() if not dicom and not is_picture(str(source))]
        refuse_values(text["path"], text["path"].isin(others), file, no_image)
        text = completed(text, tags, file)
    if missing := [column for column in OF_DICOM if column not in text]:
        expected = f"expected {', '.join(COLUMNS)}, with commas; only DICOM files tell it themselves"
        raise PipelineError(f"{file}: the column {missing[0]} is missing; {expected}")
    return text.assign(**{column: "" for column in ("age", "sex") if column not in text})
