"""What the report says of an arm beside its results, read from reports/ and params.yaml."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from pipeline.evaluation.breakdown import read_breakdown
from pipeline.reporting.markdown import ArmFacts

LISTS = ("arms", "seeds", "gate", "tune")  # what is run, not how


def arm_facts(reports: Path, arm: str, seeds: Sequence[int], params: Path, generated: bool) -> ArmFacts:
    """Read what is known of an arm.

    Args:
        reports: The folder of the reports, which the paths of pictures are relative to.
        arm: The arm.
        seeds: Its seeds.
        params: params.yaml.
        generated: Whether its images are drawn, not of patients.
    """
    data, results = reports / "data" / arm, reports / "arms" / arm / "dpa"
    tuning = reports / "arms" / arm / "tuning" / "section.md"
    runs = [(results / f"seed-{seed}" / "provenance.json").read_text(encoding="utf-8") for seed in seeds]
    return ArmFacts(
        seeds,
        generated,
        read_breakdown(results / "breakdown.csv"),
        pd.read_csv(data / "counts.csv", keep_default_na=False),
        [picture.relative_to(reports) for picture in sorted(data.glob("*.png"))],
        _arm_parameters(params, arm),
        [json.loads(run) for run in runs],
        tuning.read_text(encoding="utf-8") if tuning.is_file() else "",
    )


def _arm_parameters(params: Path, arm: str) -> str:
    """The arm's part of every section, and the sections that all arms share, as YAML; files by their names only."""
    content = YAML(typ="safe").load(params.read_text(encoding="utf-8"))
    arms = set(content["train"])
    parts = {name: content[name].get(arm) if arms & set(content[name]) else content[name] for name in content}
    for key in ("weights", "statistics"):
        if parts["train"][key]:
            parts["train"][key] = Path(parts["train"][key]).name
    text = io.StringIO()
    YAML().dump({name: part for name, part in parts.items() if part and name not in LISTS}, text)
    return text.getvalue()
