"""Packs X-rays of NIH ChestX-ray14, shrunk, into the archive that comes with the repository.

``python -m pipeline.demo.nih_sample FOLDER``, where the folder has the layout of the data set: metadata, two lists of
names, and the files that the metadata name below ``images/``. The same folder gives the same bytes.
"""

import argparse
import gzip
import io
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from pipeline.data.picture_files import read_picture, thumbnail
from pipeline.data.xrays.nih_metadata import METADATA, read_index
from pipeline.data.xrays.splits import OFFICIAL_LISTS
from pipeline.errors import errors_in_one_sentence
from pipeline.files import atomic
from pipeline.layout import sample

NAME = "nih_sample"
SIDE = 96  # in pixels: the middle 72 of them, as much as NIH's arms take, are more than the 64 that the network sees


def pack(folder: Path, archive: Path) -> int:
    """Write the archive.

    Args:
        folder: The collection, with PNG files of any size.
        archive: The tar.gz to write.

    Returns:
        The number of X-rays.

    Raises:
        PipelineError: If metadata or an X-ray cannot be read.
    """
    metadata = folder / METADATA[0]
    texts = [metadata, *(folder / name for name in OFFICIAL_LISTS.values())]
    members = {file.name: file.read_bytes() for file in texts}
    names = read_index(metadata)["id"]
    members |= {f"images/{name}": _shrunk((folder / "images" / name).read_bytes(), name) for name in names}
    # No time, user or file name in either header, so that the same content is the same bytes.
    with (
        atomic(archive) as partial,
        partial.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as deflated,
        tarfile.open(fileobj=deflated, mode="w") as tar,
    ):
        for path, content in sorted(members.items()):
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return len(names)


def _shrunk(content: bytes, name: str) -> bytes:
    image, _ = read_picture(content, name, "L")
    written = io.BytesIO()
    thumbnail(image, SIDE).save(written, "PNG", optimize=True)
    return written.getvalue()


def main(words: Sequence[str]) -> None:
    """Pack the folder that is named."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.demo.nih_sample", description=__doc__)
    parser.add_argument("folder", type=Path, help="the X-rays, in the layout of NIH ChestX-ray14")
    archive = sample(NAME)
    count = pack(parser.parse_args(words).folder, archive)
    print(f"{archive}: {count} X-rays, {archive.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    with errors_in_one_sentence():
        main(sys.argv[1:])
