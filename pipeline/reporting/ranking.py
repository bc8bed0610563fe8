"""The detectors of an arm beside each other: one table, what can be told apart, and their ROC curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.detectors.registry import words_of
from pipeline.reporting.baselines import BEATEN, best_baseline
from pipeline.reporting.paper import PAPER_TEST_IMAGES
from pipeline.reporting.paper_tables import NONE, paper_figures
from pipeline.reporting.plots import ranking_plot_name
from pipeline.reporting.summary import by_roc_auc
from pipeline.reporting.tables import MISSING, joined, percent_interval, percent_std, plain, table, verdict

MANY = """Each detector is compared with the reference alone, on the same images, one at a time. Nothing is corrected
for their number: of twenty detectors that are neither better nor worse, one is marked by chance.
"""
SAME = "not told apart"
JUDGED = ("better", "worse", SAME)
SAID = {
    **dict(zip(JUDGED, ("better", "worse", "not told apart from it"), strict=True)),
    MISSING: "without an interval to judge by",
}


def ranking_section(arm: str, results: Mapping[str, Any]) -> str:
    """Compose the section of an arm.

    Args:
        arm: The arm.
        results: Detector to results; the one without ``above_reference`` is the reference.

    Returns:
        Markdown: the table by falling ROC AUC, a sentence on what can be told apart, and the ROC curves.
    """
    name = plain(arm)
    return "\n".join(
        [
            f"### {name}\n",
            table([_row(arm, detector, results) for detector in by_roc_auc(results)]),
            f"{_tested(arm, results)} {_certainty(results)} {_told_apart(results)} {_above_baselines(results)}\n",
            f"![ROC curves of all detectors on {name}](figures/{ranking_plot_name(arm)})\n",
        ]
    )


def _row(arm: str, detector: str, results: Mapping[str, Any]) -> dict[str, str]:
    metrics, above = results[detector]["metrics"], results[detector]["above_reference"]
    row = {
        "detector": words_of(detector).name,
        "ROC AUC": percent_std(metrics["roc_auc"]),
        "95 % interval": percent_interval(metrics["roc_auc"]),
        "average precision": percent_std(metrics["average_precision"]),
        "FPR at 95 % TPR": percent_std(metrics["fpr_at_95_tpr"]),
        f"above {_reference(results)} by": "reference" if above is None else f"{100 * above['mean']:+.1f}",
        "interval of the difference": NONE if above is None else percent_interval(above, signed=True),
        "": NONE if above is None else verdict(above, *JUDGED),
    }
    return row | ({"paper": paper_figures(detector, arm)} if arm in PAPER_TEST_IMAGES else {})


def _reference(results: Mapping[str, Any]) -> str:
    return next(words_of(name).name for name, single in results.items() if single["above_reference"] is None)


def _tested(arm: str, results: Mapping[str, Any]) -> str:
    test = next(iter(results.values()))["test"]
    paper = f" (paper: {PAPER_TEST_IMAGES[arm]})" if arm in PAPER_TEST_IMAGES else ""
    return f"Tested on {test['images']} images{paper}."


def _certainty(results: Mapping[str, Any]) -> str:
    """Say what so many patients or slides can tell: the reach of the intervals, to either side."""
    rarer = f"The rarer class has {next(iter(results.values()))['test']['rarer_groups']} patients or slides"
    areas = _reaches([single["metrics"]["roc_auc"] for single in results.values()])
    others = _reaches([above for single in results.values() if (above := single["above_reference"])])
    if not (areas and others):
        return f"{rarer}, too few to say how far figures can be trusted."
    least = "" if f"{others[0]:.0f}" == f"{others[-1]:.0f}" else f"{others[0]:.0f} to "
    return (
        f"{rarer}: with others, a ROC AUC may well be {areas[-1]:.0f} points away, and a detector has to be "
        f"{least}{others[-1]:.0f} points above or below the reference to be told apart from it."
    )


def _reaches(figures: Sequence[Mapping[str, Any]]) -> list[float]:
    """Half of each interval, in points, rising; of those that have one."""
    return sorted(50 * (figure["high"] - figure["low"]) for figure in figures if figure["low"] is not None)


def _told_apart(results: Mapping[str, Any]) -> str:
    """Say which detectors are better or worse than the reference, and which are not."""
    others = {
        words_of(name).name: verdict(single["above_reference"], *JUDGED)
        for name, single in results.items()
        if single["above_reference"] is not None
    }
    if set(others.values()) == {SAME}:
        return f"**Nothing can be told apart** from the reference, {_reference(results)}."
    parts = []
    for kind, said in SAID.items():
        if names := [name for name, judged in others.items() if judged == kind]:
            parts.append(f"{joined(names)} {'is' if len(names) == 1 else 'are'} {said}")
    return f"Compared with the reference, {_reference(results)}: {'; '.join(parts)}."


def _above_baselines(results: Mapping[str, Any]) -> str:
    """Name the detectors that do not beat the best of their baselines."""
    best = {words_of(detector).name: best_baseline(detector, single) for detector, single in results.items()}
    weak = [
        f"{name} ({baseline}, {area}: {judged})" for name, (baseline, area, judged) in best.items() if judged != BEATEN
    ]
    if not weak:
        return "Each beats the best of its baselines."
    return f"**Not above the best of its baselines:** {'; '.join(weak)}."
