"""Files inside tar.gz archives, read one after the other without unpacking anything."""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = (".tar.gz", ".tgz")
# No image of a collection is larger; an archive of a few kB can claim any size.
LARGEST_MEMBER = 256 * 2**20


def is_archive(path: str) -> bool:
    """Tell whether a file is an archive whose members count as files of the collection."""
    return path.endswith(SUFFIXES)


def split_source(source: str) -> tuple[str, str]:
    """Split a path into the archive that holds the file, empty for a plain file, and its path in there."""
    parts = PurePosixPath(source).parts
    for i, part in enumerate(parts[:-1]):
        if is_archive(part):
            return "/".join(parts[: i + 1]), "/".join(parts[i + 1 :])
    return "", source


def read_members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Read the files in an archive in their order.

    Args:
        archive: A tar.gz file.

    Yields:
        Path in the archive and content. Links and devices are passed over.

    Raises:
        PipelineError: If the archive is damaged, or a member is too large or has a path that leads out of it.
    """
    with archive.open("rb") as file:
        yield from _members(file, archive)


def list_members(archive: Path) -> tuple[str, list[tuple[str, int, str]]]:
    """Read an archive once.

    Args:
        archive: A tar.gz file.

    Returns:
        The MD5 of the archive, and path, bytes and MD5 of every file in it.

    Raises:
        PipelineError: As :func:`read_members`.
    """
    with archive.open("rb") as file:
        hashing = _HashingReader(file)
        reader = io.BufferedReader(hashing, 2**20)
        members = [(name, len(content), _md5(content)) for name, content in _members(reader, archive)]
        while reader.read(2**22):
            pass
        return hashing.md5.hexdigest(), members


class _HashingReader(io.RawIOBase):
    """Passes a file on and takes its checksum on the way."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.md5 = hashlib.md5(usedforsecurity=False)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count = self._file.readinto(buffer)
        self.md5.update(memoryview(buffer)[:count])
        return count


def _members(file: BinaryIO, archive: Path) -> Iterator[tuple[str, bytes]]:
    try:
        # "r|": as a stream, so that memory does not grow with the archive. Inflated by gzip, since the stream of
        # tarfile takes an archive that was cut off for a whole one.
        with gzip.GzipFile(fileobj=file) as inflated, tarfile.open(fileobj=inflated, mode="r|") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if not member.isfile():
                    continue
                if path.is_absolute() or ".." in path.parts:
                    raise PipelineError(f"{archive}: the member {member.name!r} leads out of it; do not use it")
                if member.size > LARGEST_MEMBER:
                    raise PipelineError(f"{archive}: the member {member.name!r} claims {member.size} bytes")
                content = tar.extractfile(member)
                yield str(path), content.read() if content else b""
            while inflated.read(2**22):
                pass
    # ValueError and RecursionError: what tarfile makes of headers that no program writes
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, RecursionError) as error:
        raise PipelineError(f"{archive} is not a whole tar.gz archive ({error}): download it again") from error


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
