import subprocess
import sys
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread, uid
from pydicom.data import get_testdata_file

from pipeline.data.picture_files import is_picture, read_picture
from pipeline.errors import PipelineError
from tests.data.dicoms import RAMP, drawn, real, table_of
from tests.import_closure import ROOT

WHOLE = {"WindowCenter": 2048, "WindowWidth": 4096}  # of 12 bits


def gray(content: bytes, name: str = "a.dcm") -> np.ndarray:
    image, colour = read_picture(content, name, "L")
    assert image.mode == "L"
    assert colour is False
    return np.asarray(image)


def windowed(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """The equation of the standard, PS3.3 C.11.2.1.2, for shades from 0 to 255."""
    inside = (values - (center - 0.5)) / (width - 1) + 0.5
    shades = np.where(values <= center - 0.5 - (width - 1) / 2, 0, inside)
    return np.round(255 * np.where(values > center - 0.5 + (width - 1) / 2, 1, shades)).astype(np.uint8)


def refusal(content: bytes, name: str = "a.dcm") -> str:
    with pytest.raises(PipelineError) as error:
        read_picture(content, name, "L")
    assert str(error.value).startswith(name)
    assert "SECRET" not in str(error.value).upper()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_four_ways_to_write_one_chest_show_the_same() -> None:
    plain = gray(real("RG1_UNCR.dcm"))
    assert plain.shape == (1955, 1841)
    np.testing.assert_array_equal(gray(real("RG1_J2KR.dcm")), plain)
    lossy = gray(real("RG1_UNCI.dcm"))
    assert np.abs(gray(real("RG1_J2KI.dcm")).astype(int) - lossy).max() <= 1
    assert np.abs(lossy.astype(int) - plain).max() < 20
    assert np.abs(lossy.astype(int) - plain).mean() < 1


def test_a_chest_of_15_bits_is_shown_by_its_window_and_inverted() -> None:
    stored = np.frombuffer(dcmread(get_testdata_file("RG1_UNCR.dcm", download=False)).PixelData, "<u2")
    shown = gray(real("RG1_UNCR.dcm")).ravel()
    assert np.abs(shown.astype(int) - (255 - windowed(stored.astype(float), 15000, 30000))).max() == 0


def test_a_modality_table_of_a_real_file_is_looked_up() -> None:
    file = dcmread(get_testdata_file("mlut_18.dcm", download=False))
    stored = np.frombuffer(file.PixelData, "<i2").astype(int)
    stored = (stored << 52) >> 52  # twelve of the bits count
    values = np.array([file.ModalityLUTSequence[0].LUTData[value + 2048] for value in stored.tolist()])
    low, high = np.percentile(values, (0.5, 99.5), method="inverted_cdf")
    expected = np.round(255 * np.clip((values - low) / (high - low), 0, 1))
    np.testing.assert_array_equal(gray(real("mlut_18.dcm")).ravel(), expected)


def test_a_voi_table_of_a_real_file_is_looked_up() -> None:
    file = dcmread(get_testdata_file("vlut_04.dcm", download=False))
    table = file.VOILUTSequence[0].LUTData
    expected = np.round(255 * np.array([table[value] for value in file.PixelData]) / 65535)
    np.testing.assert_array_equal(gray(real("vlut_04.dcm")).ravel(), expected)


PLAIN = gray(drawn(**WHOLE))
FRAMES = {
    uid.JPEGLossless: imagecodecs.jpeg8_encode(RAMP, lossless=True, bitspersample=12),
    uid.JPEGLosslessSV1: imagecodecs.ljpeg_encode(RAMP, bitspersample=12),
    uid.JPEGLSLossless: imagecodecs.jpegls_encode(RAMP),
    uid.JPEG2000Lossless: imagecodecs.jpeg2k_encode(RAMP, level=0, codecformat="j2k", reversible=True),
    uid.JPEG2000: imagecodecs.jpeg2k_encode(RAMP, level=0, codecformat="jp2", reversible=True),
    uid.HTJ2KLossless: imagecodecs.htj2k_encode(RAMP),
    uid.HTJ2K: imagecodecs.htj2k_encode(RAMP),
}


@pytest.mark.parametrize("syntax", FRAMES, ids=lambda syntax: syntax.name)
def test_a_compressed_frame_shows_what_an_uncompressed_one_does(syntax: uid.UID) -> None:
    np.testing.assert_array_equal(gray(drawn(syntax=syntax, frame=FRAMES[syntax], **WHOLE)), PLAIN)


def test_a_frame_of_run_lengths_shows_what_an_uncompressed_one_does() -> None:
    np.testing.assert_array_equal(gray(real("MR_small_RLE.dcm")), gray(real("MR_small.dcm")))


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (uid.JPEGExtended12Bit, imagecodecs.jpeg8_encode(RAMP, level=99, bitspersample=12)),
        (uid.JPEGLSNearLossless, imagecodecs.jpegls_encode(RAMP, level=2)),
    ],
)
def test_a_lossy_frame_shows_nearly_what_an_uncompressed_one_does(syntax: uid.UID, frame: bytes) -> None:
    shown = gray(drawn(syntax=syntax, frame=frame, **WHOLE))
    assert np.abs(shown.astype(int) - PLAIN).max() <= 1


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian],
    ids=lambda syntax: syntax.name,
)
@pytest.mark.parametrize("kind", ["u1", "u2", "i2"])
def test_how_a_file_is_written_does_not_show(syntax: uid.UID, kind: str) -> None:
    pixels = (RAMP // 8 if kind == "u1" else RAMP).astype(kind)
    elements: dict[str, Any] = {"bits": 8 if kind == "u1" else 12, "PixelPaddingValue": 7}
    np.testing.assert_array_equal(gray(drawn(pixels, syntax=syntax, **elements)), gray(drawn(pixels, **elements)))


def test_a_deflated_file_of_pydicom_is_read() -> None:
    assert gray(real("image_dfl.dcm")).shape == (512, 512)


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("signed", [False, True])
def test_8_to_16_bits_with_and_without_sign_fill_all_shades(bits: int, signed: bool) -> None:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    values = np.linspace(low, high, 1600).round().astype(np.int64).reshape(40, 40)
    pixels = values.astype(f"{'iu'[not signed]}{1 if bits == 8 else 2}")
    shown = gray(drawn(pixels, bits, WindowCenter=(low + high + 1) / 2, WindowWidth=high - low + 1))
    np.testing.assert_array_equal(shown, np.round(255 * (values - low) / (high - low)))


def test_bits_above_the_stored_ones_are_ignored() -> None:
    overlaid = RAMP | np.where(np.eye(40, dtype=bool), 0xF000, 0).astype(np.uint16)
    np.testing.assert_array_equal(gray(drawn(overlaid, **WHOLE)), PLAIN)


def test_without_a_window_the_middle_99_percent_of_the_pixels_fill_all_shades() -> None:
    low, high = np.percentile(RAMP, (0.5, 99.5), method="inverted_cdf")
    values = RAMP.astype(float)
    np.testing.assert_array_equal(gray(drawn()), np.round(255 * np.clip((values - low) / (high - low), 0, 1)))


def test_the_first_of_several_windows_is_taken() -> None:
    shown = gray(drawn(WindowCenter=[1000, 40], WindowWidth=[500, 80]))
    np.testing.assert_array_equal(shown, windowed(RAMP.astype(float), 1000, 500))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR_EXACT", lambda x: np.clip((x - 1000) / 500 + 0.5, 0, 1)),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 1000) / 500))),
    ],
)
def test_a_window_may_be_exact_or_a_sigmoid(function: str, expected: Any) -> None:
    shown = gray(drawn(WindowCenter=1000, WindowWidth=500, VOILUTFunction=function))
    np.testing.assert_array_equal(shown, np.round(255 * expected(RAMP.astype(float))))


def test_a_window_of_width_one_is_a_threshold() -> None:
    np.testing.assert_array_equal(gray(drawn(WindowCenter=1000, WindowWidth=1)), np.where(RAMP >= 1000, 255, 0))


def test_a_window_is_of_rescaled_values() -> None:
    shown = gray(drawn(RescaleSlope=2, RescaleIntercept=-500, WindowCenter=1000, WindowWidth=500))
    np.testing.assert_array_equal(shown, windowed(2.0 * RAMP - 500, 1000, 500))


def test_a_table_comes_before_a_window_and_its_ends_hold_beyond_it() -> None:
    shown = gray(drawn(VOILUTSequence=table_of([100, 200, 4095], 10, 12), WindowCenter=1000, WindowWidth=500))
    expected = np.select([RAMP <= 10, RAMP == 11], [100, 200], 4095)
    np.testing.assert_array_equal(shown, np.round(255 * expected / 4095))


def test_a_table_of_8_bits_may_have_more_entries_than_they_count() -> None:
    entries = [min(255, value // 7) for value in range(2000)]
    np.testing.assert_array_equal(gray(drawn(VOILUTSequence=table_of(entries, 0, 8))), np.minimum(RAMP // 7, 255))


def test_a_table_may_begin_below_zero() -> None:
    pixels = RAMP.astype(np.int16) - 1000
    shown = gray(drawn(pixels, 12, ModalityLUTSequence=table_of(list(range(0, 4000, 2)), -1000), **WHOLE))
    np.testing.assert_array_equal(shown, windowed(2.0 * RAMP, 2048, 4096))


def test_what_is_bright_in_monochrome1_is_dark() -> None:
    np.testing.assert_array_equal(gray(drawn(PhotometricInterpretation="MONOCHROME1", **WHOLE)), 255 - PLAIN)
    np.testing.assert_array_equal(gray(drawn(PhotometricInterpretation="MONOCHROME1")), 255 - gray(drawn()))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("kind", "padding"),
    [
        ("u2", {"PixelPaddingValue": 4095}),
        ("u2", {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 3000}),
        ("i2", {"PixelPaddingValue": -2048}),
        ("i2", {"PixelPaddingValue": -2048, "PixelPaddingRangeLimit": -1000}),
    ],
)
def test_padding_is_black_and_counts_for_nothing(photometric: str, kind: str, padding: dict[str, int]) -> None:
    pixels = RAMP.astype(kind)
    padded = pixels.copy()
    padded[:, :5] = padding["PixelPaddingValue"]
    padded[:, 5:10] = padding.get("PixelPaddingRangeLimit", padding["PixelPaddingValue"])
    expected = np.zeros_like(RAMP, np.uint8)
    expected[:, 10:] = gray(drawn(np.ascontiguousarray(pixels[:, 10:]), PhotometricInterpretation=photometric))
    shown = gray(drawn(padded, PhotometricInterpretation=photometric, **padding))
    np.testing.assert_array_equal(shown, expected)


def test_negative_padding_may_be_written_as_if_it_had_no_sign() -> None:
    pixels = RAMP.astype(np.int16)
    pixels[0] = -2000
    content = drawn(pixels, PixelPaddingValue=-2000)
    assert content.count(b"\x28\x00\x20\x01SS") == 1
    as_unsigned = content.replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US")
    np.testing.assert_array_equal(gray(as_unsigned), gray(content))
    assert not gray(content)[0].any()


stored_values = st.lists(st.integers(0, 4095), min_size=256, max_size=256)


@settings(max_examples=60, deadline=None)
@given(
    values=stored_values,
    window=st.none() | st.tuples(st.floats(-1000, 5000), st.floats(1, 8000)),
    slope=st.floats(0.001, 100),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_what_is_stored_brighter_is_never_shown_darker(
    values: list[int], window: tuple[float, float] | None, slope: float, function: str
) -> None:
    values[:3] = 0, 2000, 4000
    elements: dict[str, Any] = {"RescaleSlope": f"{slope:.6g}", "RescaleIntercept": -100, "VOILUTFunction": function}
    if window:
        elements |= {"WindowCenter": f"{window[0]:.6g}", "WindowWidth": f"{window[1]:.6g}"}
    pixels = np.array(values, np.uint16).reshape(16, 16)
    shown = gray(drawn(pixels, **elements)).ravel()
    assert (np.diff(shown[np.argsort(values)].astype(int)) >= 0).all()


COLOUR = ["SC_rgb.dcm", "SC_rgb_expb.dcm", "SC_ybr_full_uncompressed.dcm", "SC_ybr_full_422_uncompressed.dcm",
          "color-pl.dcm", "SC_rgb_rle.dcm", "SC_rgb_jpeg.dcm", "SC_jpeg_no_color_transform.dcm",
          "SC_jpeg_no_color_transform_2.dcm",
          "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_gdcm_KY.dcm",
          "US1_J2KR.dcm", "US1_J2KI.dcm", "examples_rgb_color.dcm"]  # fmt: skip


@pytest.mark.parametrize("name", COLOUR)
def test_colours_are_those_that_pydicom_decodes(name: str) -> None:
    image, colour = read_picture(real(name), name, "RGB")
    assert colour is True
    file = dcmread(get_testdata_file(name, download=False))
    np.testing.assert_array_equal(np.asarray(image), file.pixel_array)
    np.testing.assert_array_equal(
        np.asarray(read_picture(real(name), name, "L")[0]), np.asarray(Image.fromarray(file.pixel_array).convert("L"))
    )


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb.dcm"),
        ("SC_rgb_jls_lossy_line.dcm", "SC_rgb.dcm"),
        ("SC_rgb_jls_lossy_sample.dcm", "SC_rgb.dcm"),
    ],
)
def test_colours_that_pydicom_alone_does_not_decode(name: str, same: str) -> None:
    shown, expected = (np.asarray(read_picture(real(one), one, "RGB")[0]).astype(int) for one in (name, same))
    assert np.abs(shown - expected).max() <= 3


def test_gray_in_colour_has_three_equal_channels() -> None:
    image, colour = read_picture(drawn(**WHOLE), "a.dcm", "RGB")
    assert colour is False
    np.testing.assert_array_equal(np.asarray(image), np.dstack([PLAIN] * 3))


def test_an_ultrasound_of_lossless_jpeg_is_read() -> None:
    shown = gray(real("JPGLosslessP14SV1_1s_1f_8b.dcm"))
    assert shown.shape == (768, 1024)
    frame = dcmread(get_testdata_file("JPGLosslessP14SV1_1s_1f_8b.dcm", download=False)).PixelData
    stored = imagecodecs.ljpeg_decode(frame[frame.index(b"\xff\xd8") :])
    np.testing.assert_array_equal(shown, windowed(stored.astype(float), 127, 254))


def test_a_file_without_an_ending_is_read_by_its_content() -> None:
    for name in ("IM000001", "1.2.840.113619", "export/a.b/I7"):
        np.testing.assert_array_equal(gray(drawn(**WHOLE), name), PLAIN)
    assert [is_picture(name) for name in ("a.dcm", "A.DCM", "IM000001")] == [True, True, False]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_an_ending_says_what_must_be_inside(name: str) -> None:
    assert "is not a whole" in refusal(drawn(), name)


@pytest.mark.parametrize("name", ["no_meta.dcm", "ExplVR_LitEndNoMeta.dcm", "README.txt"])
def test_what_does_not_begin_like_dicom_is_none(name: str) -> None:
    assert "it is no DICOM file (no DICM at byte 128)" in refusal(real(name))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (real("test-SR.dcm"), r"it holds no pixels, .* (Modality (0008,0060) is 'SR'): leave it out"),
        (real("rtplan.dcm"), r"it holds no pixels, .* (Modality (0008,0060) is 'RTPLAN')"),
        (real("examples_ybr_color.dcm"), "NumberOfFrames (0028,0008) is 30: save the one that is meant"),
        (real("examples_palette.dcm"), "PhotometricInterpretation (0028,0004) is 'PALETTE COLOR'"),
        (real("SC_rgb_16bit.dcm"), "BitsStored (0028,0101) is 16, BitsAllocated (0028,0100) 16: .*in colour with 8"),
        (real("liver_1frame.dcm"), "BitsStored (0028,0101) is 1"),
        (real("rtdose_1frame.dcm"), "BitsStored (0028,0101) is 32"),
        (real("meta_missing_tsyntax.dcm"), "TransferSyntaxUID (0002,0010) is missing, or names a compression that"),
        (real("MR_truncated.dcm"), "is not a whole DICOM file: export it again"),
        (real("badVR.dcm"), "NumberOfFrames (0028,0008) is no whole number"),
        (drawn(PresentationIntentType="FOR PROCESSING"), "PresentationIntentType (0008,0068) is 'FOR PROCESSING'"),
        (drawn(PhotometricInterpretation="Secret name"), "PhotometricInterpretation (0028,0004) is '?'"),
        (drawn(PhotometricInterpretation=None), "PhotometricInterpretation (0028,0004) is ''"),
        (drawn(NumberOfFrames=0), "NumberOfFrames (0028,0008) is 0"),
        (drawn(NumberOfFrames=10**11), "NumberOfFrames (0028,0008) is no whole number"),
        (drawn(HighBit=15), "HighBit (0028,0102) is 15, but 12 bits are stored"),
        (drawn(PixelRepresentation=2), "PixelRepresentation (0028,0103) is 2"),
        (drawn(BitsStored=None), "BitsStored (0028,0101) is no whole number"),
        (drawn(Rows=None), "Rows (0028,0010) is no whole number"),
        (drawn(RAMP[:15]), "is 40×15 px, smaller than 16 px"),
        (drawn(Rows=8001, Columns=8000), "is 8000×8001 px, more than 64 megapixels"),
        (drawn(Rows=41), "is not a whole DICOM file"),
        (drawn(WindowCenter=100, WindowWidth=0), "WindowWidth (0028,1051) is 0: export the image with a window"),
        (drawn(**WHOLE, VOILUTFunction="CUBIC"), "VOILUTFunction (0028,1056) is 'CUBIC'"),
        (drawn(VOILUTSequence=table_of([1, 2, 3], 0, 20)), "the table in VOILUTSequence (0028,3010) is not whole"),
        (drawn(np.full((40, 40), 7, np.uint16)), "nearly all its pixels have one value"),
        (drawn(np.full((40, 40), 7, np.uint16), PixelPaddingValue=7), "nearly all its pixels have one value"),
        (drawn(RescaleSlope="1e308", RescaleIntercept=0, **WHOLE), "is not a whole DICOM file"),
        (drawn(syntax=uid.MPEG2MPML, frame=b"moving"), "names a compression that is not read: export the image uncom"),
        (drawn(syntax=uid.JPEGLSLossless, frame=imagecodecs.jpegls_encode(RAMP[:30])), "is not a whole DICOM file"),
    ],
)  # fmt: skip
def test_what_is_no_image_that_can_be_shown_is_refused_with_the_element_and_its_value(
    content: bytes, message: str
) -> None:
    pattern = message.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")
    with pytest.raises(PipelineError, match=pattern):
        read_picture(content, "a.dcm", "L")
    refusal(content)


def test_warnings_of_pydicom_reach_nobody() -> None:
    script = (
        "from pipeline.data.picture_files import read_picture\n"
        "from tests.data.dicoms import real\n"
        "for name in ('SC_rgb_jpeg.dcm', 'J2K_pixelrep_mismatch.dcm', 'MR_small_padded.dcm'):\n"
        "    read_picture(real(name), name, 'L')"
    )
    command = [sys.executable, "-W", "always", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == run.stderr == ""


def test_pydicom_is_imported_only_where_there_is_dicom() -> None:
    script = "import sys, stages.equalize_xrays, stages.split_xrays; sys.exit('pydicom' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
