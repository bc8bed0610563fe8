import pandas as pd
from markdown_it import MarkdownIt

from pipeline.data.xrays.page import split_page
from pipeline.data.xrays.splits import OTHER_FINDINGS

ROWS = [
    ("train", 0, "", "p1", 0, "PA", 17.9, "M", "", False),
    ("train", 0, "", "p1", 0, "PA", 18.0, "M", "", True),
    ("val", 1, "Infiltration", "p2", 2, "PA", 60.0, "F", "", False),
    ("test", 0, "", "p3", -1, "AP", 414.0, "F", "", False),
    ("test", 1, "Mass|Nodule", "p3", -1, "AP", None, "", "", False),
    ("", 1, "Mass", "p4", 1, "PA", 50.0, "M", "other view", False),
]
COLUMNS = ["id", "split", "label", "findings", "group", "fold", "view", "age", "sex", "left_out", "disagrees"]


def numbered(rows: list[tuple]) -> list[tuple]:
    return [(f"{number}.png", *row) for number, row in enumerate(rows)]


def page(arm: str = "nih_subset", differences: dict[str, int] | None = None) -> str:
    return split_page(pd.DataFrame(numbered(ROWS), columns=COLUMNS), arm, differences)


def cells(text: str, *first: str) -> list[str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    (row,) = [row for row in rows if row[: len(first)] == list(first)]
    return row[len(first) :]


def test_counts_stand_beside_those_of_the_paper() -> None:
    text = page(differences={})
    assert cells(text, "train", "normal") == ["2", "4261", "1", "1"]
    assert cells(text, "test", "abnormal") == ["1", "677", "1", "0"]
    assert cells(text, "val", "normal") == ["0", "849", "0", "0"]


def test_counts_of_others_stand_alone() -> None:
    assert cells(page("nih_pa", differences={}), "train", "normal") == ["2", "1", "1"]
    text = page("mine", differences=None)  # of a collection with a table of its own
    assert cells(text, "train", "normal") == ["2", "1"]
    assert not [word for word in ("paper", "metadata", "No Finding") if word in text]


def test_groups_are_counted_in_images_and_patients() -> None:
    text = page()
    (header,) = [line.split("|")[3:-1] for line in text.splitlines() if "| group " in line]
    header = [cell.strip() for cell in header]
    assert header == ["train normal", "val abnormal", "test normal", "test abnormal"]
    assert cells(text, "view", "PA") == ["2 (1)", "1 (1)", "–", "–"]
    assert cells(text, "finding", "Mass") == cells(text, "finding", "Nodule") == ["–", "–", "–", "1 (1)"]
    assert cells(text, "age", "0 to 17") == ["1 (1)", "–", "–", "–"]
    assert cells(text, "age", "18 to 39") == ["1 (1)", "–", "–", "–"]
    assert cells(text, "age", "80 and more") == ["–", "–", "1 (1)", "–"]
    assert cells(text, "age", "unknown") == ["–", "–", "–", "1 (1)"]
    assert cells(text, "sex", "F") == ["–", "1 (1)", "1 (1)", "–"]


def test_folds_hold_no_test_patient() -> None:
    text = page()
    assert cells(text, "0") == ["1", "2", "0"]
    assert cells(text, "2") == ["1", "0", "1"]
    assert "| -1" not in text


def test_what_is_not_used_says_why() -> None:
    assert cells(page(), "other view") == ["1", "1"]


def test_what_may_have_been_meant_to_be_used_is_warned_of() -> None:
    assert page().count("Warning") == 1  # of few held-out patients
    copy = ("", 1, "Mass", "p4", 1, "PA", 50.0, "M", "same content as <b>.png", False)
    table = pd.DataFrame([*numbered(ROWS), ("c.png", *copy)], columns=COLUMNS)
    said = "1 images are copies of others and are not counted again, such as c.png: same content as \\<b\\>.png."
    assert f"Warning: {said}" in split_page(table, "mine", None)


def test_differences_between_the_versions_of_the_metadata_are_shown() -> None:
    assert "Only one version" in page(differences={})
    assert "Only one version" not in page(differences=None)  # of a collection with a table of its own
    assert "view: 3; age: 4." in page(differences={"view": 3, "age": 4})


def test_nothing_of_the_data_is_markup_on_the_page() -> None:
    hostile = "<script>alert(1)</script>|<img src=x onerror=y>|![p](http://a.org)|[l](javascript:a)|`c`|**b**"
    rows = [
        ("train", 0, hostile, "p1", 0, "PA", 18.0, "<b>M</b>", "", False),
        ("", 1, "", "p2", 0, "PA", 1.0, "", hostile, False),
        ("", 1, hostile, "p3", 0, "PA", 1.0, "", "same content as " + hostile, False),
        ("", 1, hostile, "p4", 0, "PA", 1.0, "", OTHER_FINDINGS, False),
    ]
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(
        split_page(pd.DataFrame(numbered(rows), columns=COLUMNS), "arm", None)
    )
    assert not [tag for tag in ("<script", "<img", "<a ", "<b>", "<strong", "<code>c") if tag in rendered]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rendered


def test_an_arm_is_called_by_its_name() -> None:
    assert "<h1>_mine_: what it is trained and tested on</h1>" in MarkdownIt("commonmark").render(page("_mine_"))
