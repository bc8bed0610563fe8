"""Picture files of folders, in colour, as the thumbnails are made of them; and folders that hold what is no picture."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.data.folders.settings import Collection
from pipeline.data.folders.splits import read_collection
from pipeline.data.inventory import make_inventory
from pipeline.data.picture_files import read_picture
from pipeline.errors import PipelineError
from tests.hostile.inputs import put
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pictures import FILM, flipped, jpeg_of_size, saved

WIDE = FILM.astype(np.uint16) * 257
# Red in the upper left quarter of a gray picture, so that a turned or gray one is told from it.
PICTURE = np.full((40, 40, 3), 200, np.uint8)
PICTURE[:20, :20] = (200, 20, 20)
UPRIGHT, GRAY = Gives([(20, 2, 2), (20, 20, 20), (20, 20, 20), (20, 20, 20)]), Gives([(1, 1, 1), *3 * [(20, 20, 20)]])
TIF, BMP = r"a\.tif.*(download|leave it out)", r"a\.bmp.*(download|leave it out)"


def written(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """What Pillow writes of the picture."""
    content = io.BytesIO()
    image = Image.fromarray(PICTURE)
    (image.quantize() if mode == "P" else image.convert(mode)).save(content, kind, **options)
    return content.getvalue()


def tiff(film: np.ndarray, **options: Any) -> bytes:
    """What tifffile writes, which knows more kinds of TIFF than Pillow."""
    content = io.BytesIO()
    tifffile.imwrite(content, film, metadata=None, **options)
    return content.getvalue()


def pages(count: int, last: int = 0) -> bytes:
    """A TIFF of gray pages that share their pixels; behind the last one another may be said to be."""
    tags = {256: 40, 257: 40, 258: 8, 259: 1, 262: 1, 273: 8 + count * 102, 278: 40, 279: 1600}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    starts = [*range(8 + 102, 8 + 102 * count, 102), last]
    directories = (struct.pack("<H", len(tags)) + entries + struct.pack("<I", start) for start in starts)
    return struct.pack("<2sHI", b"II", 42, 8) + b"".join(directories) + FILM.tobytes()


def in_steps(count: int) -> bytes:
    """A JPEG whose last step is there so many times."""
    whole = saved("JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def rotated() -> bytes:
    """A JPEG whose EXIF block turns it upright."""
    exif, content = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    sideways = Image.fromarray(np.rot90(PICTURE))
    sideways.save(content, "JPEG", exif=exif.tobytes(), quality=100, subsampling=0)
    return content.getvalue()


def corners(content: bytes, name: str) -> list[tuple[int, ...]]:
    """The corners of the picture, from the upper left on, in tenths."""
    image, _ = read_picture(content, name, "RGB")
    pixels = np.asarray(image)
    return [tuple((pixels[y, x].astype(int) + 5) // 10) for y in (2, -2) for x in (2, -2)]


def judge_picture(line: Line, name: str) -> None:
    judge(lambda: corners(line.made, name), line.says)


@lines(
    Line("colour", written("PNG"), UPRIGHT),
    Line("colour_and_transparent", written("PNG", "RGBA"), UPRIGHT),
    Line("palette", written("PNG", "P"), UPRIGHT),
    Line("gray", saved("PNG"), GRAY),
    Line("16_bits", saved("PNG", "I;16", FILM.astype(np.uint16) * 257), GRAY),
    Line("animated", written("PNG", save_all=True, append_images=[Image.new("RGB", (40, 40))]),
         r"a\.png holds 2 images: save the one that is meant"),
    Line("one_pixel", saved("PNG", film=FILM[:1, :1]), r"a\.png is 1×1 px, smaller than 16 px: leave it out"),
    Line("empty", b"", r"a\.png is not a whole PNG file"),
    Line("webp_inside", written("WEBP"), r"a\.png is not a whole PNG file"),
)  # fmt: skip
def test_png(line: Line) -> None:
    judge_picture(line, "a.png")


@lines(
    Line("colour", written("JPEG", quality=100, subsampling=0), UPRIGHT),
    Line("cmyk", written("JPEG", "CMYK", quality=100, subsampling=0), UPRIGHT),
    Line("gray", saved("JPEG", quality=100), GRAY),
    Line("drawn_in_steps", saved("JPEG", quality=100, progressive=True), GRAY),
    Line("drawn_in_1000_steps", in_steps(1000), r"a\.jpg is drawn in \d+ steps, more than 100: save it anew"),
    Line("turned_upright", rotated(), UPRIGHT),
    Line("claims_4_gigapixels", jpeg_of_size(65_500, 65_500), r"a\.jpg"),
)
def test_jpeg(line: Line) -> None:
    judge_picture(line, "a.jpg")


@lines(
    Line("colour", written("TIFF"), UPRIGHT),
    Line("colour_and_transparent", written("TIFF", "RGBA"), UPRIGHT),
    Line("lzw", written("TIFF", compression="tiff_lzw"), UPRIGHT),
    Line("deflated", written("TIFF", compression="tiff_adobe_deflate"), UPRIGHT),
    Line("jpeg_inside_of_tiff", written("TIFF", compression="jpeg", quality=100), UPRIGHT),
    Line("cmyk", written("TIFF", "CMYK"), UPRIGHT),
    Line("gray", saved("TIFF"), GRAY),
    Line("16_bits", saved("TIFF", "I;16", FILM.astype(np.uint16) * 257), GRAY),
    Line("two_pages", written("TIFF", save_all=True, append_images=[Image.new("RGB", (40, 40))]),
         r"a\.tif holds 2 images: save the one that is meant"),
    Line("16_bits_big_end_first", tiff(WIDE, byteorder=">"), GRAY),
    Line("16_bits_white_is_zero", tiff(65535 - WIDE, photometric="miniswhite"), GRAY),
    Line("16_bits_white_is_zero_big_end_first", tiff(65535 - WIDE, photometric="miniswhite", byteorder=">"),
         r"a\.tif is not a whole TIFF file .*: download it again, or save it as PNG"),
    Line("8_bits_white_is_zero", tiff(255 - FILM, photometric="miniswhite"), GRAY),
    Line("12_bits", tiff((WIDE // 16).astype(np.uint16), bitspersample=12), GRAY),
    Line("32_bits_of_16", tiff(WIDE.astype(np.int32)), GRAY),
    Line("signed_8_bits", tiff(FILM.astype(np.int8)), r"a\.tif holds signed numbers: save it with 8 or 16 bits"),
    Line("signed_16_bits", tiff(WIDE.astype(np.int16)), r"a\.tif holds signed numbers: save it with 8 or 16 bits"),
    Line("signed_16_bits_above_zero", tiff((WIDE // 4).astype(np.int16)), r"a\.tif holds signed numbers"),
    Line("colours_of_signed_8_bits", tiff(np.dstack([FILM] * 3).astype(np.int8), photometric="rgb"), TIF),
    Line("20_000_pages", pages(20_000), r"a\.tif holds 100 or more images: save the one that is meant"),
    Line("page_that_is_the_next_one", pages(1, last=8), Either(r"a\.tif")),
    Line("floats", saved("TIFF", "F"), r"a\.tif holds fractions .* save it with 8 or 16 bits"),
    Line("empty", b"", TIF),
    Line("half", written("TIFF")[:2000], TIF),
    Line("png_inside", written("PNG"), TIF),
    *(Line(f"bit_flip_{byte}", flipped(written("TIFF"), byte, 4), Either(r"a\.tif")) for byte in range(0, 200, 7)),
    *(Line(f"bit_flip_of_lzw_{byte}", flipped(written("TIFF", compression="tiff_lzw"), byte, 4), Either(r"a\.tif"))
      for byte in range(0, 200, 7)),
)  # fmt: skip
def test_tiff(line: Line) -> None:
    judge_picture(line, "a.tif")


@lines(
    Line("colour", written("BMP"), UPRIGHT),
    Line("gray", saved("BMP"), GRAY),
    Line("empty", b"", BMP),
    Line("half", written("BMP")[:2000], BMP),
    *(Line(f"bit_flip_{byte}", flipped(written("BMP"), byte, 4), Either(r"a\.bmp")) for byte in range(0, 60, 3)),
)
def test_bmp(line: Line) -> None:
    judge_picture(line, "a.bmp")


def folder(*extra: str) -> Path:
    """A folder of pictures that differ, laid out as MVTec AD is."""
    root = Path("pictures")
    for number, name in enumerate(("train/good/a", "train/good/b", "test/good/c", "test/bad/d", *extra)):
        put(root / f"{name}.png", saved("PNG", film=FILM + np.uint8(number)))
    return root


def used(root: Path) -> list[str]:
    """The images that are in a split."""
    inventory = make_inventory(root, Path("inventory.csv"), Path("inventory.json"))
    table = read_collection(root, inventory, Collection(layout="mvtec", folder=root.name, validation_share=0.0))
    return table.loc[table["split"] != "", "id"].tolist()


def test_archives_inside_are_read_if_they_are_tar_gz_and_reported_else() -> None:
    root = folder()
    with tarfile.open(root / "train/good/more.tar.gz", "w:gz") as tar:
        content = saved("PNG", film=FILM + np.uint8(50))
        member = tarfile.TarInfo("e.png")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    with zipfile.ZipFile(root / "train/good/more.zip", "w") as packed:
        packed.writestr("f.png", saved("PNG", film=FILM + np.uint8(51)))
    assert [name for name in used(root) if "more" in name] == ["train/good/more.tar.gz/e.png"]


def test_links_out_of_the_folder_are_read_as_files_that_lie_in_it() -> None:
    root = folder()
    put(Path("outside/e.png"), saved("PNG", film=FILM + np.uint8(50)))
    (root / "train/good/e.png").symlink_to(Path("outside/e.png").resolve())
    assert "train/good/e.png" in used(root)
    (root / "train/good/gone.png").symlink_to("nowhere.png")
    assert "train/good/gone.png" not in used(root)


def test_names_that_differ_in_case_only_are_two_images() -> None:
    assert {"train/good/A.png", "train/good/a.png"} < {*used(folder("train/good/A"))}


def test_the_same_content_on_two_sides_is_refused_with_both_names() -> None:
    root = folder()
    put(root / "test/bad/copy.png", (root / "train/good/a.png").read_bytes())
    with pytest.raises(PipelineError, match=r"test/bad/copy\.png and train/good/a\.png have the same content"):
        used(root)
