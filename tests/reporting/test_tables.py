"""Text of others in Markdown: it renders to itself and to nothing else."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.reporting.tables import folded, joined, plain, table, verdict

# What Markdown's readers replace in any text, escaped or not: control characters and halves of pairs.
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cc", "Cs"]), st.sampled_from("\\|<>[]()!`*_~&;#-+=:/\"'\n"))
)
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- hidden", "</table><h1>x", "<http://a.org>",
    "[x](javascript:alert(1))", "![](http://tracker)", "[x]: http://a.org", "a|b", "`code`", "**bold**", "~~struck~~",
    "# heading\n\n- list", "_emphasis_", "__strong__", "a _b_ c", "&lt;b&gt;", "\\", "\\|", "a\\`b`",
]  # fmt: skip
NAMES = ["normal_001", "Pleural_Thickening", "No Finding", "tumor_001, tumor_002", "µm/px", "0.5 (3)", "a.org/b_c"]


class Shown(HTMLParser):
    """The elements of a page, comments included, and the text of each header and cell."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.cells: list[str] = []
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag in ("th", "td", "p"):
            self.cells.append("")

    def handle_comment(self, data: str) -> None:
        self.elements.append("comment")

    def handle_data(self, data: str) -> None:
        if self.cells and not data.isspace():
            self.cells[-1] += data


def all_examples(test):
    for text in HOSTILE + NAMES:
        test = example(text)(test)
    return test


@all_examples
@given(TEXTS)
def test_any_text_in_a_table_renders_to_itself(text: str) -> None:
    shown, plainly = (Shown(table([{"the first": of, of: "1"}])) for of in (text, "x"))
    assert shown.elements == plainly.elements
    line = " ".join(text.split())
    assert shown.cells == ["the first", line, line, "1"]


@all_examples
@given(TEXTS)
def test_any_text_in_a_sentence_renders_to_itself(text: str) -> None:
    shown = Shown(f"Warning: {plain(text)}.")
    assert (shown.elements, shown.cells) == (["p"], [f"Warning: {' '.join(text.split())}."])


@pytest.mark.parametrize("name", NAMES)
def test_the_usual_names_are_themselves_in_raw_markdown_too(name: str) -> None:
    assert plain(name) == name


@pytest.mark.parametrize(("names", "text"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c")])
def test_names_are_joined_as_in_a_sentence(names: str, text: str) -> None:
    assert joined(list(names)) == text


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.1, 0.2, "up"), (-0.2, -0.1, "down"), (0.0, 0.2, "not told apart"), (None, None, "n/a")]
)
def test_a_difference_means_something_only_beyond_its_interval(
    low: float | None, high: float | None, said: str
) -> None:
    assert verdict({"low": low, "high": high}, "up", "down") == said


def test_a_fold_holds_markdown_below_its_line() -> None:
    html = MarkdownIt("commonmark").enable("table").render(folded("a < b", table([{"x": "1"}])))
    assert html.startswith("<details>\n<summary>a &lt; b</summary>\n<table>")
    assert html.endswith("</table>\n</details>\n")
