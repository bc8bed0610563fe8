"""What came out, as Markdown and as a plot of the curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipeline.camelyon.froc import RATES
from pipeline.camelyon.judging import ALL, NORMAL
from pipeline.reporting.sheets import save_figure
from pipeline.reporting.tables import MISSING, plain, table

PLOT = "froc.png"
CALLED = {ALL: "false positives per slide", NORMAL: "false positives per slide without metastases"}
LINES = {ALL: "-", NORMAL: "--"}
SHOWN = 10  # slides of a list
LINEAR = 0.125  # false positives below which the axis is linear, as in the challenge's article


def page_text(figures: Mapping[str, Any]) -> str:
    """Compose the page.

    Args:
        figures: Of :class:`pipeline.camelyon.judging.Judgement`, with ``model``.
    """
    slides, lesions, model = figures["slides"], figures["lesions"], figures["model"]
    parts = [
        "# Judged as in Camelyon16\n",
        f"{slides['judged']} test slides, {slides['with_metastases']} of them with metastases, scored by "
        f"{plain(model['detector'])} ({plain(model['name'])}, MD5 {plain(model['md5'])}).\n",
        *_lists(figures),
        table(_rows(figures)),
        table(_sensitivities(figures["froc"])),
        f"{lesions['counted']} lesions count, of which {lesions['hit']} hold a candidate; candidates in "
        f"{lesions['isolated_tumour_cells']} regions of isolated tumour cells are neither hits nor false positives.\n",
        "The score of a curve is its mean sensitivity at these false positives. The organisers' program takes them "
        "from all slides, the article only from slides without metastases. Intervals are 95 % intervals over slides.\n",
        f"{figures['candidates'][0].upper()}{figures['candidates'][1:]}.\n",
        f"![Free-response ROC curve]({PLOT})\n",
    ]
    return "\n".join(parts)


def plot_froc(path: Path, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Draw the curves up to eight false positives per slide."""
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    for name, (rates, sensitivities) in curves.items():
        read, inside = np.interp(RATES, rates, sensitivities), rates <= RATES[-1]
        curve = np.append(rates[inside], RATES[-1]), np.append(sensitivities[inside], read[-1])
        (line,) = axes.plot(*curve, LINES[name], label=CALLED[name])
        axes.plot(RATES, read, "o", markersize=4, color=line.get_color())
    axes.set_xscale("symlog", base=2, linthresh=LINEAR)
    ticks = (0, LINEAR, *RATES)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set(xlabel="false positives", ylabel="sensitivity to lesions", xlim=(0, RATES[-1]), ylim=(0, 1.01))
    figure.legend(loc="outside lower center", fontsize=8, frameon=False)
    save_figure(figure, path)


def _lists(figures: Mapping[str, Any]) -> list[str]:
    parts = []
    if missing := figures["missing"]:
        parts.append(
            f"**Missing test slides: {len(missing)}, and no figure is of the whole test set.** {_listed(missing)}.\n"
        )
    if left_out := figures["left_out"]:
        parts.append(f"Left out: {_listed(left_out)}.\n")
    return parts


def _listed(slides: Mapping[str, str]) -> str:
    named = [f"{plain(name)} ({plain(why)})" for name, why in [*slides.items()][:SHOWN]]
    return "; ".join([*named, f"and {len(slides) - SHOWN} more"] if len(slides) > SHOWN else named)


def _rows(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    slides = figures["slides"]
    rows = [_row("ROC AUC of slides", figures["roc_auc"], slides["judged"])]
    for name, called in CALLED.items():
        rows.append(_row(f"FROC score, {called}", figures["froc"][name], slides["judged_by_lesions"]))
    return rows


def _row(measure: str, figure: Mapping[str, Any], slides: int) -> dict[str, str]:
    interval = MISSING if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
    return {"measure": measure, "value": f"{figure['value']:.3f}", "95 % interval": interval, "slides": str(slides)}


def _sensitivities(frocs: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"sensitivity at": called} | {rate: f"{value:.3f}" for rate, value in frocs[name]["sensitivities"].items()}
        for name, called in CALLED.items()
    ]
