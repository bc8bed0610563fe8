"""All images of an arm, from their thumbnails to the prepared array."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pipeline import layout
from pipeline.compute.scratch import make_parts, scratch_key
from pipeline.data.folders.files import NO_PICTURE
from pipeline.data.folders.layout import layout_of
from pipeline.data.folders.preparation import Preparation, preparation_of
from pipeline.data.folders.settings import Settings
from pipeline.data.folders.splits import read_collection, read_split, used
from pipeline.data.image_status import check_failures, image_status, index_of
from pipeline.data.images import write_images
from pipeline.data.inventory import check_unchanged, raw_file, read_inventory
from pipeline.data.picture_files import read_picture, thumbnail
from pipeline.data.preparing import cropped, images_at_a_time
from pipeline.data.stain import TargetStains, TooLittleStainError, learn_target
from pipeline.data.thumbnails import ThumbnailArray, Thumbnails, make_thumbnails
from pipeline.errors import PipelineError
from pipeline.files import atomic, read_csv, remove, write_csv
from pipeline.layout import INTERIM, RAW, SCRATCH, arm_key

COULD_NOT_BE_READ = "could not be read or prepared, see data/interim/<arm>/images_status.csv"


def split_arm(arm: str, settings: Settings) -> pd.DataFrame:
    """Write which image is in which split of an arm, and which images its collection has.

    Returns:
        What :func:`pipeline.data.folders.splits.read_collection` returns, without sources and checksums.
    """
    root, inventory = RAW / settings.collection_of(arm), read_inventory(layout.inventory(arm))
    table = read_collection(root, inventory, settings.collection)
    write_csv(INTERIM / arm / "split.csv", used(table))
    # all images, used or not, so that they are decoded once for all arms of the collection
    pictures = table[(table["left_out"] != NO_PICTURE) & (table["source"] != "")]
    write_csv(INTERIM / arm / "files.csv", pictures[["source", "md5"]])
    return table.drop(columns=["source", "md5"])  # not needed again, and most of its memory


def without_failed(table: pd.DataFrame, status: pd.DataFrame) -> pd.DataFrame:
    """Leave out of the split what could not be prepared, so that a report counts what there is.

    Args:
        table: What :func:`split_arm` returns.
        status: What :func:`prepare_arm` returns.
    """
    failed = table["id"].isin(status.loc[status["status"] == "failed", "id"])
    return table.assign(
        split=table["split"].where(~failed, ""), left_out=table["left_out"].where(~failed, COULD_NOT_BE_READ)
    )


def prepare_arm(
    arm: str, settings: Settings, folder: Path, status_csv: Path, parts_folder: Path, workers: int
) -> tuple[pd.DataFrame, Thumbnails]:
    """Write the prepared array of an arm whose images are split; files are decoded once for all arms that show alike.

    Args:
        arm: Whose images they are.
        settings: Those of the arm, or those that a search tries.
        folder: Where the array goes.
        status_csv: Where it is written what became of each image.
        parts_folder: Keeps what an interrupted run has finished.
        workers: Processes; they change no byte.

    Returns:
        What :func:`pipeline.data.image_status.image_status` says, and the thumbnails.

    Raises:
        PipelineError: If more images failed than ``allowed_failures``.
    """
    preparation = preparation_of(settings, _target_stains(settings, arm))
    thumbnails = _thumbnails(arm, settings, preparation.mode, workers)
    table = read_split(INTERIM / arm / "split.csv")  # not before, so that it has the memory that those needed
    status = image_status(table, thumbnails)
    job = PrepareJob(thumbnails.alone(), preparation)
    items = _items(status, thumbnails, preparation)
    parts = make_parts(job, items, parts_folder, workers, "prepared images", "images")
    status = _with_reasons(status, parts)
    write_csv(status_csv, status[["id", "status", "reason", "warnings"]])
    check_failures(status, settings.prepare_folder.allowed_failures)
    write_images(folder, _images(parts), index_of(table, status), preparation.model_dump(mode="json"))
    remove(parts_folder)
    return status, thumbnails


@dataclass(frozen=True)
class PrepareJob:
    """Prepares some images; travels to the worker processes."""

    thumbnails: ThumbnailArray
    preparation: Preparation

    def __call__(self, item: tuple[list[str], list[int]], part: Path) -> int:
        """Write a part: ``images`` uint8 (n, H, W, C), those that could be prepared, and ``reasons``, one text of each.

        Args:
            item: Names of the images, and their rows among the thumbnails.
            part: Where to.

        Returns:
            The number of images.
        """
        names, rows = item
        normalizer, images, reasons = self.preparation.normalizer(), [], []
        for name, pixels in zip(names, self.thumbnails.read(rows), strict=True):
            try:
                images.append(self.preparation.prepare_thumbnail(pixels, name, normalizer))
                reasons.append("")
            except TooLittleStainError as error:
                reasons.append(f"{name}: {error}")
        side, channels = self.preparation.steps.working_size, 3 if self.preparation.steps.colour else 1
        none = np.empty((0, side, side, channels), np.uint8)
        with atomic(part) as unfinished:
            whole = np.stack(images) if images else none
            np.savez(unfinished, images=whole, reasons=np.array(reasons, str), failed=False)
        return len(names)


def _thumbnails(arm: str, settings: Settings, mode: str, workers: int) -> Thumbnails:
    collection, inventory = settings.collection_of(arm), read_inventory(layout.inventory(arm))
    files = read_csv(INTERIM / arm / "files.csv", ["source", "md5"], ("source", "md5"), "run `dvc repro`")
    section, own = settings.collection, layout_of(settings.collection)
    # of which images there are: arms of others would remove these
    scratch = SCRATCH / "thumbnails" / Path(collection, section.layout, section.file or "", section.part)
    size = settings.prepare_folder.thumbnail_size
    return make_thumbnails(
        RAW / collection, files, inventory, size, scratch, workers, mode, own.split_path, own.read_records
    )


def _items(
    status: pd.DataFrame, thumbnails: Thumbnails, preparation: Preparation
) -> list[tuple[str, tuple[list[str], list[int]]]]:
    """Divide the images that could be read among parts, each under a key of all that it depends on."""
    read, items = status[status["status"] == "ok"], []
    count = images_at_a_time(preparation.steps)
    for start in range(0, len(read), count):
        own = read.iloc[start : start + count]
        item = (own["id"].tolist(), own["row"].tolist())
        items.append((scratch_key(preparation, thumbnails.key, item), item))
    return items


def _with_reasons(status: pd.DataFrame, parts: list[Path]) -> pd.DataFrame:
    status = status.copy()
    reasons = []
    for part in parts:
        with np.load(part, allow_pickle=False) as content:
            reasons += content["reasons"].tolist()
    read = status["status"] == "ok"
    status.loc[read, "reason"] = reasons
    status.loc[read & (status["reason"] != ""), "status"] = "failed"
    return status


def _images(parts: list[Path]) -> Iterator[np.ndarray]:
    for part in parts:
        with np.load(part, allow_pickle=False) as content:
            yield content["images"]


def _target_stains(settings: Settings, arm: str) -> TargetStains | None:
    """Learn the stains of the target image, made as all others."""
    steps = settings.prepare_folder
    if steps.stain is None or steps.stain.method == "none":
        return None
    key, file = arm_key(arm, "prepare_folder.stain.target"), steps.stain.target
    path = raw_file(RAW / settings.collection_of(arm), file, key)
    if not path.is_file():
        raise PipelineError(f"{key} names {file}, but {path} is missing: name an image of the collection")
    check_unchanged(RAW / settings.collection_of(arm), read_inventory(layout.inventory(arm)), [file])
    image, _ = read_picture(path.read_bytes(), file, "RGB")
    pixels = cropped(np.asarray(thumbnail(image, steps.thumbnail_size)), steps)
    try:
        with threadpool_limits(1):  # as in the processes: sums over pixels must not depend on the number of cores
            return learn_target(pixels, steps.stain)
    except TooLittleStainError as error:
        raise PipelineError(f"{key}: {error}; choose a well stained image") from error
