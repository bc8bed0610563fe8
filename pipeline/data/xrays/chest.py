"""Reading the file of one X-ray: a picture, or DICOM that says of itself that it is of a chest from the front."""

import io
from collections.abc import Sequence

from PIL import Image

from pipeline.data.picture_files import format_of, read_picture
from pipeline.data.xrays.nih_metadata import VIEWS

# Computed, digital, and on film that was digitised. Fluoroscopy (RF) and secondary captures (OT) are made otherwise.
MODALITIES = ("CR", "DX", "RG")
# One of these is in what devices write, such as CHEST, Chest/PA or PORT CHEST.
PARTS = ("CHEST", "THORAX", "LUNG")
GRAY = ("MONOCHROME1", "MONOCHROME2")
ELEMENTS = ("Modality", "BodyPartExamined", "ViewPosition", "PhotometricInterpretation")


def read_xray(content: bytes, name: str, mode: str, view: str | None = None) -> tuple[Image.Image, bool]:
    """Decode the file of one X-ray.

    Args:
        content: Of the file.
        name: Its name; the ending says what it must be.
        mode: ``L`` for gray or ``RGB``.
        view: The view that it has to be of where it tells of one; None for PA or AP.

    Returns:
        See :func:`pipeline.data.picture_files.read_picture`.

    Raises:
        PipelineError: If it cannot be read, or is DICOM of another modality, or in colour, or of another body part or
            view where it tells of them; the element and its value are named.
    """
    if format_of(name) == "DICOM":
        _check_chest(content, name, (view,) if view else VIEWS)
    return read_picture(content, name, mode)


def _check_chest(content: bytes, name: str, views: Sequence[str]) -> None:
    # pydicom takes a while to import, and few need it
    from pipeline.data.dicom_header import DicomError, code, errors_of, named, read_header  # noqa: PLC0415

    with errors_of(name):
        header = read_header(io.BytesIO(content), ELEMENTS)
        modality, part, view, shown = (code(header, keyword) for keyword in ELEMENTS)
        if modality not in MODALITIES:
            known = ", ".join(MODALITIES)
            what = f"{named('Modality')} is {modality!r}, no radiograph ({known})"
            raise DicomError(f"{what}: leave the file out, or export it again")
        if part and not any(word in str(header.BodyPartExamined).upper() for word in PARTS):
            raise DicomError(f"{named('BodyPartExamined')} is {part!r}, not the chest: leave the file out")
        if view and view not in views:
            raise DicomError(f"{named('ViewPosition')} is {view!r}, not {' or '.join(views)}: leave the file out")
        if shown and shown not in GRAY:
            raise DicomError(f"{named('PhotometricInterpretation')} is {shown!r}, but X-rays are gray: export it again")
