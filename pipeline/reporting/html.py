"""report.html: report.md as one file that opens anywhere, pictures included, without any request."""

import base64
import io
import re
from collections.abc import Iterator, Sequence
from html import escape, unescape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PIL import Image, UnidentifiedImageError

from pipeline.errors import PipelineError

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Report</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1280px; margin: 0 auto; padding: 0 16px 48px; }}
nav {{ position: sticky; top: 0; background: #fff; border-bottom: 1px solid #ddd; padding: 8px 0; }}
nav {{ overflow-x: auto; white-space: nowrap; }}
nav a {{ margin-right: 16px; }}
h2 {{ border-bottom: 1px solid #ddd; margin-top: 40px; }}
h2, h3 {{ scroll-margin-top: 48px; }}
div.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 13px; white-space: nowrap; }}
th, td {{ border: 1px solid #ddd; padding: 3px 8px; text-align: left; }}
th {{ background: #f4f4f4; white-space: normal; }}
td:first-child {{ white-space: normal; min-width: 8em; }}
tr:nth-child(even) td {{ background: #fafafa; }}
img {{ max-width: 100%; height: auto; }}
details {{ border: 1px solid #ddd; border-radius: 4px; margin: 12px 0; padding: 0 12px; }}
summary {{ cursor: pointer; font-weight: 600; padding: 10px 0; }}
p.sheet {{ overflow-x: auto; }}
p.sheet img {{ max-width: none; width: 100%; }}
/* A hint where something is cut off: only what can be scrolled runs an animation of its scrolling. */
div.wide::before, p.sheet::before {{ content: "↔ scroll sideways for what is cut off"; font-size: 0; color: #666; }}
div.wide::before, p.sheet::before {{ display: block; position: sticky; left: 0; width: fit-content; }}
div.wide::before, p.sheet::before {{ animation: cut-off linear both; animation-timeline: scroll(inline); }}
@keyframes cut-off {{ from, to {{ font-size: 12px; }} }}
@supports not (animation-timeline: scroll(inline)) {{
  @media (max-width: 760px) {{ div.wide::before, p.sheet::before {{ font-size: 12px; }} }}
}}
pre {{ background: #f4f4f4; padding: 12px; overflow: auto; max-height: 320px; font-size: 12px; }}
p, li {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<nav>{links}</nav>
{body}
</body>
</html>
"""
QUALITY = 42  # of pictures: the page is tracked by git, and enlarged pixels of small images take most of its room
SHEET_WIDTH = 720  # pixels below which a contact sheet cannot be read and is scrolled
# What pipeline.reporting.tables.folded writes: the only HTML that is obeyed.
FOLD = re.compile(r"<details>\n<summary>([^<>]*)</summary>")
END_OF_FOLD = "</details>"
SHEETS = ("gallery.png", "growth.png", "images.png", "normalisation.png", "overlays.png")


def html_page(text: str, root: Path) -> str:
    """Turn a report into a page.

    Args:
        text: Markdown; HTML in it is shown, not obeyed, but for what folds a part of it.
        root: The folder that its pictures are relative to.

    Returns:
        HTML that holds everything it shows.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = list(_with_folds(markdown.parse(text)))
    links = []
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", f"section-{number}")
            if token.tag == "h2":
                name = markdown.renderInline(tokens[number + 1].content)
                links.append(f'<a href="#section-{number}">{name}</a>')
        elif token.type == "inline":
            _embed(token, tokens[number - 1], root)
    body = markdown.renderer.render(tokens, markdown.options, {})
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    return PAGE.format(links="".join(links), body=body)


def _with_folds(tokens: Sequence[Token]) -> Iterator[Token]:
    """Put elements that fold in place of the paragraphs that hold their tags and nothing else."""
    lines = iter(tokens)
    for token in lines:
        if token.type != "paragraph_open":
            yield token
            continue
        inline, end = next(lines), next(lines)
        tags = _fold_tags(inline.content) if token.level == 0 else None
        if tags is None:
            yield from (token, inline, end)
        else:
            yield Token("html_block", "", 0, content=tags)


def _fold_tags(paragraph: str) -> str | None:
    """The tags that a paragraph is; None for any other."""
    if paragraph == END_OF_FOLD:
        return f"{END_OF_FOLD}\n"
    fold = FOLD.fullmatch(paragraph)
    return fold and f"<details>\n<summary>{escape(unescape(fold[1]))}</summary>\n"


def _embed(line: Token, paragraph: Token, root: Path) -> None:
    """Put the pictures of a line into it; those with rows of small images are scrolled where the screen is narrow."""
    for token in line.children or []:
        if token.type == "image":
            source = str(token.attrGet("src"))
            if Path(source).name in SHEETS:
                paragraph.attrSet("class", "sheet")
                token.attrSet("style", _sheet_style(root / source))
            with _opened(root / source) as image:
                token.attrSet("src", data_uri(image, QUALITY))


def _opened(picture: Path) -> Image.Image:
    try:
        return Image.open(picture)
    except UnidentifiedImageError as error:
        raise PipelineError(f"{picture} is damaged, it is no picture: run `dvc repro`, which makes it anew") from error


def _sheet_style(picture: Path) -> str:
    """Never larger than it is, since that only blurs it, and not too small to be read."""
    with _opened(picture) as image:
        return f"max-width: {image.width}px; min-width: {min(SHEET_WIDTH, image.width)}px"


def data_uri(image: Image.Image, quality: int) -> str:
    """A picture as a data URI: WebP of a quality up to 100, since the same pictures as PNG are many times larger."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=quality, method=6)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
