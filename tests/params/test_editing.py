import re
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from pipeline.params.editing import changed_yaml, with_entry, without_entry
from tests.import_closure import ROOT
from tests.shipped import FILES

TEXT = """\
# what runs
first:   # of two
  brackets: [a]  # all of them
  # the next is empty
  none: []  # yet
  rows:   # line by line
  # the first
  - b  # bee
  # the second
  - 'c'  # sea

  # a number
  number: 1.50   # not 1.5

  nothing:  # at all
  # the end of the first

second: {map: {x: 1,
    y: 2}, void: , words: [a, b]}
"""
LISTS = ("arms.slides", "arms.xrays", "arms.folders", "arms.train", "seeds", "quick_detectors")


def difference(before: str, after: str) -> list[str]:
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def text_of(file: str) -> str:
    return Path(ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES)
def test_nothing_to_change_changes_no_byte(file: str) -> None:
    text = text_of(file)
    key = "compute.threads" if file == "params.yaml" else "evaluate.gallery_images"
    (number,) = re.findall(rf"{key.partition('.')[2]}: (\d+)", text)
    assert changed_yaml(text, {key: int(number)}) == text


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith("arms/")])
def test_only_the_named_line_changes_in_every_shipped_file(file: str) -> None:
    text = text_of(file)
    latent = YAML(typ="safe").load(text)["detectors"]["dpa"]["latent_dim"]
    changed = changed_yaml(text, {"detectors.dpa.latent_dim": 77})
    assert difference(text, changed) == [f"-     latent_dim: {latent}", "+     latent_dim: 77"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("first.number", 7, ["-   number: 1.50   # not 1.5", "+   number: 7   # not 1.5"]),
        ("first.number", 1.5, []),
        ("first.number", None, ["-   number: 1.50   # not 1.5", "+   number:   # not 1.5"]),
        ("first.number", "a: #1", ["-   number: 1.50   # not 1.5", "+   number: 'a: #1'   # not 1.5"]),
        ("first.brackets", ["a", "é"], ["-   brackets: [a]  # all of them", "+   brackets: [a, é]  # all of them"]),
        ("first.none", ["a"], ["-   none: []  # yet", "+   none:  # yet", "+   - a"]),
        ("first.nothing", {"x": 1}, ["-   nothing:  # at all", "+   nothing: {x: 1}  # at all"]),
        ("first.nothing.x.y", [1], ["-   nothing:  # at all", "+   nothing: {x: {y: [1]}}  # at all"]),
        ("first.new", [1, 2], ["+   new:", "+   - 1", "+   - 2"]),
        ("third.new", "8", ["+ third: {new: '8'}"]),
        ("second.map.z", None, ["-     y: 2}, void: , words: [a, b]}", "+     y: 2, z: null}, void: , words: [a, b]}"]),
        ("second.words", [], ["-     y: 2}, void: , words: [a, b]}", "+     y: 2}, void: , words: []}"]),
    ],
)
def test_the_rest_of_the_file_stays_as_it_was_laid_out(path: str, value: Any, expected: list[str]) -> None:
    assert difference(TEXT, changed_yaml(TEXT, {path: value})) == expected


def test_rows_make_room_for_other_rows_and_what_stands_below_them_stays() -> None:
    changed = changed_yaml(TEXT, {"first.rows": ["d"]})
    assert "  rows:   # line by line\n  - d\n\n  # a number\n" in changed


def test_what_is_not_there_is_added_above_the_blank_line_that_ends_its_section() -> None:
    assert "  nothing:  # at all\n  new: 1\n  # the end of the first\n" in changed_yaml(TEXT, {"first.new": 1})


@pytest.mark.parametrize(
    "value", ["two\nlines", "\x07", "- x", "null", "yes", "1e3", "", "{", "a" * 300, 1e-7, True, 0]
)
def test_any_value_comes_back_as_it_was_given(value: Any) -> None:
    for path in ("first.number", "second.map.x", "first.rows", "first.nothing.deep"):
        content = YAML(typ="safe").load(changed_yaml(TEXT, {path: value}))
        for key in path.split("."):
            content = content[key]
        assert (content, type(content)) == (value, type(value))


def test_truth_is_no_number() -> None:
    assert changed_yaml("a: true\n", {"a": 1}) == "a: 1\n"


@pytest.mark.parametrize(
    ("path", "above"), [("first.number.x", "first.number"), ("first.rows.0", "first.rows"), ("second.words.0.x", "")]
)
def test_what_holds_no_keys_is_named(path: str, above: str) -> None:
    with pytest.raises(PipelineError, match=rf"^{path}: {above or 'second.words'} holds no keys: name it as a whole$"):
        changed_yaml(TEXT, {path: 1})


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "b: {c: 1,}\n"])
def test_what_cannot_be_changed_in_its_place_is_left_to_a_person(text: str) -> None:
    with pytest.raises(PipelineError, match=r"^b.* cannot be changed where it stands: change it by hand$"):
        changed_yaml(text, {"b.d" if "c" in text else "b": [3]})


@pytest.mark.parametrize("path", LISTS)
def test_a_word_is_a_line_of_a_shipped_list_and_goes_without_a_trace(path: str) -> None:
    text = text_of("params.yaml")
    added = with_entry(text, path, "mine")
    assert [line for line in difference(text, added) if line != "-   folders: []"] in (
        [f"+ {'  ' * path.count('.')}- mine"],
        ["+   folders:", "+   - mine"],
    )
    assert with_entry(added, path, "mine") == added
    assert without_entry(added, path, "mine") == text
    assert without_entry(text, path, "mine") == text


@pytest.mark.parametrize("path", ["first.brackets", "first.none", "first.rows", "second.words"])
def test_comments_stay_where_they_are(path: str) -> None:
    added = with_entry(TEXT, path, "new")
    assert added.count("#") == TEXT.count("#")
    content = YAML(typ="safe").load(added)
    for key in path.split("."):
        content = content[key]
    assert content[-1] == "new"
    assert without_entry(added, path, "new") == TEXT


def test_a_row_goes_with_its_own_comment_alone() -> None:
    assert difference(TEXT, without_entry(TEXT, "first.rows", "b")) == ["-   - b  # bee"]
    assert difference(TEXT, without_entry(TEXT, "first.rows", "c")) == ["-   - 'c'  # sea"]
    alone = without_entry(without_entry(TEXT, "first.rows", "b"), "first.rows", "c")
    assert "  rows: []   # line by line\n\n  # a number\n" in alone
    assert difference(TEXT, without_entry(TEXT, "first.brackets", "a"))[1] == "+   brackets: []  # all of them"
