"""The key by which a patient's ID in a DICOM file becomes a name that tells nobody who it is.

Names of patients stand in splits, scores and reports, which are shared. A plain checksum of an ID would be found by
trying all IDs of a hospital; without the key, nobody can try.
"""

import hmac
import os
import re
import secrets

from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.layout import RAW

# Holds a key in place of the file, as where several machines prepare one collection.
VARIABLE = "PIPELINE_PATIENT_KEY"
SHORTEST = 16  # characters; shorter ones can be guessed
KEY_FILE = RAW / "patient_key"


def patient_key() -> bytes:
    """Return the key: of the environment variable :data:`VARIABLE`, else of the file, which is made once.

    Raises:
        PipelineError: If the variable is too short, or the file is damaged.
    """
    given = os.environ.get(VARIABLE, "")
    if given:
        if len(given) < SHORTEST:
            raise PipelineError(f"the environment variable {VARIABLE} has less than {SHORTEST} characters: lengthen it")
        return os.fsencode(given)
    if not KEY_FILE.is_file():
        with atomic(KEY_FILE) as unfinished:
            unfinished.touch(0o600)
            unfinished.write_text(secrets.token_hex(32), encoding="ascii")
    key = KEY_FILE.read_bytes()
    if not re.fullmatch(rb"[0-9a-f]{64}\n?", key):
        raise PipelineError(
            f"{KEY_FILE} is damaged: put back a copy of it, or remove it, after which all patients have other names"
        )
    return key.strip()


def pseudonym(patient: str, key: bytes) -> str:
    """Name a patient.

    Args:
        patient: The ID, as a DICOM file has it.
        key: See :func:`patient_key`.

    Returns:
        A letter and 16 hexadecimal digits: no number, and no formula in a spreadsheet.
    """
    return "p" + hmac.new(key, patient.encode("utf-8", "surrogateescape"), "sha256").hexdigest()[:16]
