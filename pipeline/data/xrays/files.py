"""Which of a collection's files are images."""

import re

import pandas as pd

from pipeline.data.xrays.nih_metadata import is_image_name
from pipeline.errors import PipelineError

# images/, images_001/images/, or the archive images_001.tar.gz with images/ in it
IMAGE_FOLDER = re.compile(r"images(_\d{2,3}(\.tar\.gz|\.tgz)?)?(/images)?")
PICTURES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
# Exports of DICOM name files IM000001 or by numbers with dots, and list them in one of a fixed name.
ENDING = r"\.[A-Za-z][^.]*$|^DICOMDIR$"


def locate_images(inventory: pd.DataFrame, table: str | None) -> pd.DataFrame:
    """Find the images among a collection's files.

    Args:
        table: The CSV that describes the collection; null for the layout of NIH ChestX-ray14.

    Returns:
        ``id`` (in NIH's layout the file's name, else its path), ``source`` (path) and ``md5``, by path. With a table,
        files whose name has no ending are among them: they may be DICOM.

    Raises:
        PipelineError: If two images of NIH's layout have the same name, or two of an archive the same path.
    """
    paths = inventory["path"]
    folders, names = paths.str.rpartition("/")[0], paths.str.rpartition("/")[2]
    if table is not None:
        chosen = inventory[names.str.lower().str.endswith(PICTURES) | ~names.str.contains(ENDING)]
        twice = chosen.loc[chosen["path"].duplicated(), "path"]
        if len(twice):
            raise PipelineError(f"{twice.iloc[0]} stands twice in its archive: remove one of them")
        return pd.DataFrame({"id": chosen["path"], "source": chosen["path"], "md5": chosen["md5"]}, index=None)
    here = folders.map(lambda folder: IMAGE_FOLDER.fullmatch(folder) is not None) & names.map(is_image_name)
    images = pd.DataFrame({"id": names, "source": paths, "md5": inventory["md5"]})[here].reset_index(drop=True)
    twice = images.loc[images["id"].duplicated(), "id"]
    if len(twice):
        first, second = images.loc[images["id"] == twice.iloc[0], "source"].iloc[:2]
        raise PipelineError(f"{first} and {second} have the same name: remove one of them")
    return images
