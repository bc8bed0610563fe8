"""Two revisions side by side: which parameters and metrics changed, and whether the change means anything."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import PipelineError, words_of
from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Difference, Figures, difference, figures, metric_figures
from pipeline.evaluation.metrics import LOWER_IS_BETTER, METRICS
from pipeline.evaluation.operating_point import flagged_images, sensitivity_specificity
from pipeline.evaluation.results import check_classes
from pipeline.evaluation.scores import SCORE, ArmScores, Reader, read_arm_scores
from pipeline.layout import arm_file
from pipeline.params.base import Name
from pipeline.params.evaluate import ComputeMetrics, Gate
from pipeline.reporting.names import NAMES
from pipeline.reporting.tables import MISSING, percent, percent_interval, percent_std, plain, table

IDENTITY = ["id", "group", "label"]  # what makes a test image the same in two revisions

Run = tuple[str, str]  # arm and detector


@dataclass(frozen=True)
class Revision:
    """What is compared of a revision.

    Attributes:
        name: Its name.
        parameters: Key, as in ``arms/nih_pa.yaml:detectors.dpa.latent_dim``, to value.
        scores: Arm and detector to their scores, or to the reason why they cannot be read.
        figures: Key, as in ``nih_pa.dpa.sensitivity``, to number: its summary.json.
        gate: Metric to the amount by which it may become worse; None where the revision has no gate.
    """

    name: str
    parameters: Mapping[str, Any]
    scores: Mapping[Run, ArmScores | PipelineError]
    figures: Mapping[str, Any]
    gate: Gate | None


@dataclass(frozen=True)
class Change:
    """How a metric of an arm's detector changed.

    Attributes:
        run: The arm and the detector.
        metric: A name of :data:`pipeline.evaluation.metrics.METRICS`, ``sensitivity`` or ``specificity``.
        before: Of each seed, (seeds,).
        now: The same.
        difference: ``now`` minus ``before``.
        paired: Whether both are of the same test images.
    """

    run: Run
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
        arms = TypeAdapter(tuple[Name, ...]).validate_python(content["arms"]["train"])
        parameters = dict(_flat(content))
        for file in map(str, map(arm_file, arms)):
            own = YAML(typ="safe").load(read(file) or "{}")
            parameters |= {f"{file}:{key}": value for key, value in _flat(own)}
        seeds = TypeAdapter(tuple[int, ...]).validate_python(content["seeds"])
        gate = TypeAdapter(Gate | None).validate_python(content.get("gate"))
        summed_up = json.loads(summary or "{}")
        summed = dict(_flat(summed_up))
        # Before there was a list of detectors, the summary alone named the one that there was.
        named = content.get("detectors") or sorted({name for arm in summed_up.values() for name in arm})
        named = [*named, *content.get("quick_detectors", [])]
        detectors = TypeAdapter(Annotated[tuple[Name, ...], Field(min_length=1)]).validate_python(named)
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise PipelineError(
            f"params.yaml, arms/ or reports/summary.json of {name} is not as this pipeline's "
            f"({words_of(error)}): name a revision whose files are whole"
        ) from error
    scores: dict[Run, ArmScores | PipelineError] = {}
    for run in product(arms, detectors):
        try:
            read_scores = read_arm_scores(*run, seeds, read, [SCORE])
            check_classes(read_scores.test().labels)
            scores[run] = read_scores
        except PipelineError as error:
            scores[run] = error
    return Revision(name, parameters, scores, summed, gate)


def changes(base: Revision, head: Revision, settings: ComputeMetrics) -> list[Change]:
    """Compare the metrics of the arms and detectors that both revisions have scores of.

    Args:
        base: The older revision.
        head: The newer one.
        settings: Of the bootstrap.
    """
    changed: list[Change] = []
    for run, now in head.scores.items():
        before = base.scores.get(run)
        if isinstance(before, ArmScores) and isinstance(now, ArmScores):
            changed += _run_changes(run, before, now, settings)
    return changed


def called(run: Run, base: Revision, head: Revision) -> str:
    """An arm's name and, where either revision has several detectors, the detector's."""
    detectors = {detector for side in (base, head) for _, detector in side.scores}
    return run[0] if len(detectors) == 1 else "/".join(run)


def all_called(runs: Iterable[Run], base: Revision, head: Revision) -> str:
    """The names of several, an arm's detectors together."""
    detectors: dict[str, list[str]] = {}
    for arm, detector in sorted(runs):
        detectors.setdefault(arm, []).append(detector)
    return ", ".join(
        called((arm, own[0]), base, head) if len(own) == 1 else f"{arm} ({', '.join(own)})"
        for arm, own in detectors.items()
    )


def comparison_text(base: Revision, head: Revision, changed: list[Change]) -> str:
    """Say in Markdown what changed.

    Args:
        base: The older revision.
        head: The newer one.
        changed: Of :func:`changes`.
    """
    names = {change.run: called(change.run, base, head) for change in changed}
    others = [change for change in changed if change.difference.mean]
    rows = [_row(change, names[change.run], base.name) for change in others]
    same = set(names) - {change.run for change in others}
    said = {
        "every metric is as before": same,
        "the test images differ: not paired": {change.run for change in changed if not change.paired},
        ONE_SEED: {change.run for change in others if change.one_seed},
    }
    notes = [f"{all_called(runs, base, head)}: {text}" for text, runs in said.items() if runs]
    notes += not_compared(base, head).values()
    parts = [f"## Compared with {plain(base.name)}\n", "### Parameters\n"]
    parts += [_differences("parameter", base.name, base.parameters, head.parameters), "### Metrics\n"]
    parts += [table(rows), READING] if rows else []
    parts += [*(f"- {plain(note)}" for note in sorted(notes)), "", "### Other figures of summary.json\n"]
    shown = {".".join([*change.run, change.metric]) for change in changed}
    # What is on one side alone is named above, and all its figures would hide those that can be compared.
    alone = tuple(f"{'.'.join(run)}." for run in {*base.scores} ^ {*head.scores})
    rest = [
        {key: value for key, value in side.figures.items() if key not in shown and not key.startswith(alone)}
        for side in (base, head)
    ]
    return "\n".join([*parts, _differences("figure", base.name, *rest)])


ONE_SEED = (
    "one seed on both sides: the intervals are over patients or slides, without the noise of seeds, so that another "
    "seed alone may be marked as better or worse: run more seeds to know"
)
READING = """Percent; mean ± standard deviation over seeds. The interval is that of the difference (95 %, paired over
patients or slides, with the noise of seeds); where it holds 0, the difference is within noise. It is n/a with fewer
than five patients or slides of a class. Of twenty such rows, one is marked by chance, or more where the noise of seeds
is not known.
"""


def not_compared(base: Revision, head: Revision) -> dict[Run, str]:
    """Say which arms and detectors have no figures on one side, or on both."""
    reasons: dict[Run, list[str]] = {}
    for run in sorted({*base.scores, *head.scores}):
        if run not in base.scores:
            reasons[run] = [f"new in {head.name}{_roc_auc(run, head)}"]
        elif run not in head.scores:
            reasons[run] = [f"only in {base.name}{_roc_auc(run, base)}"]
        for side in (base, head):
            if isinstance(reason := side.scores.get(run), PipelineError):
                reasons.setdefault(run, []).append(f"no scores in {side.name} ({reason})")
    return {run: f"{called(run, base, head)}: {'; '.join(why)}" for run, why in reasons.items()}


def _roc_auc(run: Run, side: Revision) -> str:
    """The ROC AUC of what is on one side alone, where its summary has it."""
    area = side.figures.get(".".join([*run, "roc_auc"]))
    return f", ROC AUC {percent(area)}" if isinstance(area, float) else ""


def failures(changed: list[Change], base: Revision, head: Revision, allowed: Gate) -> list[str]:
    """Say what the gate does not let through.

    Args:
        changed: Of :func:`changes`.
        base: The older revision.
        head: The newer one.
        allowed: Metric to the amount by which it may become worse.

    Returns:
        One sentence for each metric that became worse by more, and for each arm and detector of the base, or with
        unreadable scores, that could not be compared.
    """
    limits = {str(metric): limit for metric, limit in allowed.items()}
    lines = [
        f"{called(change.run, base, head)}: {NAMES[change.metric]} became worse by {change.worse_by:.4f} "
        f"({change.before.mean():.4f} to {change.now.mean():.4f}); gate.{change.metric} allows {limit:g}"
        for change in changed
        if (limit := limits.get(change.metric)) is not None and change.worse_by > limit
    ]
    new = {run for run, scores in head.scores.items() if run not in base.scores and isinstance(scores, ArmScores)}
    return lines + [line for run, line in not_compared(base, head).items() if run not in new]


def _run_changes(run: Run, before: ArmScores, now: ArmScores, settings: ComputeMetrics) -> list[Change]:
    old_test, new_test = before.test(), now.test()
    paired = old_test.images[IDENTITY].equals(new_test.images[IDENTITY])
    here, there = (
        Resamples(test.labels, test.groups, settings.resamples, settings.seed, "" if paired else name)
        for test, name in ((new_test, ""), (old_test, "of the base"))
    )
    old = _figures(before, there, settings.held_out_quantile)
    new = _figures(now, here, settings.held_out_quantile)
    groups = min(here.groups, there.groups)
    return [
        Change(run, name, old[name].seeds, new[name].seeds, difference(new[name], old[name], groups), paired)
        for name in new
        if name in old
    ]


def _figures(scores: ArmScores, resamples: Resamples, quantile: float) -> dict[str, Figures]:
    """The metrics and, where normals are held out, sensitivity and specificity at the threshold."""
    test = scores.test()
    all_metrics = metric_figures(test.labels, test.scores[SCORE], list(METRICS), resamples)
    named = {str(name): all_metrics.pick(k) for k, name in enumerate(METRICS)}
    flags = flagged_images(scores, quantile)
    if flags is not None:
        both = figures(lambda weights: sensitivity_specificity(test.labels, flags, weights), resamples)
        named |= {"sensitivity": both.pick(0), "specificity": both.pick(1)}
    return named


def _row(change: Change, name: str, base: str) -> dict[str, str]:
    return {
        "arm": name,
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
    before, now = _whole_files(before, now), _whole_files(now, before)
    rows = [
        {kind: key, f"at {base}": before.get(key, "–"), "now": now.get(key, "–")}
        for key in sorted({*before, *now})
        if before.get(key, "–") != now.get(key, "–")
    ]
    return table(rows) if rows else "None changed.\n"


def _whole_files(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Put one row for a file, as ``arms/nih_pa.yaml``, of which the other side has nothing."""
    there = {key.partition(":")[0] for key in others if ":" in key}
    return {
        (key.partition(":")[0] if ":" in key and key.partition(":")[0] not in there else key): (
            "a file with settings" if ":" in key and key.partition(":")[0] not in there else value
        )
        for key, value in values.items()
    }


def _flat(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    parts: Any = (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    )
    for name, value in parts:
        yield from _flat(value, f"{key}.{name}" if key else str(name))
    if not parts:
        yield key, content
