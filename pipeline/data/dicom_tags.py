"""What the headers of DICOM files say of images: view, patient, age and sex, for collections that do not tell.

Headers are read once. What they say is remembered outside the graph, by the checksum of the file, with a pseudonym in
place of the patient's ID.
"""

import hmac
import io
import re
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pandas as pd
from pydantic import BaseModel, ValidationError

from pipeline import layout
from pipeline.compute.progress import progress_bar
from pipeline.data import dicom_header
from pipeline.data.archives import read_members, split_source
from pipeline.data.dicom_header import code, is_dicom, read_header
from pipeline.data.inventory import READERS, check_unchanged, raw_file
from pipeline.data.patient_key import patient_key, pseudonym
from pipeline.errors import PipelineError
from pipeline.files import write_text

SCRATCH = layout.SCRATCH / "dicom"
COLUMNS = ("view", "patient", "age", "sex")
ELEMENTS = ("ViewPosition", "PatientID", "PatientAge", "PatientSex")
SEXES = ("F", "M", "O")
AGE = re.compile(r"(\d{3})([DWMY])")
WEEKS_OF_A_YEAR = 365.25 / 7

Facts = tuple[str, str, str, str]  # in the order of COLUMNS; empty where the file tells nothing
UNTOLD: Facts = ("", "", "", "")


class Remembered(BaseModel):
    """What was read before: the facts by checksum, None for files that are not DICOM, and what they were read by."""

    read_by: str
    facts: dict[str, Facts | None]


def read_tags(root: Path, inventory: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Read what the headers of some files say.

    Args:
        root: The collection's folder.
        inventory: Its files.
        files: ``source`` and ``md5`` of those that may be DICOM.

    Returns:
        ``dicom`` (whether it is), ``view`` (as a code, also one that is neither PA nor AP), ``patient`` (a pseudonym),
        ``age`` (as tables have it) and ``sex`` (F, M or O), empty where the header does not tell or cannot be read; the
        index is ``source``.

    Raises:
        PipelineError: If a file changed since it was listed, or the key of the patients cannot be read.
    """
    key, scratch = patient_key(), SCRATCH / f"{root.name}.json"
    modules = (Path(__file__), Path(dicom_header.__file__))
    read_by = hmac.new(key, b"".join(module.read_bytes() for module in modules), "sha256").hexdigest()
    facts = _remembered(scratch, read_by)
    unread = files[~files["md5"].isin(facts)]
    if len(unread):
        check_unchanged(root, inventory, {split_source(source)[0] or source for source in unread["source"]}, False)
        try:
            for md5, told in _read(root, unread, key):
                facts[md5] = told
        finally:
            # also when interrupted: what was read need not be read again
            listed = {md5: facts[md5] for md5 in inventory["md5"] if md5 in facts}
            write_text(scratch, Remembered(read_by=read_by, facts=listed).model_dump_json())
    rows = [facts[md5] for md5 in files["md5"]]
    table = pd.DataFrame([row or UNTOLD for row in rows], files["source"], COLUMNS)
    return table.assign(dicom=[row is not None for row in rows])


def _remembered(scratch: Path, read_by: str) -> dict[str, Facts | None]:
    try:
        content = Remembered.model_validate_json(scratch.read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}
    return content.facts if content.read_by == read_by else {}


def _read(root: Path, files: pd.DataFrame, key: bytes) -> Iterator[tuple[str, Facts | None]]:
    """Yield checksum and facts of each file; None for those that are not DICOM."""
    plain: dict[str, str] = {}
    packed: dict[str, dict[str, str]] = {}
    for source, md5 in zip(files["source"], files["md5"], strict=True):
        archive, member = split_source(source)
        (packed.setdefault(archive, {}) if archive else plain)[member] = md5
    with progress_bar() as bar, ThreadPoolExecutor(READERS) as pool:
        task = bar.add_task(f"reading headers in {root}", total=len(plain), note="")
        told = bar.track(pool.map(partial(_told_by_file, root=root, key=key), plain), task_id=task)
        yield from zip(plain.values(), told, strict=True)
    for archive, members in packed.items():
        for member, content in read_members(raw_file(root, archive)):
            if member in members:
                yield members[member], _told(io.BytesIO(content), key)


def _told_by_file(path: str, root: Path, key: bytes) -> Facts | None:
    try:
        with raw_file(root, path).open("rb") as file:
            return _told(file, key)
    except OSError as error:
        raise PipelineError(f"{root / path} cannot be read ({error.strerror}): repair or remove it") from error


def _told(file: BinaryIO, key: bytes) -> Facts | None:
    if not is_dicom(file.read(132)):
        return None
    file.seek(0)
    try:
        header = read_header(file, ELEMENTS)
        patient = unicodedata.normalize("NFC", str(header.get("PatientID") or "").strip())
        sex, age = code(header, "PatientSex"), str(header.get("PatientAge") or "").strip()
        return code(header, "ViewPosition"), pseudonym(patient, key) if patient else "", _age(age), sex * (sex in SEXES)
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises anything; what is wrong with a file is said when its image is read
        if isinstance(error, OSError) and error.errno is not None:  # a disk's; those of pydicom have no number
            raise
        return UNTOLD


def _age(told: str) -> str:
    """Return an age as tables have it, which know no weeks."""
    if not (age := AGE.fullmatch(told)):
        return ""
    number, unit = age.groups()
    return f"{int(number) / WEEKS_OF_A_YEAR:.2f}" if unit == "W" else told
