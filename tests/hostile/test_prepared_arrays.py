"""data/prepared: images.npy, index.csv and preparation.json, as evaluation and training open them."""

import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.images import Images, read_images, write_images
from tests.hostile.inputs import put
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pickles import TOUCHES
from tests.hostile.pictures import flipped

FOLDER = Path("data/prepared/demo_xrays")


@pytest.fixture(autouse=True)
def prepared(folder: Path, tiny_images: Images) -> None:
    write_images(FOLDER, [tiny_images.pixels], tiny_images.index, tiny_images.preparation)


def judge_damage(line: Line, name: str) -> None:
    """Change one of the three files as the line says (None removes it) and open the arm."""
    path = FOLDER / name
    changed = line.made(path.read_bytes()) if callable(line.made) else line.made
    put(path, changed)
    judge(lambda: len(read_images(FOLDER).index), line.says)


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def headed(header: str) -> Callable[[bytes], bytes]:
    """The array with another header."""
    text = header.encode("latin-1").ljust(117) + b"\n"
    return lambda whole: whole[:8] + len(text).to_bytes(2, "little") + text + whole[128:]


ARRAY = r"images\.npy"


@lines(
    Line("good", lambda whole: whole, Gives(24)),
    Line("missing", None, rf"{ARRAY}.*dvc repro"),
    Line("empty", b"", rf"{ARRAY}.*dvc repro"),
    Line("text", b"no array", rf"{ARRAY}.*dvc repro"),
    Line("cut_in_the_header", lambda whole: whole[:50], rf"{ARRAY}.*dvc repro"),
    Line("cut_in_half", lambda whole: whole[: len(whole) // 2], rf"{ARRAY}.*dvc repro"),
    Line("last_byte_missing", lambda whole: whole[:-1], rf"{ARRAY}.*dvc repro"),
    Line("header_only", lambda whole: whole[:128], rf"{ARRAY}.*dvc repro"),
    Line("pickle", pickle.dumps(TOUCHES), rf"{ARRAY}.*dvc repro"),
    Line("object_array_with_code", npy(np.array([TOUCHES], object)), rf"{ARRAY}.*dvc repro"),
    Line("several_arrays", npz(images=np.zeros((24, 16, 16, 1), np.uint8)), rf"{ARRAY}.*dvc repro"),
    Line("floats", npy(np.zeros((24, 16, 16, 1))), rf"{ARRAY}.*uint8.*dvc repro"),
    Line("signed_bytes", npy(np.zeros((24, 16, 16, 1), np.int8)), rf"{ARRAY}.*uint8"),
    Line("two_channels", npy(np.zeros((24, 16, 16, 2), np.uint8)), rf"{ARRAY}.*uint8"),
    Line("no_channels", npy(np.zeros((24, 16, 16, 0), np.uint8)), rf"{ARRAY}.*uint8"),
    Line("words", npy(np.array(["a"] * 24)), rf"{ARRAY}.*uint8"),
    Line("three_axes", npy(np.zeros((24, 16, 16), np.uint8)), rf"{ARRAY}.*uint8"),
    Line("five_axes", npy(np.zeros((24, 16, 16, 1, 1), np.uint8)), rf"{ARRAY}.*uint8"),
    Line("no_image", npy(np.zeros((0, 16, 16, 1), np.uint8)), rf"{ARRAY}"),
    Line("an_image_less", npy(np.zeros((23, 16, 16, 1), np.uint8)), r"23.*24"),
    Line("an_image_more", npy(np.zeros((25, 16, 16, 1), np.uint8)), r"25.*24"),
    Line("no_pixel", npy(np.zeros((24, 0, 0, 1), np.uint8)), Either(ARRAY)),
    Line("header_with_code", headed("__import__('os').system('touch PWNED')"), rf"{ARRAY}.*dvc repro"),
    Line("header_of_a_petabyte", headed("{'descr': '|u1', 'fortran_order': False, 'shape': (24, 9999999, 9999999, 1)}"),
         rf"{ARRAY}.*dvc repro"),
    Line("header_below_zero", headed("{'descr': '|u1', 'fortran_order': False, 'shape': (-24, 16, 16, 1)}"),
         rf"{ARRAY}.*dvc repro"),
    Line("header_of_objects", headed("{'descr': '|O', 'fortran_order': False, 'shape': (24, 16, 16, 1)}"),
         rf"{ARRAY}.*dvc repro"),
    Line("header_of_brackets", headed("(" * 100), rf"{ARRAY}.*dvc repro"),
    Line("later_version", lambda whole: whole[:6] + b"\x09\x09" + whole[8:], rf"{ARRAY}.*dvc repro"),
    *(Line(f"bit_flip_{byte}", lambda whole, byte=byte: flipped(whole, byte, 1), Either(ARRAY))
      for byte in (0, 6, 8, 20, 61, 70)),
)  # fmt: skip
def test_an_array(line: Line) -> None:
    judge_damage(line, "images.npy")


def edit(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda whole: whole.decode().replace(old, new).encode()


INDEX = r"index\.csv"


@lines(
    Line("missing", None, rf"{INDEX}.*dvc repro"),
    Line("empty", b"", rf"{INDEX}.*dvc repro"),
    Line("binary", bytes(range(256)), rf"{INDEX}.*dvc repro"),
    Line("zeros", bytes(2000), rf"{INDEX}.*dvc repro"),
    Line("utf_16", lambda whole: whole.decode().encode("utf-16"), rf"{INDEX}.*dvc repro"),
    Line("latin_1", lambda whole: whole.replace(b"image_03", b"\xe9"), INDEX),
    Line("header_only", lambda whole: whole.splitlines(keepends=True)[0], r"(index\.csv|24)"),
    Line("cut_in_half", lambda whole: whole[: len(whole) // 2], rf"{INDEX}"),
    Line("a_row_less", lambda whole: b"".join(whole.splitlines(keepends=True)[:-1]), r"24.*23"),
    Line("column_missing", edit("group", "groups"), rf"{INDEX}.*group"),
    Line("column_twice", edit("id,split,label", "id,split,id"), rf"{INDEX}"),
    Line("row_too_long", edit("image_03,train", "image_03,train,train"), INDEX),
    Line("row_too_short", edit("image_03,train,0,", "image_03,"), INDEX),
    Line("open_quote", edit("image_03", '"image_03'), INDEX),
    Line("id_twice", edit("image_03", "image_04"), rf"{INDEX}.*'image_04'"),
    Line("split_unknown", edit("image_03,train", "image_03,training"), rf"{INDEX}.*'training'"),
    Line("label_as_word", edit("image_03,train,0", "image_03,train,no"), rf"{INDEX}"),
    Line("label_empty", edit("image_03,train,0", "image_03,train,"), rf"{INDEX}"),
    Line("label_of_half", edit("image_03,train,0", "image_03,train,0.5"), rf"{INDEX}"),
    Line("abnormal_to_train_on", edit("image_03,train,0", "image_03,train,1"), rf"{INDEX}.*'image_03'"),
    Line("group_on_two_sides", edit("patient_03", "patient_20"), rf"{INDEX}.*'patient_20'"),
    Line("place_as_word", edit("images/x.png,0,0", "images/x.png,left,0"), rf"{INDEX}"),
    Line("place_infinite", edit("images/x.png,0,0", "images/x.png,inf,0"), rf"{INDEX}"),
    Line("names_like_nothing", edit("image_03", "NA"), Gives(24)),
)
def test_an_index(line: Line) -> None:
    judge_damage(line, "index.csv")


SETTINGS = r"preparation\.json"


@lines(
    Line("missing", None, rf"{SETTINGS}.*dvc repro"),
    Line("empty", b"", rf"{SETTINGS}.*dvc repro"),
    Line("binary", bytes(range(256)), rf"{SETTINGS}.*dvc repro"),
    Line("open_brace", b"{", rf"{SETTINGS}.*dvc repro"),
    Line("20_000_levels", b"[" * 20_000, rf"{SETTINGS}.*dvc repro"),
    Line("list", b"[]", rf"{SETTINGS}.*dvc repro"),
    Line("nothing", b"null", rf"{SETTINGS}.*dvc repro"),
    Line("number_of_5000_digits", b'{"a": ' + b"9" * 5000 + b"}", rf"{SETTINGS}.*dvc repro"),
)
def test_a_preparation(line: Line) -> None:
    judge_damage(line, "preparation.json")


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "preparation.json"])
def test_a_folder_for_a_file(name: str) -> None:
    (FOLDER / name).unlink()
    (FOLDER / name).mkdir()
    judge(lambda: read_images(FOLDER), name)


def test_a_file_for_the_folder() -> None:
    shutil.rmtree(FOLDER)
    FOLDER.touch()
    judge(lambda: read_images(FOLDER), r"demo_xrays")
