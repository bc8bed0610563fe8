"""Figures as a reader sees them, in Markdown tables."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from tabulate import tabulate

MISSING = "n/a"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows of the same columns as a Markdown table, with nothing in a cell that Markdown would act on."""
    cells = [{plain(key): plain(value) for key, value in row.items()} for row in rows]
    return str(tabulate(cells, headers="keys", tablefmt="github", disable_numparse=True)) + "\n"


def frame(content: pd.DataFrame) -> str:
    """Write a data frame as a Markdown table, with nothing where nothing stands."""
    rows = content.astype(object).where(content.notna(), "").to_dict("records")
    return table([{str(key): value for key, value in row.items()} for row in rows])


def percent(value: float | None) -> str:
    """A share in percent."""
    return MISSING if value is None else f"{100 * value:.1f}"


def percent_std(figure: Mapping[str, Any]) -> str:
    """Mean ± standard deviation over seeds of an estimate, in percent."""
    return percent(figure["mean"]) + ("" if figure["std"] is None else f" ± {percent(figure['std'])}")


def percent_interval(figure: Mapping[str, Any], signed: bool = False) -> str:
    """The interval of an estimate or a difference, in percent."""
    if figure["low"] is None:
        return MISSING
    return " to ".join(f"{100 * figure[end]:{'+' if signed else ''}.1f}" for end in ("low", "high"))


def verdict(above: Mapping[str, Any], better: str, worse: str, same: str = "not told apart") -> str:
    """What a difference means, by its interval; n/a where it has none."""
    if above["low"] is None:
        return MISSING
    return better if above["low"] > 0 else worse if above["high"] < 0 else same


def joined(names: Sequence[str]) -> str:
    """Names as a list in a sentence: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def folded(summary: str, content: str) -> str:
    """Fold Markdown below a line that opens it."""
    return f"<details>\n<summary>{escape(summary, quote=False)}</summary>\n\n{content}\n\n</details>\n"


def plain(value: Any) -> str:
    """Escape what Markdown would act on: names of slides, patients and findings come from files of others."""
    return re.sub(r"[\\|<>\[\]`*~&]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", " ".join(str(value).split()))
