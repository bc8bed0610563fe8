"""The paper's figures beside ours."""

from collections.abc import Mapping
from typing import Any

from pipeline.detectors.registry import words_of
from pipeline.reporting.paper import PAPER_TABLE_1, PAPER_TABLE_2, PAPER_TEST_IMAGES, QUOTED_FROM
from pipeline.reporting.summary import Results
from pipeline.reporting.tables import folded, percent_std, table

OTHER_IMAGES = 0.05  # share by which the number of test images may differ from the paper's
AUTHORS = "the paper's authors"
NONE = "–"

BESIDE = """## The paper's figures

Table 2 of the paper as a whole, ROC AUC ± standard deviation over three runs, and ours of the methods that this report
has. "Default" are the settings of each method's authors, "tuned" those that known anomalies chose. **Quoted** figures
were made by others than the paper's authors, and nothing here runs these methods.
"""
NATURAL = """Averages over ten experiments each, where one class at a time is normal. Our runs of these are not part of
this report. **Quoted** figures were made by others than the paper's authors.
"""


def paper_section(results: Results) -> str:
    """Compose the section: table 2 with a row for ours, and table 1 folded below."""
    return "\n".join([BESIDE, table(_medical_rows(results)), folded(*_natural())])


def paper_figures(detector: str, arm: str) -> str:
    """What the paper has of a detector on an arm, as ``default 52.2 ± 0.5, tuned 47.2 ± 0.4``."""
    settings = PAPER_TABLE_2.get(words_of(detector).paper, {})
    known = [f"{name} {_mean_std(arms[arm])}" for name, arms in settings.items() if arm in arms]
    return ", ".join(known) or NONE


def above_paper(detector: str, arm: str, results: Mapping[str, Any]) -> str:
    """By how much ours is above the paper's figure with the settings that its authors chose."""
    settings = list(PAPER_TABLE_2.get(words_of(detector).paper, {}).values())
    if not settings or arm not in settings[-1]:
        return NONE
    above = 100 * results["metrics"]["roc_auc"]["mean"] - settings[-1][arm][0]
    return f"{above:+.1f}{_other_images(arm, results)}"


def _medical_rows(results: Results) -> list[dict[str, str]]:
    detectors = dict.fromkeys(name for singles in results.values() for name in singles)
    rows = []
    for method, settings in PAPER_TABLE_2.items():
        made = QUOTED_FROM.get(method, AUTHORS)
        for setting, arms in settings.items():
            known = {arm: _mean_std(arms[arm]) if arm in arms else NONE for arm in PAPER_TEST_IMAGES}
            rows.append({"method": method, "settings": setting, **known, "figures by": made})
        for detector in detectors:
            if words_of(detector).paper == method:
                ours = {arm: _ours(results, arm, detector) for arm in PAPER_TEST_IMAGES}
                rows.append({"method": method, "settings": "ours", **ours, "figures by": "this report"})
    return rows


def _ours(results: Results, arm: str, detector: str) -> str:
    single = results.get(arm, {}).get(detector)
    return "not run" if single is None else percent_std(single["metrics"]["roc_auc"]) + _other_images(arm, single)


def _other_images(arm: str, results: Mapping[str, Any]) -> str:
    expected = PAPER_TEST_IMAGES[arm]
    return " (other images)" if abs(results["test"]["images"] - expected) > OTHER_IMAGES * expected else ""


def _natural() -> tuple[str, str]:
    rows = [
        {
            "method": method,
            "settings": setting,
            **{
                name: NONE if area is None else str(area) for name, area in zip(("CIFAR10", "SVHN"), areas, strict=True)
            },
            "figures by": QUOTED_FROM.get(method, AUTHORS),
        }
        for method, settings in PAPER_TABLE_1.items()
        for setting, areas in settings.items()
    ]
    return "Table 1 of the paper: natural images, quoted as a whole", f"{NATURAL}\n{table(rows)}"


def _mean_std(figure: tuple[float, float]) -> str:
    return "{} ± {}".format(*figure)
