"""DICOM files: real ones that come with pydicom, and drawn ones."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, FileMetaDataset, Sequence, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

RAMP = np.add.outer(np.arange(40), 50 * np.arange(40)).astype(np.uint16)  # 0 to 1989, all of 0 to 39 and more


def real(name: str) -> bytes:
    """A file of pydicom's, or of pydicom-data; nothing is downloaded."""
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def drawn(
    pixels: np.ndarray = RAMP,
    bits: int = 12,
    syntax: str = ExplicitVRLittleEndian,
    frame: bytes | None = None,
    **elements: Any,
) -> bytes:
    """An X-ray of a chest.

    Args:
        pixels: Gray, of 8 or 16 bits with or without sign, (H, W); or RGB, uint8 (H, W, 3).
        bits: That are stored.
        syntax: How the file is written.
        frame: The pixels, compressed; without, they are written as they are.
        **elements: Other values, by keyword; None leaves one out.
    """
    big = syntax.endswith("1.2.2")
    data = Dataset()
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = generate_uid(entropy_srcs=["a test"])
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.PatientName, data.PatientID = "Secret^Name", "SECRET-ID"
    data.PresentationIntentType = "FOR PRESENTATION"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    data.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = 8 * pixels.itemsize
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in elements.items():
        if value is None:
            del data[keyword]
        else:
            setattr(data, keyword, value)
    raw = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
    data.PixelData = raw if frame is None else encapsulate([frame])
    data["PixelData"].VR = "OW" if pixels.itemsize == 2 else "OB"
    data["PixelData"].is_undefined_length = frame is not None
    return written(data, syntax)


def slide_level(image: np.ndarray, microns: float, tile: int = 256) -> bytes:
    """One level of a slide, uint8 RGB (H, W, 3), as a file of its series; sides are multiples of the tile's."""
    rows, columns = image.shape[0] // tile, image.shape[1] // tile
    frames = image.reshape(rows, tile, columns, tile, 3).swapaxes(1, 2)
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = (
        VLWholeSlideMicroscopyImageStorage,
        generate_uid(entropy_srcs=[str(microns)]),
    )
    data.StudyInstanceUID = data.SeriesInstanceUID = data.FrameOfReferenceUID = generate_uid(entropy_srcs=["series"])
    data.Modality, data.ImageType = "SM", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    data.DimensionOrganizationType = "TILED_FULL"
    data.TotalPixelMatrixRows, data.TotalPixelMatrixColumns = image.shape[:2]
    data.Rows = data.Columns = tile
    data.NumberOfFrames, data.SamplesPerPixel, data.PlanarConfiguration = rows * columns, 3, 0
    data.PhotometricInterpretation = "RGB"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    measures, shared, path = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [microns / 1000] * 2
    shared.PixelMeasuresSequence = Sequence([measures])
    path.OpticalPathIdentifier = "1"
    data.SharedFunctionalGroupsSequence, data.OpticalPathSequence = Sequence([shared]), Sequence([path])
    data.PixelData = np.ascontiguousarray(frames).tobytes()
    return written(data, ExplicitVRLittleEndian)


def written(data: Dataset, syntax: str) -> bytes:
    """The file of a data set."""
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    content = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # of values that are wrong on purpose
        dcmwrite(content, data, enforce_file_format=True)
    return content.getvalue()


def table_of(entries: list[int], first: int, bits: int = 16) -> Sequence:
    """A sequence with one look-up table."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return Sequence([item])
