"""Two revisions side by side: which parameters and metrics changed, and whether the change means anything."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import PipelineError, words_of
from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Difference, Figures, difference, figures, metric_figures
from pipeline.evaluation.metrics import LOWER_IS_BETTER, METRICS
from pipeline.evaluation.operating_point import flagged_images, sensitivity_specificity
from pipeline.evaluation.results import check_classes
from pipeline.evaluation.scores import ArmScores, Reader, read_arm_scores
from pipeline.params.base import Name
from pipeline.params.evaluate import ComputeMetrics, Gate
from pipeline.reporting.names import NAMES
from pipeline.reporting.tables import MISSING, percent_interval, percent_std, plain, table

IDENTITY = ["id", "group", "label"]  # what makes a test image the same in two revisions


@dataclass(frozen=True)
class Revision:
    """What is compared of a revision.

    Attributes:
        name: Its name.
        parameters: Key, as in ``train.nih_pa.latent_dim``, to value.
        scores: Arm to its scores, or to the reason why they cannot be read.
        figures: Key, as in ``nih_pa.dpa.sensitivity``, to number: its summary.json.
        gate: Metric to the amount by which it may become worse; None where the revision has no gate.
    """

    name: str
    parameters: Mapping[str, Any]
    scores: Mapping[str, ArmScores | PipelineError]
    figures: Mapping[str, Any]
    gate: Gate | None


@dataclass(frozen=True)
class Change:
    """How a metric of an arm changed.

    Attributes:
        arm: The arm.
        metric: A name of :data:`pipeline.evaluation.metrics.METRICS`, ``sensitivity`` or ``specificity``.
        before: Of each seed, (seeds,).
        now: The same.
        difference: ``now`` minus ``before``.
        paired: Whether both are of the same test images.
    """

    arm: str
    metric: str
    before: np.ndarray
    now: np.ndarray
    difference: Difference
    paired: bool

    @property
    def worse_by(self) -> float:
        """By how much it became worse; negative for better."""
        return self.difference.mean if self.metric in LOWER_IS_BETTER else -self.difference.mean

    @property
    def verdict(self) -> str:
        """What the difference means."""
        if self.difference.beyond_chance is None:
            return MISSING
        if not self.difference.beyond_chance:
            return "within noise"
        return ("▼ worse" if self.worse_by > 0 else "▲ better") + (" with this seed" if self.one_seed else "")

    @property
    def one_seed(self) -> bool:
        """Whether both sides have one seed, so that nothing is known of the noise of seeds."""
        return len(self.before) == len(self.now) == 1


def read_revision(name: str, read: Reader) -> Revision:
    """Read what is compared.

    Args:
        name: The revision's name.
        read: Reads its files.

    Raises:
        PipelineError: If it has no params.yaml with arms and seeds, or its summary.json is broken.
    """
    try:
        text, summary = read("params.yaml"), read("reports/summary.json")
        if text is None:
            raise PipelineError(f"{name} has no params.yaml: name a revision of this pipeline, and fetch it")
        content = YAML(typ="safe").load(text)
        parameters = dict(_flat(content))
        arms = TypeAdapter(tuple[Name, ...]).validate_python(content["arms"]["train"])
        seeds = TypeAdapter(tuple[int, ...]).validate_python(content["seeds"])
        gate = TypeAdapter(Gate | None).validate_python(content.get("gate"))
        summed = dict(_flat(json.loads(summary or "{}")))
    except (YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise PipelineError(
            f"params.yaml or reports/summary.json of {name} is not as this pipeline's "
            f"({words_of(error)}): name a revision whose files are whole"
        ) from error
    scores: dict[str, ArmScores | PipelineError] = {}
    for arm in arms:
        try:
            of_arm = read_arm_scores(arm, seeds, read, scorers=["score"])
            check_classes(of_arm.test().labels)
            scores[arm] = of_arm
        except PipelineError as error:
            scores[arm] = error
    return Revision(name, parameters, scores, summed, gate)


def changes(base: Revision, head: Revision, settings: ComputeMetrics) -> list[Change]:
    """Compare the metrics of the arms that both revisions have scores of.

    Args:
        base: The older revision.
        head: The newer one.
        settings: Of the bootstrap.
    """
    found = []
    for arm, now in head.scores.items():
        before = base.scores.get(arm)
        if isinstance(before, ArmScores) and isinstance(now, ArmScores):
            found += _arm_changes(arm, before, now, settings)
    return found


def comparison_text(base: Revision, head: Revision, found: list[Change]) -> str:
    """Say in Markdown what changed.

    Args:
        base: The older revision.
        head: The newer one.
        found: Of :func:`changes`.
    """
    rows = [_row(change, base.name) for change in found if change.difference.mean]
    same = {change.arm for change in found} - {change.arm for change in found if change.difference.mean}
    notes = [f"{arm}: every metric is as before" for arm in same]
    notes += [f"{arm}: the test images differ: not paired" for arm in {c.arm for c in found if not c.paired}]
    notes += [
        f"{arm}: one seed on both sides: the intervals are over patients or slides, without the noise of seeds, "
        "so that another seed alone may be marked as better or worse: run more seeds to know"
        for arm in {change.arm for change in found if change.one_seed and change.difference.mean}
    ]
    notes += not_compared(base, head)
    parts = [f"## Compared with {plain(base.name)}\n", "### Parameters\n"]
    parts += [_differences("parameter", base.name, base.parameters, head.parameters), "### Metrics\n"]
    parts += [table(rows), READING] if rows else []
    parts += [*(f"- {plain(note)}" for note in sorted(notes)), "", "### Other figures of summary.json\n"]
    shown = {f"{change.arm}.dpa.{change.metric}" for change in found}
    others = [{key: value for key, value in side.figures.items() if key not in shown} for side in (base, head)]
    return "\n".join([*parts, _differences("figure", base.name, *others)])


READING = """Percent; mean ± standard deviation over seeds. The interval is that of the difference (95 %, paired over
patients or slides, with the noise of seeds); where it holds 0, the difference is within noise. It is n/a with fewer
than five patients or slides of a class. Of twenty such rows, one is marked by chance, or more where the noise of seeds
is not known.
"""


def not_compared(base: Revision, head: Revision) -> Iterator[str]:
    """Say which arms have no figures on one side."""
    for arm in sorted({*base.scores, *head.scores}):
        for side, other in ((base, head), (head, base)):
            if arm not in side.scores:
                yield f"{arm}: only in {other.name}"
            elif isinstance(reason := side.scores[arm], PipelineError):
                yield f"{arm}: no scores in {side.name} ({reason})"


def failures(found: list[Change], base: Revision, head: Revision, allowed: Gate) -> list[str]:
    """Say what the gate does not let through.

    Args:
        found: Of :func:`changes`.
        base: The older revision.
        head: The newer one.
        allowed: Metric to the amount by which it may become worse.

    Returns:
        One sentence for each metric that became worse by more, and for each arm of the base, or with unreadable scores,
        that could not be compared.
    """
    limits = {str(metric): limit for metric, limit in allowed.items()}
    lines = [
        f"{change.arm}: {NAMES[change.metric]} became worse by {change.worse_by:.4f} ({change.before.mean():.4f} to "
        f"{change.now.mean():.4f}); gate.{change.metric} allows {limit:g}"
        for change in found
        if (limit := limits.get(change.metric)) is not None and change.worse_by > limit
    ]
    new = {arm for arm, scores in head.scores.items() if arm not in base.scores and isinstance(scores, ArmScores)}
    return lines + [line for line in not_compared(base, head) if line.partition(":")[0] not in new]


def _arm_changes(arm: str, before: ArmScores, now: ArmScores, settings: ComputeMetrics) -> list[Change]:
    old_test, new_test = before.test(), now.test()
    paired = old_test.images[IDENTITY].equals(new_test.images[IDENTITY])
    here, there = (
        Resamples(test.labels, test.groups, settings.resamples, settings.seed, "" if paired else name)
        for test, name in ((new_test, ""), (old_test, "of the base"))
    )
    old, new = (_figures(*of, settings.held_out_quantile) for of in ((before, there), (now, here)))
    groups = min(here.groups, there.groups)
    return [
        Change(arm, name, old[name].seeds, new[name].seeds, difference(new[name], old[name], groups), paired)
        for name in new
        if name in old
    ]


def _figures(scores: ArmScores, resamples: Resamples, quantile: float) -> dict[str, Figures]:
    """The metrics and, where normals are held out, sensitivity and specificity at the threshold."""
    test = scores.test()
    of_metrics = metric_figures(test.labels, test.scores["score"], list(METRICS), resamples)
    found = {str(name): of_metrics.pick(k) for k, name in enumerate(METRICS)}
    flags = flagged_images(scores, quantile)
    if flags is not None:
        both = figures(lambda weights: sensitivity_specificity(test.labels, flags, weights), resamples)
        found |= {"sensitivity": both.pick(0), "specificity": both.pick(1)}
    return found


def _row(change: Change, base: str) -> dict[str, str]:
    return {
        "arm": change.arm,
        "metric": NAMES[change.metric],
        f"at {base}": _mean_std(change.before),
        "now": _mean_std(change.now),
        "difference": f"{100 * change.difference.mean:+.1f}",
        "95 % interval": percent_interval(change.difference.content(), signed=True),
        "": change.verdict,
    }


def _mean_std(seeds: np.ndarray) -> str:
    return percent_std({"mean": seeds.mean(), "std": seeds.std(ddof=1) if len(seeds) > 1 else None})


def _differences(kind: str, base: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """A table of the keys whose values differ."""
    rows = [
        {kind: key, f"at {base}": before.get(key, "–"), "now": now.get(key, "–")}
        for key in sorted({*before, *now})
        if before.get(key, "–") != now.get(key, "–")
    ]
    return table(rows) if rows else "None changed.\n"


def _flat(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    parts: Any = (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    )
    for name, value in parts:
        yield from _flat(value, f"{key}.{name}" if key else str(name))
    if not parts:
        yield key, content
