"""What is named to be scored: words of the command line, CSVs, folders and files that are no pictures."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipeline.commands import score
from pipeline.scoring.inputs import Input
from pipeline.scoring.slides import folder_names
from tests.hostile.calibrated import FILE, write_model
from tests.hostile.inputs import put
from tests.hostile.oracle import Gives, Line, check_sentence, judge, lines, outcome
from tests.hostile.pictures import FILM, png, saved

LONG = f"{'n' * 251}.png"  # a name as long as a file system has it


@pytest.fixture(autouse=True)
def calibrated(folder: Path) -> None:
    write_model()
    put(Path("films/a.png"), png())


def run(*words: str, out: str = "out") -> int:
    return score.main([str(FILE), *words, "--out", out, "--device", "cpu", "--workers", "1"])


def results(out: str = "out") -> pd.DataFrame:
    return pd.read_csv(Path(out, "results.csv"), keep_default_na=False).set_index("name")


@lines(
    Line("input", (str(FILE), "", "--out", "out"), r"a path is empty: name a file or folder, or \. for this one"),
    Line("input_of_spaces", (str(FILE), " ", "--out", "out"), r"a path is empty"),
    Line("one_of_two_inputs", (str(FILE), "films", "", "--out", "out"), r"a path is empty"),
    Line("model", ("", "films", "--out", "out"), r"a path is empty"),
    Line("out", (str(FILE), "films", "--out", ""), r"a path is empty"),
    Line("normals", (str(FILE), "films", "--out", "out", "--normals", ""), r"a path is empty"),
)
def test_words_that_an_unset_variable_leaves_empty(line: Line) -> None:
    judge(lambda: score.main(line.made), line.says)


@lines(
    Line("semicolons", b"path;group\na.png;1\n", r"list\.csv: the column path is missing.* separated by semicolons"),
    Line("tabs", b"path\tgroup\na.png\t1\n", r"list\.csv: the column path is missing.* separated by tabs"),
    Line("utf_16", "path\na.png\n".encode("utf-16"), r"list\.csv is not a CSV in UTF-8 with commas .*: save it again"),
    Line("latin_1", "path\né.png\n".encode("latin-1"), r"list\.csv is not a CSV in UTF-8 with commas .*: save it"),
    Line("no_column", b"file\na.png\n", r"list\.csv: the column path is missing; expected path"),
    Line("column_twice", b"path,path\na.png,a.png\n", r"list\.csv: the column path stands there twice"),
    Line("column_with_what_nobody_sees", "path\u200b\na.png\n".encode(), r"'path\\u200b' holds a .* nobody sees"),
    Line("group_with_what_nobody_sees", "path,\u2060group\na.png,1\n".encode(), r"'\\u2060group' holds a .* nobody"),
    Line("empty", b"", r"list\.csv: the column path is missing.*; the file is empty"),
    Line("blank", b"\n\n", r"list\.csv: the column path is missing.*; the file is empty"),
    Line("header_only", b"path\n", r"there are no files in films/list\.csv"),
    Line("row_twice", b"path\na.png\na.png\n", r"list\.csv, row 3, column 'path': 'a\.png' is empty or stands"),
    Line("row_without_path", b"path,group\n,1\n", r"list\.csv, row 2, column 'path': '' is empty or stands"),
    Line("open_quote", b'path\n"a.png\nb.png\n', r"list\.csv is not a CSV in UTF-8 with commas"),
    Line("too_many_values", b"path\na.png,1\n", r"list\.csv, row 2: there are more values than columns"),
    Line("path_that_climbs", b"path\n../a.png\n", r"list\.csv, row 2: '\.\./a\.png' leaves the collection's folder"),
    Line("path_absolute", b"path\n/etc/passwd\n", r"list\.csv, row 2: '/etc/passwd' leaves the collection's folder"),
    Line("nul_in_a_path", b"path\na\0.png\n", r"list\.csv, row 2, column 'path': 'a\\x00\.png' is a name that no list"),
    Line("line_end_in_a_path", b'path\n"a\n.png"\n', r"list\.csv, row 2, column 'path': 'a\\n\.png' is a name that no"),
)  # fmt: skip
def test_a_csv_that_names_inputs(line: Line) -> None:
    put(Path("films/list.csv"), line.made)
    judge(lambda: run("films/list.csv"), line.says)


def test_a_pipe_in_a_csv_is_not_waited_for() -> None:
    os.mkfifo("films/pipe.png")
    put(Path("films/list.csv"), "path\na.png\npipe.png\n")
    judge(lambda: run("films/list.csv"), r"list\.csv, row 3, column 'path': 'pipe\.png' is no file: leave it out")


def put_links_to_each_other() -> None:
    Path("films/x.png").symlink_to("y.png")
    Path("films/y.png").symlink_to("x.png")


@lines(
    Line("missing", ("b.png", lambda: None), r"list/b\.png cannot be read \(No such file"),
    Line("folder", ("b.png", Path("films/b.png").mkdir), r"list/b\.png cannot be read \(Is a directory"),
    Line("link_to_each_other", ("x.png", put_links_to_each_other), r"list/x\.png cannot be read \(Too many levels"),
    Line("name_of_10_000_letters", ("n" * 10_000 + ".png", lambda: None), r"list/nnn.*cannot be read \(File name too"),
    Line("path_of_10_000_folders", ("n/" * 10_000 + "b.png", lambda: None), r"list/n/n.*cannot be read \(File name t"),
    Line("text", ("notes.txt", lambda: put(Path("films/notes.txt"), "mine")),
         r"notes\.txt is no picture: its name ends in none of \.png, .*\.dcm.*, and it is no DICOM .*leave it out"),
    Line("picture_without_ending", ("scan", lambda: put(Path("films/scan"), png())),
         r"scan is no picture: .* or give it the ending of what it is"),
    Line("text_called_dicom", ("notes.dcm", lambda: put(Path("films/notes.dcm"), "mine")),
         r"notes\.dcm: it is no DICOM file \(no DICM at byte 128\): export it again"),
    Line("text_called_png", ("notes.png", lambda: put(Path("films/notes.png"), "mine")), r"notes\.png is not a whole"),
)  # fmt: skip
def test_a_row_that_cannot_be_scored_leaves_the_others_scored(line: Line) -> None:
    name, make = line.made
    make()
    put(Path("films/list.csv"), f"path\na.png\n{name}\n")
    judge(lambda: run("films/list.csv"), Gives(score.SOME))
    table = results()
    assert table.loc["list/a.png", "status"] == "ok"
    check_sentence(table.loc[f"list/{name}", "reason"], str(line.says))


def test_names_as_long_as_a_file_system_has_them_are_scored() -> None:
    put(Path("films", LONG), saved("PNG", film=FILM // 2))
    judge(lambda: run("films", "--maps", "all"), Gives(score.ALL))
    assert results()["status"].tolist() == ["ok", "ok"]


@lines(
    Line("pipe", lambda: os.mkfifo("pipe.pt"), r"pipe\.pt is neither a model's file nor an arm with models"),
    Line("folder", Path("pipe.pt").mkdir, r"pipe\.pt is neither a model's file nor an arm with models"),
    Line("device", lambda: Path("pipe.pt").symlink_to("/dev/zero"), r"pipe\.pt is neither a model's file nor an arm"),
    Line("link_to_itself", lambda: Path("pipe.pt").symlink_to("pipe.pt"), r"pipe\.pt"),
)  # fmt: skip
def test_a_model_that_is_no_file(line: Line) -> None:
    line.made()
    judge(lambda: score.main(["pipe.pt", "films", "--out", "out"]), line.says)


@lines(
    Line("list", b"[]", r"out/run\.json is damaged, it holds no JSON object: name another folder"),
    Line("bytes", b"\xff", r"out/run\.json is damaged, it is no text: name another folder"),
    Line("empty", b"{}", r"out holds results of another model: name another folder"),
)
def test_what_says_whose_a_folder_is(line: Line) -> None:
    put(Path("out/run.json"), line.made)
    judge(lambda: run("films"), line.says)


def test_what_an_interrupted_run_says_of_itself_that_is_no_text() -> None:
    put(Path("out/.parts/model"), b"\xff\xfe")
    judge(lambda: run("films"), r"out/\.parts/model is damaged, it is no text: name another folder")


@lines(
    Line("folder_around_them", lambda: run("films", "--recursive", out="films/out"), Gives(0, warns=r"left out \d+")),
    Line("link_to_them", lambda: run("link", "--recursive", out="films/out"), Gives(0, warns=r"left out \d+")),
    Line("a_file_of_them", lambda: run("films/a.png", "films/out/report.html", out="films/out"),
         Gives(0, warns="left out 1 files in films/out, the folder of the results")),
    Line("nothing_else", lambda: run("films/out", "--recursive", out="films/out"),
         r"there are no files in films/out but those in films/out, the folder of the results"),
    Line("all_in_the_folder_of_the_results", lambda: run("films", out="."),
         r"there are no files in films but those in \., the folder of the results"),
)  # fmt: skip
def test_results_are_no_inputs(line: Line) -> None:
    call: Callable[[], int] = line.made
    outcome(lambda: run("films", "--recursive", "--maps", "all", out="films/out"))
    Path("link").symlink_to("films")
    judge(call, line.says)
    assert [Path(name).name for name in results("films/out").index] == ["a.png"]


def test_folders_of_slides_with_one_name_as_long_as_it_can_be_differ_and_can_be_made() -> None:
    long, accents = f"{'n' * 250}.tiff", f"{'é' * 125}.tiff"
    inputs = [
        Input(f"{folder}/{name}", Path(folder, name)) for name in (long, accents, "short.tiff") for folder in "ab"
    ]
    names = folder_names(inputs)
    assert len({*names}) == len(inputs)
    for name in names:
        Path(name).mkdir()
