from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.xrays.nih_metadata import compare_versions, find_metadata, read_index, read_names
from pipeline.errors import PipelineError
from tests.data.conftest import HEADER, Collection, metadata_row

ROW = metadata_row("00000001_000.png", "Mass|Nodule", "PA")


def write(path: Path, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def test_the_2020_table_is_read(tmp_path: Path) -> None:
    index = read_index(write(tmp_path / "a.csv", HEADER, ROW, metadata_row("00000012_003.png", "No Finding", "AP")))
    assert index.to_dict("records") == [
        {"id": "00000001_000.png", "patient": "00000001", "findings": "Mass|Nodule", "label": 1, "view": "PA",
         "age": 58.0, "sex": "F", "follow_up": 0},
        {"id": "00000012_003.png", "patient": "00000012", "findings": "", "label": 0, "view": "AP",
         "age": 58.0, "sex": "F", "follow_up": 3},
    ]  # fmt: skip


@pytest.mark.parametrize(("age", "years"), [("058Y", 58.0), ("006M", 0.5), ("001D", 0.0), ("414Y", 414.0)])
def test_the_2017_table_is_read_with_its_trailing_commas_and_ages_with_units(
    tmp_path: Path, age: str, years: float
) -> None:
    row = metadata_row("00000001_000.png", "Mass", "PA", age) + ","
    assert read_index(write(tmp_path / "a.csv", HEADER + ",", row))["age"].tolist() == [years]


def test_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = read_index(write(tmp_path / "a.csv", HEADER, ROW))
    windows = read_index(write(tmp_path / "b.csv", HEADER, ROW, encoding="utf-8-sig", end="\r\n"))
    pd.testing.assert_frame_equal(plain, windows)


def test_the_corrected_table_is_preferred(collection: Collection) -> None:
    collection.write_lines("Data_Entry_2017.csv", [HEADER])
    assert find_metadata(collection.root, "arms/a.yaml:split_xrays.table").name == "Data_Entry_2017_v2020.csv"
    (collection.root / "Data_Entry_2017_v2020.csv").unlink()
    assert find_metadata(collection.root, "arms/a.yaml:split_xrays.table").name == "Data_Entry_2017.csv"
    (collection.root / "Data_Entry_2017.csv").unlink()
    with pytest.raises(
        PipelineError, match=r"neither Data_Entry.*: add one, or name .* in arms/a\.yaml:split_xrays\.table"
    ):
        find_metadata(collection.root, "arms/a.yaml:split_xrays.table")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER.replace("View Position", "View"), ROW], "column 7 must be 'View Position', found 'View'"),
        ([HEADER.replace("Patient Age,", ""), ROW], "column 5 must be 'Patient Age', found 'Patient Gender'"),
        (["Image Index"], "column 2 must be 'Finding Labels', found ''"),
        ([HEADER.replace("[Width,Height]", ""), ROW], "row 1 has 10 fields, expected 11"),
        ([HEADER, ROW, ROW.rpartition(",")[0]], "row 3 has 10 fields, expected 11"),
        ([HEADER, ROW, "", ROW], "row 4, column 'Image Index': '00000001_000.png' is listed a second time"),
        ([HEADER, ROW.replace("PA", "LL")], "row 2, column 'View Position': 'LL' is neither PA nor AP"),
        ([HEADER, ROW.replace("Nodule", "Nodul")], "row 2, column 'Finding Labels'.*'Nodul', which is none"),
        ([HEADER, ROW.replace("Nodule", "No Finding")], "'No Finding', which is none of the 14 findings and does not"),
        ([HEADER, ROW.replace("Mass|Nodule", "")], "row 2, column 'Finding Labels'"),
        ([HEADER, ROW.replace(",58,", ",old,")], "row 2, column 'Patient Age': 'old' is not an age"),
        ([HEADER, ROW.replace(",1,58", ",one,58")], "row 2, column 'Patient ID': 'one' is not a whole number"),
        ([HEADER, "../" + ROW], "row 2, column 'Image Index': '../00000001_000.png' is not the name"),
        ([HEADER, "images/" + ROW], "is not the name of a PNG file without folders"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message.replace("[", r"\[")) as error:
        read_index(write(tmp_path / "entry.csv", *lines))
    assert "entry.csv" in str(error.value)


def test_bytes_that_are_no_text_are_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(PipelineError, match=r"a\.csv is not CSV"):
        read_index(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(b"")
    with pytest.raises(PipelineError, match=r"b\.csv is empty"):
        read_index(tmp_path / "b.csv")


def test_names_are_read_in_order_without_blank_lines(tmp_path: Path) -> None:
    assert read_names(write(tmp_path / "list.txt", "b.png", "", " a.png ", end="\r\n")) == ["b.png", "a.png"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.png", "../a.png"], r"list\.txt: row 2: '\.\./a\.png' is not the name"),
        (["/etc/passwd"], "row 1: '/etc/passwd'"),
        (["a.png", "b.png", "a.png"], "row 3: 'a.png' stands in row 1 already"),
    ],
)
def test_a_bad_line_of_a_list_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        read_names(write(tmp_path / "list.txt", *lines))


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"test_list\.txt is missing"):
        read_names(tmp_path / "test_list.txt")


def test_images_in_which_the_two_versions_differ_are_counted(collection: Collection) -> None:
    assert compare_versions(collection.root) == {}
    films = list(collection.films)
    films[0] = (films[0][0], "Mass", "PA")  # was normal
    films[1] = (films[1][0], "Infiltration|Mass", "PA")  # was Infiltration
    films[2] = (films[2][0], "No Finding", "AP")  # was PA
    rows = [metadata_row(*film, age="058Y") + "," for film in films[:-1]]
    collection.write_lines("Data_Entry_2017.csv", [HEADER + ",", *rows])
    assert compare_versions(collection.root) == {
        "only in that of 2020": 1,
        "only in that of 2017": 0,
        "findings": 2,
        "normal in one, abnormal in the other": 1,
        "view": 1,
        "age": 0,
    }
