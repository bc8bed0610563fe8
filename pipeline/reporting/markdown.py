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
from pipeline.reporting.baselines import baseline_rows, best_baseline_text
from pipeline.reporting.names import NAMES, baseline_meanings, check_baselines
from pipeline.reporting.paper import MEDICAL_TEST_IMAGES, PAPER_TEST_IMAGES
from pipeline.reporting.paper_natural import natural_section
from pipeline.reporting.paper_tables import above_paper, medical_section, paper_figures
from pipeline.reporting.plots import plot_name
from pipeline.reporting.ranking import MANY, ranking_section
from pipeline.reporting.summary import Results, by_roc_auc
from pipeline.reporting.tables import (
    MISSING,
    folded,
    frame,
    joined,
    percent,
    percent_interval,
    percent_std,
    plain,
    table,
)

INTRODUCTION = """# Report

{text}
"""
SCOPE = (
    "Anomaly detection with {detectors}. All figures are in percent. ± is the standard deviation over seeds, intervals "
    "are 95 % intervals over the patients or slides of the test split."
)

READING = """## How to read this

- **ROC AUC** is the chance that a random abnormal test image scores higher than a random normal one; 50 is guessing.
  **Average precision** of guessing is the abnormal share. The **partial ROC AUC** looks at false positive rates up to
  10 % only.
- **Intervals** say how much a figure would move with other patients or slides (bootstrap over these, not over images).
  They are n/a where a class has fewer than five of them, or where no resample changes the figure.
- **Differences** between a detector and what it is compared with are of the same images; their intervals hold the
  noise of seeds, too, unless there is one seed only: then they are over patients or slides alone.
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
    "The images of {arms} are **drawn by a program, not taken from patients**. Their figures show that the pipeline "
    "works; they say nothing about medicine, and the paper has no figures for them.\n"
)

UNGROUPED = (
    "**The collection does not say which images belong together**, so that each counts as one {unit}: those that do "
    "may be on both sides of the split, figures may be too good, and intervals too narrow.\n"
)

SAMPLED = (
    "The figures of {whole}s rest on at most {most} {image}s of each {whole}, and may be others where it is scored as "
    "a whole.\n"
)

EXCHANGED = (
    "**Abnormal images score lower than normal ones**: the interval of ROC AUC is below 50. Labels may be exchanged, "
    "or the normal images of the test differ from those of the training in how they were made.\n"
)

ONE_SEED = (
    "One seed was trained, so that no interval holds the noise of seeds: all are over patients or slides alone.\n"
)

BASELINES = "- {meanings}. Where one of them comes close to the detector, exposure or colour may be what is detected."
WIDTH = 120  # of a line of text
OF_PAPER = ("paper", "ours − paper")  # columns


@dataclass(frozen=True)
class ArmFacts:
    """What the report says of an arm, whatever detects.

    Attributes:
        generated: Whether its images are drawn, not of patients.
        unit: What is drawn when an interval is computed, in a word.
        image: What one image is, in a word.
        counts: Images by split.
        pictures: Of its data, relative to the report.
        parameters: Its settings, as YAML.
        tuning: The section on the search of its settings; empty where there was none.
    """

    generated: bool
    unit: str
    image: str
    counts: pd.DataFrame
    pictures: Sequence[Path]
    parameters: str
    tuning: str


@dataclass(frozen=True)
class DetectorFacts:
    """What the report says of a detector on an arm beside its results.

    Attributes:
        seeds: Its seeds.
        plots: Kinds of :data:`pipeline.reporting.plots.KINDS` that were drawn.
        growth: Whether there are pictures of its first run's fit.
        breakdown: By finding or slide.
        provenance: Of each of its runs.
    """

    seeds: Sequence[int]
    plots: Sequence[str]
    growth: bool
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
    scope = SCOPE.format(detectors=joined([words_of(name).plural for name in detectors]))
    parts = [INTRODUCTION.format(text=fill(scope, WIDTH)), "## Results\n", *_results(results)]
    if any(len(facts.seeds) == 1 for singles in runs.values() for facts in singles.values()):
        parts.append(ONE_SEED)
    generated, medical = [plain(arm) for arm in results if facts[arm].generated], {*MEDICAL_TEST_IMAGES} & {*results}
    if medical:
        parts.append(UNLIKE)
    if generated:
        parts.append(GENERATED.format(arms=joined(generated)))
    # Drawn arms stand for the paper's until these run; a report on other data alone has nothing to do with them.
    if generated or medical:
        parts.append(medical_section(results))
    if generated or {*PAPER_TEST_IMAGES} & {*results}:
        parts.append(natural_section(results))
    parts += [_arm_section(arm, singles, facts[arm], runs[arm]) for arm, singles in results.items()]
    baselines = BASELINES.format(meanings="; ".join(baseline_meanings(detectors)))
    slides = any(single["slides"] for singles in results.values() for single in singles.values())
    reading = {"baselines": fill(baselines, WIDTH, subsequent_indent="  "), "slides": SLIDES if slides else ""}
    return "\n".join([*parts, READING.format(**reading)])


def _results(results: Results) -> list[str]:
    """A section for each arm that has several detectors to compare, or one table of all arms."""
    if any(len(singles) > 1 for singles in results.values()):
        return [*(ranking_section(arm, singles) for arm, singles in results.items()), MANY]
    rows = [_row(arm, detector, single) for arm, singles in results.items() for detector, single in singles.items()]
    if not {*PAPER_TEST_IMAGES} & {*results}:
        rows = [{name: cell for name, cell in row.items() if name not in OF_PAPER} for row in rows]
    return [table(rows)]


def _row(arm: str, detector: str, results: Mapping[str, Any]) -> dict[str, str]:
    """A row of the table of all arms where there is one detector."""
    area, images = results["metrics"]["roc_auc"], results["test"]["images"]
    expected = f" (paper: {PAPER_TEST_IMAGES[arm]})" if arm in PAPER_TEST_IMAGES else ""
    of_paper = (paper_figures(detector, arm), above_paper(detector, arm, results))
    return {
        "arm": arm,
        "ROC AUC": percent_std(area),
        "95 % interval": percent_interval(area),
        **dict(zip(OF_PAPER, of_paper, strict=True)),
        "best baseline": best_baseline_text(detector, results),
        "test images": f"{images}{expected}",
    }


def _arm_section(arm: str, results: Mapping[str, Any], facts: ArmFacts, runs: Mapping[str, DetectorFacts]) -> str:
    name = plain(arm)
    parts = [f"## {name}\n"]
    if len(results) == 1:
        parts += [_detector_part(arm, *next(iter(results.items())), facts, next(iter(runs.values())), name)]
    else:
        for detector in by_roc_auc(results):
            called = words_of(detector).name
            part = _detector_part(arm, detector, results[detector], facts, runs[detector], f"{name}, {called}")
            parts.append(folded(f"{called}: its figures, curves and pictures", part))
    parts += [facts.tuning] if facts.tuning else []
    parts += [f"### {name}: data\n", frame(facts.counts)]
    parts += [f"![{picture.stem} of {name}]({picture.as_posix()})\n" for picture in facts.pictures]
    parts += [_origin(runs), f"### {name}: parameters\n", f"```yaml\n{facts.parameters}```\n"]
    return "\n".join(parts)


def _detector_part(
    arm: str, detector: str, results: Mapping[str, Any], of_arm: ArmFacts, facts: DetectorFacts, heading: str
) -> str:
    """What is said of a detector on an arm, below headings that begin alike."""
    first = layout.pictures(layout.run_name(arm, detector, facts.seeds[0])).relative_to(layout.REPORTS).as_posix()
    words, test = words_of(detector), results["test"]
    run = f"{plain(words.name)} on {plain(arm)}"
    plots = " ".join(f"![{kind} of {run}](figures/{plot_name(arm, detector, kind)})" for kind in facts.plots)
    parts = [
        table(list(_metric_rows(results, facts))),
        *([_sampled(facts.breakdown, of_arm.image)] if results["slides"] else []),
        f"Tested on {test['images']} images of {test['groups']} patients or slides, "
        f"{test['abnormal']} of them abnormal ({percent(test['abnormal_share'])} %). {_threshold(results)}\n",
        *([] if test["grouped"] else [UNGROUPED.format(unit=plain(of_arm.unit))]),
        *([EXCHANGED] if _is_below_guessing(results["metrics"]["roc_auc"]) else []),
        "Baselines, tested on the same images:\n",
        table(baseline_rows(detector, results)),
        f"{plots}\n",
        f"### {heading}: the images behind the figures\n",
        f"Seed {facts.seeds[0]}; anomaly maps, where there are any, are drawn to one scale per detector.\n",
        f"![Gallery of {run}]({first}/gallery.png)\n",
        *([f"{words.pictures}\n", f"![Growth of {run}]({first}/growth.png)\n"] if facts.growth else []),
        f"### {heading}: by {facts.breakdown['part'].iloc[0]}\n",
        frame(_in_percent(facts.breakdown)),
        f"Model of seed {facts.seeds[0]}: MD5 {facts.provenance[0]['model_md5']}.\n",
    ]
    return "\n".join(parts)


def _is_below_guessing(area: Mapping[str, Any]) -> bool:
    return area["high"] is not None and area["high"] < 0.5


def _origin(runs: Mapping[str, DetectorFacts]) -> str:
    """Say what the figures of an arm were made from."""
    first = next(iter(runs.values()))
    source = first.provenance[0]
    versions = ", ".join(f"{name} {version}" for name, version in source["libraries"].items())
    return (
        f"Made from {source['raw_files']} files ({_size(source['raw_bytes'])}; MD5 of their inventory "
        f"{source['inventory_md5']}); prepared images {source['images_md5']}; scored on {source['device']} with "
        f"{versions}.{_unlike([run for facts in runs.values() for run in facts.provenance])}\n"
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


def _sampled(parts: pd.DataFrame, image: str) -> str:
    """Say of how many images the figures of what they are parts of are made."""
    return SAMPLED.format(whole=parts["part"].iloc[0], most=parts["images"].max(), image=image)


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
