"""report.md: our figures beside the paper's, what they mean, and the pictures behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.reporting.names import NAMES
from pipeline.reporting.paper import PAPER_BEST_OTHER, PAPER_ROC_AUC, PAPER_TEST_IMAGES
from pipeline.reporting.plots import KINDS
from pipeline.reporting.tables import MISSING, frame, percent, percent_interval, percent_std, plain, table

OTHER_IMAGES = 0.05  # share by which the number of test images may differ from the paper's

INTRODUCTION = """# Report

Anomaly detection with deep perceptual autoencoders. All figures are in percent. ± is the standard deviation over seeds,
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
- **untrained** is the same network with random weights under the same loss; **pixel L1** compares the trained network's
  reconstructions pixel by pixel; **colour statistics** are the distance of an image's mean and spread of colours from
  those of the training images; **mean intensity** is taken in its better direction. Where one of them comes close to
  the detector, exposure or colour may be what is detected.
- The **threshold** is set on held-out normal images, without any anomaly; the intervals of sensitivity and specificity
  take it as given. Validation anomalies choose nothing here.
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

GROWTH = (
    "Inputs and reconstructions at the end of each phase of growth. A perceptual loss compares shapes and textures and "
    "does not tie brightness and colour, so reconstructions may have odd ones, most of all at low resolutions:"
)


@dataclass(frozen=True)
class ArmFacts:
    """What the report says of an arm beside its results.

    Attributes:
        seeds: Its seeds.
        generated: Whether its images are drawn, not of patients.
        breakdown: By finding or slide.
        counts: Images by split.
        pictures: Of its data, relative to the report.
        parameters: Its part of params.yaml, as YAML.
        provenance: Of each of its runs.
        tuning: The section on the search of its settings; empty where there was none.
    """

    seeds: Sequence[int]
    generated: bool
    breakdown: pd.DataFrame
    counts: pd.DataFrame
    pictures: Sequence[Path]
    parameters: str
    provenance: Sequence[Mapping[str, Any]]
    tuning: str


def report_text(results: Mapping[str, Any], facts: Mapping[str, ArmFacts]) -> str:
    """Compose report.md.

    Args:
        results: Arm to what :func:`pipeline.evaluation.results.arm_results` found.
        facts: Arm to the rest.

    Returns:
        Markdown.
    """
    generated = any(facts[arm].generated for arm in results)
    # Drawn arms stand for the paper's until these run; a report on other data alone has nothing to do with them.
    beside_paper = generated or bool({*PAPER_ROC_AUC} & set(results))
    arms = [*results, *(arm for arm in PAPER_ROC_AUC if beside_paper and arm not in results)]
    rows = [_result_row(arm, results.get(arm), beside_paper) for arm in arms]
    parts = [INTRODUCTION, "## Results\n", table(rows)]
    if set(PAPER_ROC_AUC) & set(results):
        parts.append(UNLIKE)
    if generated:
        parts.append(GENERATED)
    parts += [_arm_section(arm, of_arm, facts[arm]) for arm, of_arm in results.items()]
    return "\n".join([*parts, READING])


def _result_row(arm: str, of_arm: Mapping[str, Any] | None, beside_paper: bool) -> dict[str, str]:
    paper = PAPER_ROC_AUC.get(arm, {})
    row = {"arm": arm, "ROC AUC, ours": "not run", "95 % interval": "–"}
    if beside_paper:
        row |= dict.fromkeys(("paper", "ours − paper", "paper, without growth", "paper, best other"), "–")
    row |= {"best baseline": "–", "test images": "–"}
    if paper:
        (mean, std), (without, without_std) = paper["with growth"], paper["without growth"]
        name, other = PAPER_BEST_OTHER[arm]
        row["paper"] = f"{mean} ± {std}"
        row |= {"paper, without growth": f"{without} ± {without_std}", "paper, best other": f"{other} ({name})"}
    if of_arm is not None:
        area = of_arm["metrics"]["roc_auc"]
        row |= {"ROC AUC, ours": percent_std(area), "95 % interval": percent_interval(area)}
        name, best = max(of_arm["baselines"].items(), key=lambda item: (item[1]["roc_auc"]["mean"], item[0]))
        row["best baseline"] = f"{percent(best['roc_auc']['mean'])} ({NAMES[name]}): {_verdict(best['detector_above'])}"
        images = of_arm["test"]["images"]
        row["test images"] = str(images)
        if paper:
            expected = PAPER_TEST_IMAGES[arm]
            others = abs(images - expected) > OTHER_IMAGES * expected
            row["test images"] += f" (paper: {expected})"
            row["ours − paper"] = (
                f"{100 * area['mean'] - paper['with growth'][0]:+.1f}{' (other images)' if others else ''}"
            )
    return row


def _baseline_rows(of_arm: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "baseline": NAMES[name],
            "ROC AUC": percent_std(baseline["roc_auc"]),
            "detector above by": f"{100 * baseline['detector_above']['mean']:+.1f}",
            "95 % interval": percent_interval(baseline["detector_above"], signed=True),
            "": _verdict(baseline["detector_above"]),
        }
        for name, baseline in sorted(of_arm["baselines"].items(), key=_reading_order)
    ]


def _verdict(above: Mapping[str, Any]) -> str:
    if above["low"] is None:
        return MISSING
    return "beaten" if above["low"] > 0 else "better than the detector" if above["high"] < 0 else "not told apart"


def _reading_order(item: tuple[str, Any]) -> int:
    return list(NAMES).index(item[0])


def _arm_section(arm: str, of_arm: Mapping[str, Any], facts: ArmFacts) -> str:
    name, first = plain(arm), f"arms/{arm}/dpa/seed-{facts.seeds[0]}"
    pictures = [f"![{picture.stem} of {arm}]({picture.as_posix()})\n" for picture in facts.pictures]
    plots = " ".join(f"![{kind} of {arm}](figures/{arm}-{kind}.png)" for kind in KINDS)
    test, source = of_arm["test"], facts.provenance[0]
    versions = ", ".join(f"{name} {version}" for name, version in source["libraries"].items())
    return "\n".join(
        [
            f"## {name}\n",
            table(list(_metric_rows(of_arm, facts))),
            *([ONE_SEED] if len(facts.seeds) == 1 else []),
            f"Tested on {test['images']} images of {test['groups']} patients or slides, "
            f"{test['abnormal']} of them abnormal ({percent(test['abnormal_share'])} %). {_threshold(of_arm)}\n",
            "Baselines, tested on the same images:\n",
            table(_baseline_rows(of_arm)),
            f"{plots}\n",
            f"### {name}: the images behind the figures\n",
            f"Seed {facts.seeds[0]}; all anomaly maps of the arm have the same scale.\n",
            f"![Gallery of {arm}]({first}/gallery.png)\n",
            f"{GROWTH}\n",
            f"![Growth of {arm}]({first}/growth.png)\n",
            f"### {name}: by {facts.breakdown['part'].iloc[0]}\n",
            frame(_in_percent(facts.breakdown)),
            *([facts.tuning] if facts.tuning else []),
            f"### {name}: data\n",
            frame(facts.counts),
            *pictures,
            f"Made from {source['raw_files']} files ({source['raw_bytes'] / 1e9:.2f} GB; MD5 of their inventory "
            f"{source['inventory_md5']}); prepared images {source['images_md5']}, model of seed {facts.seeds[0]} "
            f"{source['model_md5']}; scored on {source['device']} with {versions}.{_unlike(facts.provenance)}\n",
            f"### {name}: parameters\n",
            f"```yaml\n{facts.parameters}```\n",
        ]
    )


def _metric_rows(of_arm: Mapping[str, Any], facts: ArmFacts) -> list[dict[str, str]]:
    figures, seeds = dict(of_arm["metrics"]), facts.seeds
    figures |= {name: (of_arm["operating_point"] or {}).get(name) for name in ("sensitivity", "specificity")}
    if "slide" in set(facts.breakdown["part"]):
        figures |= {name: (of_arm["slides"] or {}).get(name) for name in ("mean_roc_auc", "upper_quantile_roc_auc")}
    rows = []
    for name, figure in sorted(figures.items(), key=_reading_order):
        guessing = f" (guessing: {percent(of_arm['test']['abnormal_share'])})" if name == "average_precision" else ""
        row = {"metric": NAMES[name] + guessing, "mean ± std": MISSING, "95 % interval": MISSING}
        row |= {f"seed {seed}": MISSING for seed in seeds}
        if figure is not None:
            row |= {"mean ± std": percent_std(figure), "95 % interval": percent_interval(figure)}
            row |= {f"seed {seed}": percent(value) for seed, value in zip(seeds, figure["seeds"], strict=True)}
        rows.append(row)
    return rows


def _threshold(of_arm: Mapping[str, Any]) -> str:
    cut = of_arm["operating_point"]
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
