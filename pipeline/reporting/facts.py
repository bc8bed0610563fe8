"""What the report says of an arm beside its results, read from reports/ and its settings."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.detectors.registry import settings_class, words_of
from pipeline.errors import PipelineError
from pipeline.evaluation.breakdown import read_breakdown
from pipeline.files import read_csv, read_json, read_text
from pipeline.reporting.markdown import ArmFacts, DetectorFacts
from pipeline.reporting.plots import KINDS, plot_name

# what pipeline.evaluation.provenance writes
PROVENANCE = ("raw_files", "raw_bytes", "inventory_md5", "images_md5", "model_md5", "device", "libraries")
COUNTED = ("split", "left_out", "view", "finding", "note")  # what is no number in counts.csv
LISTS = ("arms", "detectors", "quick_detectors", "seeds", "gate")  # what is run, not how


def arm_facts(arm: str) -> ArmFacts:
    """Read what is known of an arm, whatever detects."""
    data, section = layout.DATA_REPORTS / arm, layout.tuning(arm) / "section.md"
    again = f"run `dvc repro` for the data of {arm}"
    settings = read_arm(arm).data
    return ArmFacts(
        settings.generated,
        settings.unit,
        settings.image,
        read_csv(data / "counts.csv", ("split", "label", "images"), COUNTED, again),
        [picture.relative_to(layout.REPORTS) for picture in sorted(data.glob("*.png"))],
        _arm_parameters(arm),
        read_text(section, f"run `make tune ARM={arm}`") if section.is_file() else "",
    )


def detector_facts(arm: str, detector: str, seeds: Sequence[int]) -> DetectorFacts:
    """Read what is known of a detector on an arm."""
    first, figures = layout.pictures(layout.run_name(arm, detector, seeds[0])), layout.REPORTS / "figures"
    return DetectorFacts(
        seeds,
        [kind for kind in KINDS if (figures / plot_name(arm, detector, kind)).is_file()],
        bool(words_of(detector).pictures) and (first / "growth.png").is_file(),  # else the sheet is empty
        read_breakdown(layout.results(arm) / "breakdown.csv", detector),
        [_provenance(layout.pictures(layout.run_name(arm, detector, seed)) / "provenance.json") for seed in seeds],
    )


def _provenance(path: Path) -> dict[str, Any]:
    again = "run `dvc repro`, whose stage evaluate makes it"
    content = read_json(path, again)
    if missing := [fact for fact in PROVENANCE if fact not in content]:
        raise PipelineError(f"{path} does not say {missing[0]}: {again}")
    return content


def _arm_parameters(arm: str) -> str:
    """The arm's file without its search, and what runs all arms alike, as YAML; files by their names only."""
    yaml = YAML(typ="safe")
    own, shared = (yaml.load(path.read_text(encoding="utf-8")) for path in (layout.arm_file(arm), layout.PARAMS))
    for name, settings in own["detectors"].items():
        for key in settings_class(name).files:
            if settings.get(key):
                settings[key] = Path(settings[key]).name
    text = io.StringIO()
    own.pop("tune", None)
    lists = LISTS if read_arm(arm).data.generated else (*LISTS, "demo_data")
    YAML().dump(own | {name: part for name, part in shared.items() if name not in lists}, text)
    return text.getvalue()
