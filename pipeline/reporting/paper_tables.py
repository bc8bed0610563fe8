"""The paper's figures beside ours."""

from collections.abc import Mapping
from typing import Any

from pipeline.detectors.registry import words_of
from pipeline.reporting.paper import (
    MEDICAL_TEST_IMAGES,
    PAPER_TABLE_2,
    PAPER_TEST_IMAGES,
    QUOTED_FROM,
    Figure,
    published,
)
from pipeline.reporting.summary import Results
from pipeline.reporting.tables import percent_std, table

OTHER_IMAGES = 0.05  # share by which the number of test images may differ from the paper's
AUTHORS = "the paper's authors"
NONE = "–"
NOT_RUN = "not run"
OURS = "this report"  # who made a figure

BESIDE = """## The paper's figures

Table 2 of the paper as a whole, ROC AUC ± standard deviation over three runs, and ours of the methods that this report
has. "Default" are the settings of each method's authors, "tuned" those that known anomalies chose. **Quoted** figures
were made by others than the paper's authors, and nothing here runs these methods.
"""


def medical_section(results: Results) -> str:
    """Compose the section on table 2, with a row for ours."""
    return f"{BESIDE}\n{table(_medical_rows(results))}"


def paper_figures(detector: str, arm: str) -> str:
    """What the paper has of a detector on an arm, as ``default 52.2 ± 0.5, tuned 47.2 ± 0.4``."""
    known = published(words_of(detector).paper, arm)
    return ", ".join(f"{name} {mean_std(figure)}" for name, figure in known.items()) or NONE


def above_paper(detector: str, arm: str, results: Mapping[str, Any]) -> str:
    """By how much ours is above the paper's figure with the settings that its authors chose."""
    known = list(published(words_of(detector).paper, arm).values())
    if not known:
        return NONE
    above = 100 * results["metrics"]["roc_auc"]["mean"] - known[-1][0]
    return f"{above:+.1f}{other_images(arm, results)}"


def _medical_rows(results: Results) -> list[dict[str, str]]:
    detectors = dict.fromkeys(name for singles in results.values() for name in singles)
    rows = []
    for method, settings in PAPER_TABLE_2.items():
        made = QUOTED_FROM.get(method, AUTHORS)
        for setting, arms in settings.items():
            known = {arm: mean_std(arms[arm]) if arm in arms else NONE for arm in MEDICAL_TEST_IMAGES}
            rows.append({"method": method, "settings": setting, **known, "figures by": made})
        for detector in detectors:
            if words_of(detector).paper == method:
                ours = {arm: _ours(results, arm, detector) for arm in MEDICAL_TEST_IMAGES}
                rows.append({"method": method, "settings": "ours", **ours, "figures by": OURS})
    return rows


def _ours(results: Results, arm: str, detector: str) -> str:
    single = results.get(arm, {}).get(detector)
    return NOT_RUN if single is None else percent_std(single["metrics"]["roc_auc"]) + other_images(arm, single)


def other_images(arm: str, results: Mapping[str, Any]) -> str:
    """Say it where ours was tested on other images than the paper's."""
    expected = PAPER_TEST_IMAGES[arm]
    return " (other images)" if abs(results["test"]["images"] - expected) > OTHER_IMAGES * expected else ""


def mean_std(figure: Figure) -> str:
    """A figure of the paper."""
    return "{} ± {}".format(*figure)
