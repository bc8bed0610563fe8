"""Texts from outside, such as names of files, as a page may show them."""

import re
from html import escape

# Control characters, halves of characters, and those that are not seen or turn the direction of what follows.
HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


def plain(text: str) -> str:
    """Return a text whose hidden characters are seen, as ⟨U+202E⟩."""
    return HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def html(text: str) -> str:
    """Return a text as HTML that shows it and nothing else, also within an attribute's quotes."""
    return escape(plain(text))


def percent(share: float) -> str:
    """Return a share as in ``4.8 %``."""
    return f"{100 * share:.3g} %"
