"""docs/results.md: a text by hand with places for figures, which come from the scores that are kept beside it.

`{arm}` is the place of an arm's tables, `{arm.detector}` that of a ROC AUC, `{arm.detector.alike}` of what remains of
it among images that are equally bright, and `{searches}` that of what searches chose.
"""

import re
from functools import cache

from pipeline.detectors.registry import words_of
from pipeline.errors import PipelineError
from pipeline.evaluation.estimates import Difference, Estimate
from pipeline.files import read_text
from pipeline.params.evaluate import ComputeMetrics
from pipeline.real.kept import EXPOSURE, REAL, Kept, KeptArm, kept_arms, kept_figures
from pipeline.reporting.names import baseline_names
from pipeline.reporting.paper_tables import NONE
from pipeline.reporting.tables import percent, percent_interval, percent_std, table

TEXT = REAL / "text.md"
PLACE = re.compile(r"\{(\w+)(?:\.(\w+))?(\.alike)?\}")
SEARCHES = "searches"
NO_SEARCH = "None is kept so far."
UNKNOWN = {"mean": None, "std": None, "low": None}


def results_page(reference: str, settings: ComputeMetrics) -> str:
    """Put the figures of all kept scores into the text.

    Args:
        reference: The detector that the others are compared with.
        settings: Of the bootstrap.

    Returns:
        Markdown, with paths relative to ``docs/``.

    Raises:
        PipelineError: If the text or scores are missing or damaged, or the text has a place for what is not kept.
    """
    arms = kept_arms()
    figures = cache(lambda arm: kept_figures(arm, reference, settings))

    def filled(place: re.Match[str]) -> str:
        arm, detector, alike = place.groups()
        if arm == SEARCHES:
            return _searches()
        if arm not in arms:
            raise PipelineError(f"{TEXT}: {place[0]} is of none of the arms whose scores are kept: {', '.join(arms)}")
        found = figures(arm)
        if detector is None:
            return _tables(found, reference)
        if detector not in found.rows:
            raise PipelineError(f"{TEXT}: {place[0]} is of none of what is kept of {arm}: {', '.join(found.rows)}")
        row = found.rows[detector]
        return _with_interval(row.alike if alike else row.metrics["roc_auc"])

    return PLACE.sub(filled, read_text(TEXT, f"`git restore {TEXT}` brings it back"))


def _tables(found: KeptArm, reference: str) -> str:
    test, rows, baselines = found.test, found.rows, baseline_names(reference)
    called = {name: f"{baselines[name]} (baseline)" if name in baselines else words_of(name).name for name in rows}
    figures = [
        _figures(called[name], rows[name]) | _above(rows[name].above_reference, name, reference) for name in rows
    ]
    beside = [_beside_exposure(called[name], name, rows[name]) for name in rows]
    images, groups = len(test.labels), len(set(test.groups))
    parts = [
        f"Tested on {images} images of {groups} patients, {test.labels.sum()} of them abnormal.",
        table(figures).rstrip(),
        f"Beside exposure, and where it is equal, as in {percent(found.pairs)} % of the pairs:",
        table(beside).rstrip(),
    ]
    return "\n\n".join(parts)


def _figures(called: str, row: Kept) -> dict[str, str]:
    area, precision, rate = (row.metrics[name].content() for name in ("roc_auc", "average_precision", "fpr_at_95_tpr"))
    return {
        "detector": called,
        "seeds": str(row.runs),
        "ROC AUC": percent_std(area),
        "95 % interval": percent_interval(area),
        "average precision": percent(precision["mean"]),
        "FPR at 95 % TPR": percent(rate["mean"]),
    }


def _beside_exposure(called: str, name: str, row: Kept) -> dict[str, str]:
    alike = row.alike.content() if row.alike else UNKNOWN
    return {
        "detector": called,
        **_above(row.above_exposure, name, EXPOSURE),
        "ROC AUC where equally bright": percent_std(alike),
        "95 % interval": percent_interval(alike),
    }


def _above(above: Difference, name: str, other: str) -> dict[str, str]:
    of_other = f"above {words_of(other).name} by"
    if name == other:
        return {of_other: "itself", "interval of the difference": NONE}
    interval = percent_interval(above.content(), signed=True)
    return {of_other: f"{100 * above.mean:+.1f}", "interval of the difference": interval}


def _with_interval(figure: Estimate | None) -> str:
    content = figure.content() if figure else UNKNOWN
    return f"{percent(content['mean'])} ({percent_interval(content)})"


def _searches() -> str:
    """What the searches that are kept chose and would have cost, with the paths of pictures as they are from docs/."""
    sections = [
        read_text(file, "").replace(f"](arms/{file.parts[-3]}/", f"](../{REAL}/{file.parts[-3]}/").rstrip()
        for file in sorted(REAL.glob("*/tuning/section.md"))
    ]
    return "\n\n".join(sections) or NO_SEARCH
