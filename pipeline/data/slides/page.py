"""The page on which a person sees what became of every slide of a collection."""

import pandas as pd

from pipeline.reporting.tables import frame, plain

PAGE = """# {name}: what became of {total} slides

{counts}

![Some slides with their tissue, lesions and tiles](overlays.png)

*Some slides of each role: outline of the tissue blue, lesions red, tiles black. The same picture of every slide is in
`data/interim/{arm}/overlays/`.*

![Some tiles before and after normalisation](normalisation.png)

*The first tile of some slides, before stain normalisation ({method}) and after.*

## Worth a look

{worth}

## All slides

*tissue* and *black* are shares of the slide, *pen* a share of the tissue, *blur* goes from 0 (sharp) to 1.
*candidates* have enough tissue and, on tumour slides, lesion; *tiles* are those drawn; *prepared* had enough stain.

{all}
"""


def slide_page(status: pd.DataFrame, arm: str, method: str) -> str:
    """Compose the page.

    Args:
        status: The status table at the end of the branch.
        method: How tiles were normalised.

    Returns:
        Markdown; its pictures lie beside it.
    """
    worth = status[status["status"].isin(["failed", "empty"]) | (status["warnings"] != "") | (status["reason"] != "")]
    return PAGE.format(
        arm=arm,
        name=plain(arm),
        total=len(status),
        counts=_markdown(status.groupby(["role", "status"]).agg(slides=("name", "size"), tiles=("prepared", "sum"))),
        method=method,
        worth=_markdown(_words(worth, ["name", "role", "status", "reason", "warnings"])) if len(worth) else "Nothing.",
        all=_markdown(_words(status, ["name", "role", "status"]).join(_numbers(status))),
    )


def _words(status: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return status[columns].replace({"role": {"": "–"}})


def _numbers(status: pd.DataFrame) -> pd.DataFrame:
    """The measures in the units that people read."""
    return pd.DataFrame(
        {
            "µm/px": status["scale"].map("{:.3f}".format),
            "width": status["width"],
            "height": status["height"],
            "tissue": status["tissue"].map("{:.1%}".format),
            "pen": status["pen"].map("{:.1%}".format),
            "black": status["black"].map("{:.1%}".format),
            "blur": status["blur"].map("{:.2f}".format),
            "candidates": status["candidates"],
            "tiles": status["tiles"],
            "prepared": status["prepared"],
        }
    ).map(lambda value: "–" if str(value) in ("nan", "nan%", "<NA>") else str(value).removesuffix(".0"))


def _markdown(rows: pd.DataFrame) -> str:
    flat = rows.reset_index() if rows.index.names != [None] else rows
    return frame(flat)
