"""From the stored values of a gray DICOM image to what a viewer shows, in 8 bits.

What becomes of a pixel depends on its value alone, of which there are 65,536 at most: each of them is worked out once,
and the pixels are looked up. Equations and order are those of the standard (PS3.3, C.11.1 and C.11.2).
"""

import numpy as np
from pydicom import Dataset
from scipy.special import expit

from pipeline.data.dicom_header import DicomError, code, first_item, named, real_number, whole_number

STRETCHED = (0.005, 0.995)  # quantiles that become black and white where a file names no window
PARTS = 16  # that pixels are counted in, which takes 8 bytes of memory for each


def gray_pixels(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Show stored pixels as the file says.

    The modality LUT or rescale comes first, then the VOI LUT, else the first window, else the 0.5 to 99.5 percentile of
    the pixels that are no padding; MONOCHROME1 is inverted, and padding is black.

    Args:
        stored: uint16 (H, W), see :func:`pipeline.data.dicom_pixels.stored_pixels`.
        dataset: The header.

    Returns:
        uint8 (H, W).

    Raises:
        DicomError: If a number or table that the header must have is none, or there is nothing to be seen.
        Exception: Anything if an element is damaged.
    """
    values = stored_values(dataset)
    padded = _padding(values, dataset)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        shades = _shades(_of_modality(values, dataset), stored, padded, dataset)
    table = np.round(255 * shades).astype(np.uint8)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        table = 255 - table
    table[padded] = 0
    return np.asarray(table[stored])


def stored_values(dataset: Dataset) -> np.ndarray:
    """Return what the bits of a pixel mean, as int64, for each combination of them."""
    count = 2**dataset.BitsStored
    values = np.arange(count)
    return np.where(values < count // 2, values, values - count) if dataset.PixelRepresentation else values


def _padding(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Tell which values are no part of the image."""
    given = [keyword for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit") if dataset.get(keyword) is not None]
    ends = [whole_number(dataset, keyword) for keyword in given]
    if dataset.PixelRepresentation:  # some devices write a negative value as if its bits were not signed
        ends = [end - 2**dataset.BitsAllocated if end >= 2 ** (dataset.BitsAllocated - 1) else end for end in ends]
    return (values >= min(ends)) & (values <= max(ends)) if ends else np.zeros(len(values), bool)


def _of_modality(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return what the values mean for the device, such as an optical density, as float64."""
    if table := first_item(dataset, "ModalityLUTSequence"):
        return _looked_up(values, table, "ModalityLUTSequence")[0]
    slope, intercept = real_number(dataset, "RescaleSlope"), real_number(dataset, "RescaleIntercept")
    return values * (1.0 if slope is None else slope) + (intercept or 0.0)


def _shades(values: np.ndarray, stored: np.ndarray, padded: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return the shade of each value, 0 to 1."""
    if table := first_item(dataset, "VOILUTSequence"):
        shades, white = _looked_up(np.round(values), table, "VOILUTSequence")
        return np.clip(shades / white, 0, 1)
    center, width = real_number(dataset, "WindowCenter"), real_number(dataset, "WindowWidth")
    if center is None or width is None:
        return _stretched(values, stored, padded)
    return _windowed(values, center, width, code(dataset, "VOILUTFunction") or "LINEAR")


def _looked_up(values: np.ndarray, table: Dataset, keyword: str) -> tuple[np.ndarray, int]:
    """Look values up in a table of a sequence.

    Not by pydicom, which counts the entries of a table in the bits of its values.

    Returns:
        What the table holds for each, float64, and the most that it can hold.
    """
    entries, first, bits = table.LUTDescriptor
    entries = entries or 2**16
    if first >= 2**15 and values.min() < 0:
        first -= 2**16  # a negative value written as if its bits were not signed
    data, order = table.LUTData, "<"
    if isinstance(data, bytes):
        order = "<" if table.original_encoding[1] else ">"
    else:
        data = np.asarray(data, "<u2").tobytes()
    packed = len(data) < 2 * entries  # two entries of 8 bits in a word of 16
    held = np.frombuffer(data, "u1" if packed else f"{order}u2")[:entries].astype(float)
    if len(held) != entries or not (8 if packed else 1) <= bits <= (8 if packed else 16):
        raise DicomError(f"the table in {named(keyword)} is not whole: export the image again, or leave it out")
    return held[np.clip(values - first, 0, entries - 1).astype(int)], 2**bits - 1


def _windowed(values: np.ndarray, center: float, width: float, function: str) -> np.ndarray:
    """Spread what is in a window over all shades (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    least = 1 if function == "LINEAR" else 0
    if width < least or (width == 0 and least == 0):
        raise DicomError(f"{named('WindowWidth')} is {width:g}: export the image with a window, or without any")
    if function == "SIGMOID":
        return np.asarray(expit(4 * (values - center) / width))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    elif function != "LINEAR_EXACT":
        raise DicomError(f"{named('VOILUTFunction')} is {function!r}, which is not read: export the image again")
    if width == 0:
        return np.where(values > center, 1.0, 0.0)
    return np.asarray(np.clip((values - center) / width + 0.5, 0, 1))


def _stretched(values: np.ndarray, stored: np.ndarray, padded: np.ndarray) -> np.ndarray:
    """Spread most of the values that occur over all shades."""
    parts = np.array_split(stored, PARTS)
    counts = np.sum([np.bincount(part.ravel(), minlength=len(values)) for part in parts], axis=0)
    counts[padded] = 0
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(counts[order])
    low, high = (values[order][np.searchsorted(up_to, quantile * up_to[-1])] for quantile in STRETCHED)
    if low == high:
        raise DicomError("nearly all its pixels have one value, and it has no window: leave it out")
    return np.asarray(np.clip((values - low) / (high - low), 0, 1))
