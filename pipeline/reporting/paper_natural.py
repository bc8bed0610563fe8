"""The paper's figures of natural images beside ours: tables 1 and 5."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from pipeline.detectors.registry import words_of
from pipeline.natural import Experiment, experiments
from pipeline.reporting.paper import NATURAL_ARMS, NATURAL_CLASSES, PAPER_TABLE_1, QUOTED_FROM, published
from pipeline.reporting.paper_tables import AUTHORS, NONE, NOT_RUN, OURS, mean_std, other_images
from pipeline.reporting.summary import Results
from pipeline.reporting.tables import folded, percent_std, table

Row = dict[str, str]

NAMES = {"cifar10": "CIFAR10", "svhn": "SVHN"}
CLASSES = 10
QUOTED = "**Quoted** figures were made by others than the paper's authors."
UNRUN = f"""Averages over ten experiments each, where one class at a time is normal. Our runs of these are not part of
this report. {QUOTED}
"""
RUN = f"""## The paper's figures on natural images

One class at a time is normal, and the other nine are not. Table 1 of the paper has the averages over the ten classes of
a collection, and ours stand below; where fewer classes ran, ours is the mean over these, and says over how many. ± is
the standard deviation over seeds, which the paper's averages are without. "Default" are the settings of each method's
authors, "tuned" those that known anomalies chose; ours are "as default" or "as tuned" where they are these in all of
the classes that ran, and "as neither" where they are not. {QUOTED}
"""
TABLE_5 = """### {name}, class by class

Table 5 of the paper, ROC AUC ± standard deviation over three runs, and ours.
"""


def natural_section(results: Results) -> str:
    """Compose the section: what was published, folded, unless classes of these collections ran."""
    ran = {collection: [arm for arm in arms if arm in results] for collection, arms in NATURAL_ARMS.items()}
    if not any(ran.values()):
        rows = [row for method in PAPER_TABLE_1 for row in _averages(method)]
        return folded("Table 1 of the paper: natural images, quoted as a whole", f"{UNRUN}\n{table(rows)}")
    settings = _settings([one for one in experiments() if one.arm in results], results)

    def our_averages(detector: str) -> Row:
        averages = {NAMES[name]: _average(results, arms, detector) for name, arms in ran.items()}
        return {**averages, "figures by": OURS}

    parts = [RUN, table(_beside(settings, _averages, our_averages))]
    for name in [name for name, arms in ran.items() if arms]:
        classes = dict(zip(NATURAL_ARMS[name], NATURAL_CLASSES[name], strict=True))

        def our_classes(detector: str, classes: Mapping[str, str] = classes) -> Row:
            return {of_class: _ours(results, arm, detector) for arm, of_class in classes.items()}

        rows = _beside(settings, partial(_classes, classes), our_classes)
        parts += [TABLE_5.format(name=NAMES[name]), table(rows)]
    return "\n".join(parts)


def _settings(ran: Sequence[Experiment], results: Results) -> dict[str, str]:
    """Detector to whether its settings are those that the paper's authors ran."""
    said = {}
    for detector in dict.fromkeys(name for one in ran for name in results[one.arm]):
        kinds = set.intersection(*({*one.kinds(detector)} for one in ran))
        said[detector] = f"ours, as {min(kinds)}" if len(kinds) == 1 else "ours" if kinds else "ours, as neither"
    return said


def _beside(
    settings: Mapping[str, str], published_rows: Callable[[str], list[Row]], our_row: Callable[[str], Row]
) -> list[Row]:
    """The paper's rows of each method, and below them those of our detectors."""
    methods = {detector: words_of(detector).paper or words_of(detector).name for detector in settings}
    rows = []
    for method in dict.fromkeys([*PAPER_TABLE_1, *methods.values()]):
        rows += published_rows(method)
        ours = [detector for detector in settings if methods[detector] == method]
        rows += [{"method": method, "settings": settings[detector], **our_row(detector)} for detector in ours]
    return rows


def _averages(method: str) -> list[Row]:
    """Table 1."""
    made = QUOTED_FROM.get(method, AUTHORS)
    rows = []
    for setting, areas in PAPER_TABLE_1.get(method, {}).items():
        known = [NONE if area is None else str(area) for area in areas]
        averages = dict(zip(NAMES.values(), known, strict=True))
        rows.append({"method": method, "settings": setting, **averages, "figures by": made})
    return rows


def _classes(classes: Mapping[str, str], method: str) -> list[Row]:
    """Table 5."""
    of_arm = {of_class: published(method, arm) for arm, of_class in classes.items()}
    return [
        {"method": method, "settings": setting, **{name: mean_std(known[setting]) for name, known in of_arm.items()}}
        for setting in next(iter(of_arm.values()))
    ]


def _average(results: Results, arms: Sequence[str], detector: str) -> str:
    """The mean over the classes of a collection, with its deviation over seeds."""
    if not arms:
        return NOT_RUN
    singles = {arm: results[arm][detector] for arm in arms}
    seeds = np.mean([single["metrics"]["roc_auc"]["seeds"] for single in singles.values()], axis=0)
    said = percent_std({"mean": seeds.mean(), "std": seeds.std(ddof=1) if len(seeds) > 1 else None})
    some = f" ({len(arms)} of {CLASSES} classes)" if len(arms) < CLASSES else ""
    return said + some + max(other_images(arm, single) for arm, single in singles.items())


def _ours(results: Results, arm: str, detector: str) -> str:
    if arm not in results:
        return NONE
    single = results[arm][detector]
    return percent_std(single["metrics"]["roc_auc"]) + other_images(arm, single)
