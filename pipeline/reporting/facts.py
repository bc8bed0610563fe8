"""What the report says of an arm beside its results, read from reports/ and its settings."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.detectors.registry import settings_class
from pipeline.evaluation.breakdown import read_breakdown
from pipeline.reporting.markdown import ArmFacts, DetectorFacts

LISTS = ("arms", "detectors", "seeds", "gate", "tune")  # what is run, not how


def arm_facts(arm: str) -> ArmFacts:
    """Read what is known of an arm, whatever detects."""
    data, section = layout.DATA_REPORTS / arm, layout.tuning(arm) / "section.md"
    return ArmFacts(
        read_arm(arm).data.generated,
        pd.read_csv(data / "counts.csv", keep_default_na=False),
        [picture.relative_to(layout.REPORTS) for picture in sorted(data.glob("*.png"))],
        _arm_parameters(arm),
        section.read_text(encoding="utf-8") if section.is_file() else "",
    )


def detector_facts(arm: str, detector: str, seeds: Sequence[int]) -> DetectorFacts:
    """Read what is known of a detector on an arm."""
    files = [layout.pictures(layout.run_name(arm, detector, seed)) / "provenance.json" for seed in seeds]
    return DetectorFacts(
        seeds,
        read_breakdown(layout.results(arm, detector) / "breakdown.csv"),
        [json.loads(file.read_text(encoding="utf-8")) for file in files],
    )


def _arm_parameters(arm: str) -> str:
    """The arm's file without its search, and what runs all arms alike, as YAML; files by their names only."""
    yaml = YAML(typ="safe")
    own, shared = (yaml.load(path.read_text(encoding="utf-8")) for path in (layout.arm_file(arm), layout.PARAMS))
    for name, settings in own["detectors"].items():
        for key in settings_class(name).files:
            if settings.get(key):
                settings[key] = Path(settings[key]).name
    text = io.StringIO()
    parts = {**own, **shared}
    YAML().dump({name: part for name, part in parts.items() if part and name not in LISTS}, text)
    return text.getvalue()
