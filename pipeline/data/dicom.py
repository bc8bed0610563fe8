"""One DICOM file to one image of 8 bits, and what is refused, whatever it shows."""

import io

import numpy as np
from PIL import Image
from pydicom import Dataset

from pipeline.data.dicom_grays import gray_pixels
from pipeline.data.dicom_header import DicomError, code, errors_of, named, read_header, whole_number
from pipeline.data.dicom_pixels import COMPRESSED, PLAIN, stored_pixels
from pipeline.data.picture_files import check_size

# All that is read of a file.
ELEMENTS = (
    "Modality",
    "PresentationIntentType",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "PixelData",
)
GRAY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def read_dicom(content: bytes, name: str, mode: str) -> tuple[Image.Image, bool]:
    """Decode a DICOM file that holds one image.

    Gray ones are shown as :func:`pipeline.data.dicom_grays.gray_pixels` says; those in colour are RGB.

    Args:
        content: Of the file.
        name: Its name, for errors.
        mode: ``L`` for gray or ``RGB``.

    Returns:
        See :func:`pipeline.data.picture_files.read_picture`.

    Raises:
        PipelineError: If the file is not whole, or holds no image that can be shown: see :func:`_check`; the size is
            taken from the header, before anything is decoded.
    """
    with errors_of(name):
        dataset = read_header(io.BytesIO(content), ELEMENTS)
        _check(dataset)
        check_size((dataset.Columns, dataset.Rows), name)
        pixels = stored_pixels(dataset)
        if dataset.SamplesPerPixel == 1:
            return Image.fromarray(gray_pixels(pixels, dataset)).convert(mode), False
        return Image.fromarray(pixels).convert(mode), bool(np.ptp(pixels, axis=2).any())


def _check(dataset: Dataset) -> None:
    """Refuse all that is not one image for the eye, of 8 to 16 bits, in a form that can be decoded."""
    if "PixelData" not in dataset:
        of = f" ({named('Modality')} is {modality!r})" if (modality := code(dataset, "Modality")) else ""
        raise DicomError(f"it holds no pixels, or is cut off before them{of}: leave it out, or export it again")
    frames = whole_number(dataset, "NumberOfFrames", default=1)
    if frames != 1:
        raise DicomError(f"{named('NumberOfFrames')} is {frames}: save the one that is meant in a file of its own")
    if (intent := code(dataset, "PresentationIntentType")) == "FOR PROCESSING":
        raise DicomError(f"{named('PresentationIntentType')} is {intent!r}: export the image FOR PRESENTATION")
    if dataset.file_meta.get("TransferSyntaxUID") not in (*PLAIN, *COMPRESSED):
        what = f"{named('TransferSyntaxUID')} is missing, or names a compression that is not read"
        raise DicomError(f"{what}: export the image uncompressed")
    _check_pixels(dataset)


def _check_pixels(dataset: Dataset) -> None:
    shown, samples = code(dataset, "PhotometricInterpretation"), whole_number(dataset, "SamplesPerPixel")
    if (shown, samples) not in [*((gray, 1) for gray in GRAY), *((colour, 3) for colour in COLOUR)]:
        what = f"{named('PhotometricInterpretation')} is {shown!r}, {named('SamplesPerPixel')} {samples}"
        raise DicomError(f"{what}: export the image in gray or RGB")
    allocated, stored = whole_number(dataset, "BitsAllocated"), whole_number(dataset, "BitsStored")
    if allocated not in ((8, 16) if samples == 1 else (8,)) or not 8 <= stored <= allocated:
        what = f"{named('BitsStored')} is {stored}, {named('BitsAllocated')} {allocated}"
        raise DicomError(f"{what}: export the image with 8 to 16 bits, in colour with 8")
    if (high := whole_number(dataset, "HighBit", default=stored - 1)) != stored - 1:
        raise DicomError(f"{named('HighBit')} is {high}, but {stored} bits are stored: export the image again")
    if (signed := whole_number(dataset, "PixelRepresentation")) not in (0, 1):
        raise DicomError(f"{named('PixelRepresentation')} is {signed}, neither 0 nor 1: export the image again")
    for keyword in ("Rows", "Columns"):
        whole_number(dataset, keyword)
