"""report.md: our figures beside the paper's, what they mean, and the pictures behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import pandas as pd

from pipeline import layout
from pipeline.detectors.registry import words_of
from pipeline.evaluation.breakdown import FINDING
from pipeline.reporting.names import NAMES, baseline_meanings, baseline_names, check_baselines
from pipeline.reporting.paper import PAPER_BEST_OTHER, PAPER_ROC_AUC, PAPER_TEST_IMAGES
from pipeline.reporting.plots import KINDS, plot_name
from pipeline.reporting.summary import Results
from pipeline.reporting.tables import MISSING, frame, percent, percent_interval, percent_std, plain, table

OTHER_IMAGES = 0.05  # share by which the number of test images may differ from the paper's

INTRODUCTION = """# Report

Anomaly detection with {detectors}. All figures are in percent. ± is the standard deviation over seeds,
intervals are 95 % intervals over the patients or slides of the test split.
"""

READING = """## How to read this

- **ROC AUC** is the chance that a random abnormal test image scores higher than a random normal one; 50 is guessing.
  **Average precision** of guessing is the abnormal share. The **partial ROC AUC** looks at false positive rates up to
  10 % only.
- **Intervals** say how much a figure would move with other patients or slides (bootstrap over these, not over images).
  They are n/a where a class has fewer than five of them, or where no resample changes the figure.
- **Differences** between detector and baseline are of the same images; their intervals hold the noise of seeds, too,
  unless there is one seed only: then they are over patients or slides alone.
{baselines}
- The **threshold** is set on held-out normal images, without any anomaly; the intervals of sensitivity and specificity
  take it as given. Validation anomalies choose nothing here.
{slides}"""

SLIDES = """\
- **Slides** with a lesion are represented by tiles from inside its outline, so that the ROC AUC of slides is an upper
  bound and no diagnosis of slides. They are n/a where all slides have the same label.
"""

UNLIKE = (
    "The paper trains on all normals of the training lists; ours hold a part of the patients or slides out (see the "
    "counts of each arm). Camelyon16's tiles are draws of our own unless `sample_tiles` names the paper's lists. "
    '"Other images" marks a number of test images that is more than 5 % off the paper\'s.\n'
)

GENERATED = (
    "The demo arms are **drawn by a program, not taken from patients**. Their figures show that the pipeline works; "
    "they say nothing about medicine, and the paper has no figures for them.\n"
)

ONE_SEED = (
    "One seed was trained, so that no interval holds the noise of seeds: all are over patients or slides alone.\n"
)

BASELINES = "- {meanings}. Where one of them comes close to the detector, exposure or colour may be what is detected."
WIDTH = 120  # of a line of text


@dataclass(frozen=True)
class ArmFacts:
    """What the report says of an arm, whatever detects.

    Attributes:
        generated: Whether its images are drawn, not of patients.
        counts: Images by split.
        pictures: Of its data, relative to the report.
        parameters: Its settings, as YAML.
        tuning: The section on the search of its settings; empty where there was none.
    """

    generated: bool
    counts: pd.DataFrame
    pictures: Sequence[Path]
    parameters: str
    tuning: str


@dataclass(frozen=True)
class DetectorFacts:
    """What the report says of a detector on an arm beside its results.

    Attributes:
        seeds: Its seeds.
        breakdown: By finding or slide.
        provenance: Of each of its runs.
    """

    seeds: Sequence[int]
    breakdown: pd.DataFrame
    provenance: Sequence[Mapping[str, Any]]


def report_text(
    results: Results, facts: Mapping[str, ArmFacts], runs: Mapping[str, Mapping[str, DetectorFacts]]
) -> str:
    """Compose report.md.

    Args:
        results: Arm to detector to what :func:`pipeline.evaluation.results.arm_results` made.
        facts: Arm to the rest that is said of it.
        runs: Arm to detector to the rest that is said of both.

    Returns:
        Markdown.

    Raises:
        PipelineError: If a detector was compared with what nobody names.
    """
    for arm, singles in results.items():
        for detector, single in singles.items():
            check_baselines(arm, detector, single["baselines"])
    detectors = list(dict.fromkeys(name for singles in results.values() for name in singles))
    generated = any(facts[arm].generated for arm in results)
    # Drawn arms stand for the paper's until these run; a report on other data alone has nothing to do with them.
    beside_paper = generated or bool({*PAPER_ROC_AUC} & set(results))
    rows = [
        _result_row(arm, detector, single, beside_paper, len(detectors) > 1)
        for arm, singles in results.items()
        for detector, single in singles.items()
    ]
    absent = [arm for arm in PAPER_ROC_AUC if beside_paper and arm not in results]
    rows += [_result_row(arm, "", None, beside_paper, len(detectors) > 1) for arm in absent]
    introduction = INTRODUCTION.format(detectors=" and ".join(words_of(name).plural for name in detectors))
    parts = [introduction, "## Results\n", table(rows)]
    if set(PAPER_ROC_AUC) & set(results):
        parts.append(UNLIKE)
    if generated:
        parts.append(GENERATED)
    parts += [_arm_section(arm, singles, facts[arm], runs[arm]) for arm, singles in results.items()]
    baselines = BASELINES.format(meanings="; ".join(baseline_meanings(detectors)))
    slides = any(single["slides"] for singles in results.values() for single in singles.values())
    reading = {"baselines": fill(baselines, WIDTH, subsequent_indent="  "), "slides": SLIDES if slides else ""}
    return "\n".join([*parts, READING.format(**reading)])


def _result_row(
    arm: str, detector: str, results: Mapping[str, Any] | None, beside_paper: bool, several: bool
) -> dict[str, str]:
    """A row of the first table.

    Args:
        detector: The detector; empty for an arm that was not run.
        results: Of both; None for an arm that was not run.
        beside_paper: Whether the table has the paper's figures.
        several: Whether there are several detectors, so that each row names its own.
    """
    in_paper = not detector or words_of(detector).in_paper
    paper = PAPER_ROC_AUC.get(arm, {}) if in_paper else {}
    row = {"arm": arm} | ({"detector": words_of(detector).name if detector else "–"} if several else {})
    ours = "ROC AUC, ours" if beside_paper else "ROC AUC"
    row |= {ours: "not run", "95 % interval": "–"}
    if beside_paper:
        row |= dict.fromkeys(("paper", "ours − paper", "paper, without growth", "paper, best other"), "–")
    row |= {"best baseline": "–", "test images": "–"}
    if paper:
        (mean, std), (without, without_std) = paper["with growth"], paper["without growth"]
        name, other = PAPER_BEST_OTHER[arm]
        row["paper"] = f"{mean} ± {std}"
        row |= {"paper, without growth": f"{without} ± {without_std}", "paper, best other": f"{other} ({name})"}
    if results is not None:
        area = results["metrics"]["roc_auc"]
        row |= {ours: percent_std(area), "95 % interval": percent_interval(area)}
        name, best = max(results["baselines"].items(), key=lambda item: (item[1]["roc_auc"]["mean"], item[0]))
        called = baseline_names(detector)[name]
        row["best baseline"] = f"{percent(best['roc_auc']['mean'])} ({called}): {_verdict(best['detector_above'])}"
        images = results["test"]["images"]
        row["test images"] = str(images)
        if paper:
            expected = PAPER_TEST_IMAGES[arm]
            others = abs(images - expected) > OTHER_IMAGES * expected
            row["test images"] += f" (paper: {expected})"
            row["ours − paper"] = (
                f"{100 * area['mean'] - paper['with growth'][0]:+.1f}{' (other images)' if others else ''}"
            )
    return row


def _baseline_rows(detector: str, results: Mapping[str, Any]) -> list[dict[str, str]]:
    names, baselines = baseline_names(detector), results["baselines"]
    return [
        {
            "baseline": called,
            "ROC AUC": percent_std(baselines[name]["roc_auc"]),
            "detector above by": f"{100 * baselines[name]['detector_above']['mean']:+.1f}",
            "95 % interval": percent_interval(baselines[name]["detector_above"], signed=True),
            "": _verdict(baselines[name]["detector_above"]),
        }
        for name, called in names.items()
        if name in baselines
    ]


def _verdict(above: Mapping[str, Any]) -> str:
    if above["low"] is None:
        return MISSING
    return "beaten" if above["low"] > 0 else "better than the detector" if above["high"] < 0 else "not told apart"


def _arm_section(arm: str, results: Mapping[str, Any], facts: ArmFacts, runs: Mapping[str, DetectorFacts]) -> str:
    name = plain(arm)
    parts = [f"## {name}\n"]
    for detector, single in results.items():
        called = words_of(detector).name
        if len(results) > 1:
            parts.append(f"### {name}, {called}\n")
        parts += _detector_part(
            arm, detector, single, runs[detector], name if len(results) == 1 else f"{name}, {called}"
        )
    parts += [facts.tuning] if facts.tuning else []
    parts += [f"### {name}: data\n", frame(facts.counts)]
    parts += [f"![{picture.stem} of {arm}]({picture.as_posix()})\n" for picture in facts.pictures]
    parts += [_origin(runs), f"### {name}: parameters\n", f"```yaml\n{facts.parameters}```\n"]
    return "\n".join(parts)


def _detector_part(
    arm: str, detector: str, results: Mapping[str, Any], facts: DetectorFacts, heading: str
) -> list[str]:
    """What is said of a detector on an arm, below headings that begin alike."""
    first = layout.pictures(layout.run_name(arm, detector, facts.seeds[0])).relative_to(layout.REPORTS).as_posix()
    plots = " ".join(f"![{kind} of {arm}](figures/{plot_name(arm, detector, kind)})" for kind in KINDS)
    test, pictures = results["test"], words_of(detector).pictures
    return [
        table(list(_metric_rows(results, facts))),
        *([ONE_SEED] if len(facts.seeds) == 1 else []),
        f"Tested on {test['images']} images of {test['groups']} patients or slides, "
        f"{test['abnormal']} of them abnormal ({percent(test['abnormal_share'])} %). {_threshold(results)}\n",
        "Baselines, tested on the same images:\n",
        table(_baseline_rows(detector, results)),
        f"{plots}\n",
        f"### {heading}: the images behind the figures\n",
        f"Seed {facts.seeds[0]}; anomaly maps, where there are any, are drawn to one scale per detector.\n",
        f"![Gallery of {arm}]({first}/gallery.png)\n",
        *([f"{pictures}\n", f"![Growth of {arm}]({first}/growth.png)\n"] if pictures else []),
        f"### {heading}: by {facts.breakdown['part'].iloc[0]}\n",
        frame(_in_percent(facts.breakdown)),
    ]


def _origin(runs: Mapping[str, DetectorFacts]) -> str:
    """Say what the figures of an arm were made from."""
    first = next(iter(runs.values()))
    source, seed = first.provenance[0], first.seeds[0]
    versions = ", ".join(f"{name} {version}" for name, version in source["libraries"].items())
    models = ", ".join(
        f"model of seed {seed}{f' ({words_of(name).name})' if len(runs) > 1 else ''} {facts.provenance[0]['model_md5']}"
        for name, facts in runs.items()
    )
    return (
        f"Made from {source['raw_files']} files ({_size(source['raw_bytes'])}; MD5 of their inventory "
        f"{source['inventory_md5']}); prepared images {source['images_md5']}, {models}; scored on {source['device']} "
        f"with {versions}.{_unlike([run for facts in runs.values() for run in facts.provenance])}\n"
    )


def _size(count: int) -> str:
    """A number of bytes in the unit that it reads best in."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _metric_rows(results: Mapping[str, Any], facts: DetectorFacts) -> list[dict[str, str]]:
    figures, seeds = dict(results["metrics"]), facts.seeds
    figures |= {name: (results["operating_point"] or {}).get(name) for name in ("sensitivity", "specificity")}
    if FINDING not in set(facts.breakdown["part"]):
        figures |= {name: (results["slides"] or {}).get(name) for name in ("mean_roc_auc", "upper_quantile_roc_auc")}
    rows = []
    for name, figure in sorted(figures.items(), key=lambda item: list(NAMES).index(item[0])):
        guessing = f" (guessing: {percent(results['test']['abnormal_share'])})" if name == "average_precision" else ""
        row = {"metric": NAMES[name] + guessing, "mean ± std": MISSING, "95 % interval": MISSING}
        row |= {f"seed {seed}": MISSING for seed in seeds}
        if figure is not None:
            row |= {"mean ± std": percent_std(figure), "95 % interval": percent_interval(figure)}
            row |= {f"seed {seed}": percent(value) for seed, value in zip(seeds, figure["seeds"], strict=True)}
        rows.append(row)
    return rows


def _threshold(results: Mapping[str, Any]) -> str:
    cut = results["operating_point"]
    if cut is None:
        return "There is no threshold, since the arm holds out no normal images."
    limits = ", ".join(f"{limit:g}" for limit in cut["thresholds"])
    return (
        f"The threshold of each seed ({limits}) is the {percent(cut['held_out_quantile'])} % quantile of "
        f"{cut['held_out']} held-out normals, of which {percent(cut['held_out_flagged'])} % are above it."
    )


def _unlike(provenance: Sequence[Mapping[str, Any]]) -> str:
    """Say what differs between the runs, beside their models."""
    odd = [
        key for key in provenance[0] if key != "model_md5" and any(run[key] != provenance[0][key] for run in provenance)
    ]
    return f" **The other seeds differ in {', '.join(odd)}.**" if odd else ""


def _in_percent(parts: pd.DataFrame) -> pd.DataFrame:
    names = {
        "roc_auc": "ROC AUC",
        "roc_auc_std": "± seeds",
        "low": "from",
        "high": "to",
        "flagged": "above the threshold",
    }
    shown = parts.drop(columns="part").astype(dict.fromkeys(names, object))
    for name in names:
        shown[name] = [None if pd.isna(value) else percent(value) for value in parts[name]]
    return shown.dropna(axis=1, how="all").rename(columns=names)
