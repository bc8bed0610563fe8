"""All X-rays of an arm, in parts on disk: memory does not grow with their number, and an interrupted run goes on."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import PIL

from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.inventory import raw_file
from pipeline.params.xrays import EqualizeXrays
from pipeline.workers import process_all
from pipeline.xrays import images

PART = 1000  # images


def prepare_parts(table: pd.DataFrame, root: Path, settings: EqualizeXrays, scratch: Path, workers: int) -> list[Path]:
    """Prepare an arm's images; parts that an interrupted run left behind are kept.

    Args:
        table: The arm's ``split.csv``.
        root: The collection's folder.
        settings: The arm's section.
        scratch: A folder outside the graph. The parts lie in it under a key of files, settings and code.
        workers: Number of processes.

    Returns:
        The parts in the order of ``table``, for :func:`read_status` and :func:`read_pixels`.

    Raises:
        PipelineError: If a file is not there.
    """
    sources = [raw_file(root, source) for source in table["source"]]
    absent = [source for source in sources if not source.is_file()]
    if absent:
        raise PipelineError(
            f"{absent[0]} is gone since the collection was listed: put it back or run `make check-data`"
        )
    folder = scratch / _key(table, settings)
    parts = [folder / f"{start:07d}.npz" for start in range(0, len(sources), PART)]
    missing = [(part, sources[i * PART : (i + 1) * PART]) for i, part in enumerate(parts) if not _is_whole(part)]
    todo = [source for _, chunk in missing for source in chunk]
    results = process_all(partial(_pixels_or_reason, settings=settings), todo, workers, "X-rays")
    for part, chunk in missing:
        _save_part(part, list(islice(results, len(chunk))))
    return parts


def read_status(parts: Sequence[Path], table: pd.DataFrame) -> pd.DataFrame:
    """Return ``id``, ``status`` (ok or failed) and ``reason`` (empty if ok) of every image of ``table``."""
    reasons = np.concatenate([np.load(part, allow_pickle=False)["reasons"] for part in parts])
    status = np.where(reasons == "", "ok", "failed")
    return pd.DataFrame({"id": table["id"].to_numpy(), "status": status, "reason": reasons})


def read_pixels(parts: Sequence[Path]) -> Iterator[np.ndarray]:
    """Yield the images that could be read, uint8 (n, H, W, 1) a part, in order."""
    for part in parts:
        pixels = np.load(part, allow_pickle=False)["pixels"]
        if len(pixels):
            yield pixels


def check_failures(status: pd.DataFrame, allowed: float) -> None:
    """Fail when too many images could not be read.

    Args:
        status: As :func:`read_status` returns it.
        allowed: Share of all images.

    Raises:
        PipelineError: Naming the first failure.
    """
    failed = status[status["status"] == "failed"]
    if len(failed) > allowed * len(status):
        raise PipelineError(
            f"{len(failed)} of {len(status)} images failed, more than the share allowed_failures {allowed}; "
            f"first: {failed['reason'].iloc[0]}"
        )


def index_of(table: pd.DataFrame, status: pd.DataFrame) -> pd.DataFrame:
    """Return the array contract's index of the images that could be read."""
    ok = table[(status["status"] == "ok").to_numpy()]
    return ok.assign(x=0, y=0).reset_index(drop=True)


def _is_whole(part: Path) -> bool:
    """Whether a part is there and all its images could be read; the others may have been repaired since."""
    return part.is_file() and not np.load(part, allow_pickle=False)["reasons"].any()


def _key(table: pd.DataFrame, settings: EqualizeXrays) -> str:
    """Name the scratch folder after all that the pixels depend on."""
    files = table[["source", "md5"]].to_csv(index=False)
    code = Path(images.__file__).read_text(encoding="utf-8")
    text = "\0".join([files, settings.model_dump_json(exclude={"allowed_failures"}), code, PIL.__version__, str(PART)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _pixels_or_reason(source: Path, settings: EqualizeXrays) -> np.ndarray | str:
    try:
        return images.prepare_image(source, settings)
    except PipelineError as error:
        return str(error)


def _save_part(part: Path, results: list[np.ndarray | str]) -> None:
    reasons = np.array([result if isinstance(result, str) else "" for result in results])
    pixels = [result for result in results if isinstance(result, np.ndarray)]
    with atomic(part) as unfinished:
        np.savez(unfinished, reasons=reasons, pixels=np.stack(pixels) if pixels else np.zeros(0, np.uint8))
