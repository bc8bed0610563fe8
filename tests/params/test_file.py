from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.arms import Shared
from pipeline.data import kinds
from pipeline.detectors import registry
from pipeline.errors import PipelineError
from pipeline.params.file import Params, read_params
from tests.shipped import with_values, write


def edited(folder: Path, path: str, value: Any) -> Path:
    write(with_values((path, value)), folder)
    return folder / "params.yaml"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("arms.train", ["nih_pa"], "nothing prepares it"),
        ("seeds", [1, 1], "names a seed twice"),
        ("arms.train", [], "arms.train: Tuple should have at least 1 item"),
        ("gate", {"auc": 0.1}, "gate.auc"),
        ("compute_metrics.held_out_quantile", 1.5, "compute_metrics.held_out_quantile"),
        ("compute_metrics.resamples", 10, "compute_metrics.resamples: Input should be greater than or equal to 100"),
        ("arms.train", ["demo_xrays", "demo_xrays"], "train names an arm twice"),
        ("seeds", [], "seeds: Tuple should have at least 1 item"),
        ("compute.threads", 10**9, "compute.threads: Input should be less than or equal to 1024 (found 1000000000)"),
        ("compute.workers", 10**9, "compute.workers: Input should be less than or equal to 1024"),
        ("seeds", [2**32], "seeds.0: Input should be less than 4294967296 (found 4294967296)"),
        ("compute_metrics.resamples", 10**12, "compute_metrics.resamples: Input should be less than or equal to 1"),
        ("demo_data.slides.size", 768 * 10**6, "demo_data.slides.size: Input should be less than or equal to 46080"),
        ("compute.device", "gpu", "compute.device: Input should be 'auto', 'cpu', 'cuda' or 'mps' (found 'gpu')"),
        ("arms.xrays", ["demo_slides"], "demo_slides is in slides and in xrays: rename one of them"),
        ("detectors", [], "detectors: Tuple should have at least 1 item"),
        ("detectors", ["dpa", "dpa"], "detectors and quick_detectors name 'dpa' twice"),
        ("quick_detectors", ["knn", "dpa"], "detectors and quick_detectors name 'dpa' twice"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_with_its_key(
    tmp_path: Path, path: str, value: Any, message: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        read_params(edited(tmp_path, path, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_broken_yaml_and_a_missing_file_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("arms: [", encoding="utf-8")
    for path, message in ((tmp_path / "params.yaml", "not valid YAML"), (tmp_path / "no.yaml", "is missing")):
        with pytest.raises(PipelineError, match=message) as caught:
            read_params(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"arms: &all\n  slides: *all\n", "is nested too deeply"),
        (b"arms: " + b"[" * 20_000 + b"]" * 20_000, "is nested too deeply"),
        ("# für\narms:".encode("latin-1"), "is not a text in UTF-8"),
        (bytes(range(256)), "is not a text in UTF-8"),
        (b"\0\0\0", "is not valid YAML"),
        (b"? [a, b]\n: 1\n", "is not valid YAML"),
        (b"arms: 2001-99-99\n", "is not valid YAML"),
        (b"seeds: [" + b"9" * 5000 + b"]", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_settings_at_all_is_one_sentence_with_its_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(PipelineError) as caught:
        read_params(path)
    assert str(caught.value).startswith(f"{path} {message}")
    assert "\n" not in str(caught.value)


def test_a_folder_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"cannot be read \(Is a directory\)"):
        read_params(tmp_path)


def test_what_was_found_is_shown_in_short(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        read_params(edited(tmp_path, "compute.device", "x" * 10_000))
    assert len(str(caught.value)) < 300


def integers(schema: Any) -> Iterator[Any]:
    """All parts of a JSON schema that describe a whole number."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer" and "enum" not in schema:
            yield schema
        schema = list(schema.values())
    for part in schema if isinstance(schema, list) else ():
        yield from integers(part)


def test_every_whole_number_has_an_upper_bound() -> None:
    models = [
        Params,
        Shared,
        *map(kinds.settings_class, kinds.names()),
        *map(registry.settings_class, registry.names()),
    ]
    found = [integer for model in models for integer in integers(model.model_json_schema())]
    assert len(found) > 40
    assert [integer for integer in found if not {"maximum", "exclusiveMaximum"} & integer.keys()] == []


def test_settings_cannot_be_changed_after_reading(params: Params) -> None:
    with pytest.raises(ValueError, match="frozen"):
        params.seeds = (5,)
