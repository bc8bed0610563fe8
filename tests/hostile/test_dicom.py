"""DICOM files, as X-rays are read from them, and as their headers are read for a table."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from imagecodecs import jpeg2k_encode, jpeg8_encode, jpegls_encode
from pydicom import uid

from pipeline.data.dicom_tags import _told
from pipeline.data.xrays.chest import read_xray
from pipeline.errors import PipelineError
from tests.data.dicoms import RAMP, drawn, real, table_of
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pictures import flipped

FILE = "export/IM1"
WHOLE = r"export/IM1 is not a whole DICOM file: export it again"
ENORMOUS = r"export/IM1: it is made of more pieces than any image is: leave it out"
REFUSED = r"^error: export/IM1.*(leave|export)"
SECONDS = 4  # on a machine with other work; nearly all take a hundredth of one

ITEM, UNDEFINED = struct.pack("<HHI", 0xFFFE, 0xE000, 0), 0xFFFFFFFF
OPEN_SEQUENCE, END = struct.pack("<HHI", 8, 0x1140, UNDEFINED), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
OPEN_ITEM, END_OF_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED), struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
PIXELS_OF_WORDS = b"\xe0\x7f\x10\x00OW\0\0"
MANY = 500_000


def element(group: int, number: int, kind: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element in explicit, little endian form, perhaps of another length than it says."""
    long = kind in (b"OB", b"OW", b"SQ", b"UN", b"UT")
    size = len(value) if length is None else length
    return struct.pack("<HH", group, number) + kind + struct.pack("<2xI" if long else "<H", size) + value


def end_of_meta(content: bytes) -> int:
    return 144 + int.from_bytes(content[140:144], "little")


def first(elements: bytes, content: bytes | None = None) -> bytes:
    """A good file before whose elements others stand."""
    good = content or drawn()
    return good[: end_of_meta(good)] + elements + good[end_of_meta(good) :]


def with_pixels_of(claimed: int) -> bytes:
    """A good file whose pixels claim another length."""
    good, size = drawn(), struct.pack("<I", RAMP.nbytes)
    assert PIXELS_OF_WORDS + size in good
    return good.replace(PIXELS_OF_WORDS + size, PIXELS_OF_WORDS + struct.pack("<I", claimed))


def sequence(number: int, items: bytes, length: int | None = None) -> bytes:
    return element(0x0008, number, b"SQ", items, length)


def nested(depth: int) -> bytes:
    """Sequences in sequences that say how long they are."""
    inner = b""
    for _ in range(depth):
        inner = sequence(0x1140, struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner)
    return inner


def of_words(words: int, parts: bytes = b"a\\") -> bytes:
    return struct.pack("<HHI", 8, 5, words * len(parts)) + parts * words


def deflated(payload: bytes) -> bytes:
    """A deflated file of anything."""
    good, deflate = drawn(syntax=uid.DeflatedExplicitVRLittleEndian), zlib.compressobj(9, zlib.DEFLATED, -15)
    return good[: end_of_meta(good)] + deflate.compress(payload) + deflate.flush()


IMPLICIT = drawn(syntax=uid.ImplicitVRLittleEndian)
JPEG_2000 = jpeg2k_encode(RAMP, level=0, codecformat="j2k", reversible=True)
JPEG_LS = jpegls_encode(RAMP)
LOSSLESS = jpeg8_encode(RAMP, lossless=True, bitspersample=12)
RUNS = struct.pack("<16I", 2, 64, 64 + 100_000, *[0] * 13) + b"\x81\x00" * 100_000


def claiming(frame: bytes, marker: bytes, side: int) -> bytes:
    """A JPEG of any kind whose own header claims another size."""
    place = frame.index(marker) + 5
    return frame[:place] + struct.pack(">HH", side, side) + frame[place + 4 :]


def claiming_2000(side: int) -> bytes:
    return JPEG_2000[:8] + struct.pack(">II", side, side) + JPEG_2000[16:]


def compressed(syntax: str, frame: bytes) -> bytes:
    return drawn(syntax=syntax, frame=frame)


def large(syntax: str, frame: bytes) -> bytes:
    """A file of 64 megapixels."""
    return drawn(Rows=8000, Columns=8000, syntax=syntax, frame=frame)


def judge_content(made: bytes | Callable[[], bytes], says: str | Gives | Either) -> None:
    """Read a file as an X-ray, and its header for a table, which never fails, in little time.

    Args:
        made: Its content; where that is large, what makes it.
    """
    content = made() if callable(made) else made
    began = time.perf_counter()
    judge(lambda: read_xray(content, FILE, "L")[0].size, says)
    judge(lambda: _told(io.BytesIO(content), b"key") and None, Gives())
    assert time.perf_counter() - began < SECONDS


@lines(
    Line("good", drawn(), Gives((40, 40))),
    Line("empty", b"", r"it is no DICOM file \(no DICM at byte 128\)"),
    Line("text", b"no picture", r"it is no DICOM file"),
    Line("html_page", b"<!DOCTYPE html><html>404</html>" * 10, r"it is no DICOM file"),
    Line("png_inside", b"\x89PNG\r\n\x1a\n" * 50, r"it is no DICOM file"),
    Line("magic_only", bytes(128) + b"DICM", REFUSED),
    Line("zeros_after_the_magic", bytes(128) + b"DICM" + bytes(5000), REFUSED),
    Line("noise_after_the_magic", bytes(128) + b"DICM" + np.random.default_rng(0).bytes(5000), REFUSED),
    Line("meta_only", drawn()[: end_of_meta(drawn())], REFUSED),
    Line("directory", real("DICOMDIR"), r"Modality|no pixels"),
    Line("trailing_rubbish", drawn() + b"rubbish" * 100, Gives((40, 40))),
    Line("element_of_4_gigabytes", first(element(0x0008, 0x0070, b"UN", b"", 2**32 - 2)), REFUSED),
    Line("code_of_4_gigabytes", first(struct.pack("<HHI", 8, 0x60, 2**32 - 2), IMPLICIT), REFUSED),
    Line("pixels_of_4_gigabytes", with_pixels_of(2**32 - 2), Gives((40, 40))),
    Line("pixels_of_undefined_length", with_pixels_of(UNDEFINED), REFUSED),
    Line("pixels_of_no_length", with_pixels_of(0), REFUSED),
    Line("sequences_nested_5000_deep", first(sequence(0x1140, OPEN_ITEM, UNDEFINED) * 5000), WHOLE),
    Line("sequences_nested_100000_deep", lambda: first(sequence(0x1140, OPEN_ITEM, UNDEFINED) * 100_000), WHOLE),
    Line("sequences_nested_with_lengths", first(nested(1000)), Gives((40, 40))),
    Line("table_nested", first(b"", drawn(VOILUTSequence=table_of([0, 4095], 0, 12))[:-3200]), REFUSED),
    Line("half_a_million_elements", lambda: first(element(0x0008, 0x0060, b"CS", b"") * MANY), ENORMOUS),
    Line("half_a_million_items", lambda: first(sequence(0x1140, ITEM * MANY + END, UNDEFINED)), ENORMOUS),
    Line("half_a_million_tables", lambda: drawn().replace(PIXELS_OF_WORDS, element(0x28, 0x3010, b"SQ", ITEM * MANY)
                                                  + PIXELS_OF_WORDS), ENORMOUS),
    Line("half_a_million_fragments", lambda: compressed(uid.JPEGLSLossless, JPEG_LS).replace(END, ITEM * MANY + END),
         ENORMOUS),
    Line("half_a_million_encodings", lambda: first(of_words(MANY), IMPLICIT), ENORMOUS),
    Line("many_encodings_inside", lambda: first(OPEN_SEQUENCE + OPEN_ITEM + of_words(MANY) + END_OF_ITEM + END,
                                                          IMPLICIT), ENORMOUS),
    Line("encodings_that_are_none", first(element(0x0008, 0x0005, b"CS", b"\\".join([b"NO_SUCH"] * 1000))), Gives()),
    Line("claims_4_gigapixels", drawn(Rows=65535, Columns=65535), "export/IM1 is 65535×65535 px, more than 64 mega"),
    Line("claims_no_pixels", drawn(Rows=0, Columns=0), "export/IM1 is 0×0 px, smaller than 16 px"),
    Line("claims_64_megapixels_of_few", drawn(Rows=8000, Columns=8000), WHOLE),
    Line("deflates_to_300_megabytes", lambda: deflated(bytes(300 * 2**20)), r"cut off or of more than 244 MiB"),
    Line("deflates_to_many_elements", lambda: deflated(element(0x0008, 0x0060, b"CS", b"") * 10 * MANY), ENORMOUS),
    Line("deflated_and_cut", drawn(syntax=uid.DeflatedExplicitVRLittleEndian)[:-30], r"deflated part is cut off"),
    Line("deflated_rubbish", deflated(b"")[:-2] + b"rubbish" * 100, REFUSED),
    Line("says_that_it_is_deflated", drawn().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"), REFUSED),
    Line("jpeg_2000_claims_more", compressed(uid.JPEG2000, claiming_2000(30_000)), WHOLE),
    Line("jpeg_2000_claims_64_megapixels", large(uid.JPEG2000, claiming_2000(8000)), Either(REFUSED)),
    Line("jpeg_2000_cut", compressed(uid.JPEG2000, JPEG_2000[: len(JPEG_2000) // 2]), WHOLE),
    Line("jpeg_ls_claims_more", compressed(uid.JPEGLSLossless, claiming(JPEG_LS, b"\xff\xf7", 30_000)), WHOLE),
    Line("jpeg_ls_claims_64_megapixels", large(uid.JPEGLSLossless, claiming(JPEG_LS, b"\xff\xf7", 8000)), WHOLE),
    Line("jpeg_ls_cut", compressed(uid.JPEGLSLossless, JPEG_LS[: len(JPEG_LS) // 2]), WHOLE),
    Line("lossless_claims_more", compressed(uid.JPEGLossless, claiming(LOSSLESS, b"\xff\xc3", 60_000)), WHOLE),
    Line("lossless_claims_64_megapixels", large(uid.JPEGLossless, claiming(LOSSLESS, b"\xff\xc3", 8000)),
         Either(REFUSED)),
    Line("lossless_cut", compressed(uid.JPEGLossless, LOSSLESS[: len(LOSSLESS) // 2]), WHOLE),
    Line("other_compression_than_it_says", compressed(uid.JPEG2000, JPEG_LS), WHOLE),
    Line("runs_of_more_than_the_frame", lambda: compressed(uid.RLELossless, RUNS), WHOLE),
    Line("runs_of_less", compressed(uid.RLELossless, RUNS[:100]), WHOLE),
    Line("no_frame", compressed(uid.JPEGLSLossless, b"no"), WHOLE),
    Line("window_that_is_no_number", drawn(WindowCenter="1", WindowWidth="1").replace(b"1 ", b"?\0"), REFUSED),
    Line("window_infinite", drawn().replace(PIXELS_OF_WORDS, element(0x28, 0x1050, b"DS", b"1e999 ")
                                            + element(0x28, 0x1051, b"DS", b"1 ") + PIXELS_OF_WORDS),
         r"WindowCenter \(0028,1050\) is no number"),
    Line("table_of_no_entries", drawn(VOILUTSequence=table_of([1], 0)).replace(b"\x02\x30US\6\0\1\0",
                                                                               b"\x02\x30US\6\0\0\0"), REFUSED),
    Line("name_in_place_of_a_code", drawn(Modality="Doe^John"), r"Modality \(0008,0060\) is '\?'"),
    Line("escape_in_place_of_a_code", drawn(Modality="\x1b[31mCR"), r"Modality \(0008,0060\) is '\?'"),
    Line("two_values_of_a_code", drawn(Modality=["CR", "DX"]), r"Modality \(0008,0060\) is '\?'"),
    *(Line(f"cut_at_{place}", drawn()[:place], REFUSED) for place in range(100, len(drawn()), 97)),
)  # fmt: skip
def test_a_file(line: Line) -> None:
    judge_content(line.made, line.says)


GOOD: dict[str, Callable[[], bytes]] = {
    "plain": drawn,
    "implicit": lambda: IMPLICIT,
    "big_endian": lambda: drawn(syntax=uid.ExplicitVRBigEndian),
    "table": lambda: drawn(VOILUTSequence=table_of(list(range(0, 4000, 40)), 0, 12)),
    "deflated": lambda: drawn(syntax=uid.DeflatedExplicitVRLittleEndian),
    "jpeg_2000": lambda: compressed(uid.JPEG2000Lossless, JPEG_2000),
    "jpeg_ls": lambda: compressed(uid.JPEGLSLossless, JPEG_LS),
    "lossless": lambda: compressed(uid.JPEGLossless, LOSSLESS),
}


@pytest.mark.parametrize("name", GOOD)
def test_bits_that_flipped_end_in_an_image_or_in_an_error_that_names_the_file(name: str) -> None:
    good, draw = GOOD[name](), np.random.default_rng(0)
    header = good.index(b"\xe0\x7f\x10\x00") if b"\xe0\x7f\x10\x00" in good else len(good)
    for _ in range(150):
        damaged = flipped(good, int(draw.integers(128, header)), 1 << int(draw.integers(8)))
        damaged = flipped(damaged, int(draw.integers(128, len(good))), int(draw.integers(256)))
        judge_content(damaged, Either(r"^error: export/IM1"))


@pytest.mark.parametrize("name", ["RG3_J2KI.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "test-SR.dcm"])
def test_real_files_cut_at_many_places_are_refused(name: str) -> None:
    whole = real(name)
    for place in np.linspace(0, len(whole) - 10, 40).astype(int):
        with pytest.raises(PipelineError, match=r"^export/IM1.*(leave|export)"):
            read_xray(whole[:place], FILE, "L")
