"""The array contract: what the slide and X-ray branches hand over, and all that training and evaluation see.

``data/prepared/<arm>/`` holds ``images.npy`` (uint8, N×H×W×C), ``index.csv``, whose row i describes image i, and
``preparation.json``, which says how they were made, so that a new image can be made alike, and what they are: their
``kind``, ``unit`` (what is judged: a slide, of which there are several images, or a patient), ``image`` (what one image
is: a tile, an X-ray) and ``generated`` (whether they are drawn, not of patients).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import PipelineError
from pipeline.files import atomic, read_csv, read_json, write_csv, write_json

COLUMNS = ["id", "split", "label", "findings", "group", "source", "x", "y"]
TEXTS = ("id", "split", "findings", "group", "source")
# What numpy raises for files that hold no array, or whose header cannot be one.
NO_ARRAY = (ValueError, TypeError, EOFError, OSError, SyntaxError, MemoryError, OverflowError, TokenError)
SPLITS = ("train", "val", "test")
AGAIN = "run `dvc repro`, whose earlier stages prepare the arm"


@dataclass(frozen=True)
class Images:
    """The prepared images of one arm.

    Attributes:
        pixels: uint8 (N, H, W, C), values 0–255, memory-mapped when read from a file.
        index: One row per image: ``id`` (unique), ``split`` (train, val or test), ``label`` (0 normal,
            1 abnormal), ``findings`` (joined by a bar, empty when normal), ``group`` (slide or patient),
            ``source`` (file relative to the raw folder), ``x`` and ``y`` (level-0 pixels of a tile's upper
            left corner, 0 for X-rays).
        preparation: What ``preparation.json`` says.
    """

    pixels: np.ndarray
    index: pd.DataFrame
    preparation: dict[str, Any]

    def rows(self, split: str, label: int | None = None) -> np.ndarray:
        """Return the row numbers of a split, of one label if given, as int64 (n,)."""
        chosen = self.index["split"] == split
        if label is not None:
            chosen &= self.index["label"] == label
        return np.flatnonzero(chosen.to_numpy())


def write_images(folder: Path, parts: Iterable[np.ndarray], index: pd.DataFrame, preparation: dict[str, Any]) -> None:
    """Write an arm's images part by part, so that memory does not grow with their number.

    Args:
        folder: The arm's folder, created or replaced as a whole.
        parts: Arrays uint8 (n, H, W, C) that follow each other in the order of ``index``.
        index: The table described at :class:`Images`.
        preparation: What ``preparation.json`` is to say, as JSON.

    Raises:
        PipelineError: If the table breaks the contract or the parts do not add up to its rows.
    """
    check_index(index, str(folder))
    with atomic(folder) as partial:
        partial.mkdir()
        # Not through a memory map: on a full disk, writing to one kills the process without a word.
        with (partial / "images.npy").open("wb") as file:
            written = 0
            shape: tuple[int, ...] | None = None
            for part in parts:
                if shape is None:
                    shape = (len(index), *part.shape[1:])
                    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                if part.shape[1:] != shape[1:] or written + len(part) > len(index):
                    raise PipelineError(f"{folder}: a part of shape {part.shape} does not fit {shape}")
                file.write(np.ascontiguousarray(part, np.uint8).data)
                written += len(part)
        if shape is None or written != len(index):
            raise PipelineError(f"{folder}: {written} images were made for {len(index)} rows of the index")
        write_csv(partial / "index.csv", index[COLUMNS])
        write_json(partial / "preparation.json", preparation)


def read_images(folder: Path) -> Images:
    """Open an arm's images and check the contract.

    Returns:
        The memory-mapped images with their index.

    Raises:
        PipelineError: If a file is missing or unreadable, or array and index break the contract.
    """
    preparation = read_json(folder / "preparation.json", AGAIN)
    try:
        pixels = np.lib.format.open_memmap(folder / "images.npy", mode="r")
    except FileNotFoundError as error:
        raise PipelineError(f"{folder / 'images.npy'} is missing: {AGAIN}") from error
    except NO_ARRAY as error:
        raise PipelineError(f"{folder / 'images.npy'} is not a whole array file: {AGAIN}") from error
    index = read_csv(folder / "index.csv", COLUMNS, TEXTS, AGAIN)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise PipelineError(
            f"{folder / 'images.npy'}: expected uint8 N×H×W×C, found {pixels.dtype} {pixels.shape}: {AGAIN}"
        )
    if len(pixels) != len(index):
        raise PipelineError(f"{folder}: images.npy holds {len(pixels)} images, index.csv {len(index)} rows: {AGAIN}")
    check_index(index, str(folder / "index.csv"))
    return Images(pixels, index, preparation)


def check_index(index: pd.DataFrame, where: str) -> None:
    """Check columns, values and the separation of groups.

    Args:
        index: The table described at :class:`Images`.
        where: The file or folder to name in an error.

    Raises:
        PipelineError: If a column is missing, an id is used twice, a split or label is unknown, a training
            image is abnormal, or a group has images in two splits.
    """
    missing = [column for column in COLUMNS if column not in index]
    if missing:
        raise PipelineError(f"{where}: column {missing[0]!r} is missing")
    twice = index.loc[index["id"].duplicated(), "id"]
    if len(twice):
        raise PipelineError(f"{where}: the id {twice.iloc[0]!r} stands in more than one row")
    for column, allowed in (("split", SPLITS), ("label", (0, 1))):
        wrong = index.loc[~index[column].isin(allowed), column]
        if len(wrong):
            raise PipelineError(f"{where}: {column} {wrong.tolist()[0]!r} is not one of {allowed}")
    abnormal = index.loc[(index["split"] == "train") & (index["label"] == 1), "id"]
    if len(abnormal):
        raise PipelineError(
            f"{where}: the training image {abnormal.iloc[0]!r} is abnormal; training takes normals only"
        )
    check_groups(index, where)


def check_groups(index: pd.DataFrame, where: str) -> None:
    """Check that no group (patient or slide) has images in two splits.

    Raises:
        PipelineError: Naming the first such group and its splits.
    """
    pairs = index[["group", "split"]].drop_duplicates()
    shared = pairs.loc[pairs["group"].duplicated(), "group"]
    if len(shared):
        splits = sorted(pairs.loc[pairs["group"] == min(shared), "split"])
        raise PipelineError(f"{where}: group {min(shared)!r} is in the splits {', '.join(splits)}")
