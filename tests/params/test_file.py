from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from pipeline.features.backbones import EfficientNetLite0, Vgg
from pipeline.params.file import SHARED_SECTIONS, SLIDE_SECTIONS, Params, read_params
from pipeline.params.train import BACKBONE_LAYERS
from tests.import_closure import ROOT
from tests.shipped import shipped_params


def edited(tmp_path: Path, edit: Callable[[Any], None]) -> Path:
    content = shipped_params()
    edit(content)
    path = tmp_path / "params.yaml"
    YAML().dump(content, path)
    return path


def setting(path: str, value: Any) -> Callable[[Any], None]:
    *parents, last = path.split(".")

    def edit(content: Any) -> None:
        for key in parents:
            content = content[int(key) if key.isdigit() else key]
        content[last] = value

    return edit


def test_the_shipped_file_is_valid_and_runs_the_demo(params: Params) -> None:
    assert params.arms.train == ("demo_slides", "demo_xrays")


@pytest.mark.parametrize(
    ("arm", "batch", "rate", "latent", "channels", "layers", "last"),
    [
        ("camelyon16", 128, 1e-3, (4, 8), (4,) * 4, {16: "r32", 32: "r32", 64: "r42"}, 8666),
        ("nih_subset", 128, 1e-3, (16, 1), (16,) * 5, {8: "r12", 16: "r22", 32: "r32", 64: "r42"}, 3500),
        ("nih_pa", 128, 1e-3, (16, 1), (16,) * 5, {8: "r12", 16: "r22", 32: "r32", 64: "r32"}, 10000),
        ("nih_ap", 56, 5e-4, (64, 1), (32, 32, 64, 64, 64), {8: "r12", 16: "r22", 32: "r32", 64: "r32"}, 7000),
    ],
)
def test_the_arms_of_the_paper_have_its_final_settings(
    params: Params, arm: str, batch: int, rate: float, latent: tuple[int, int], channels: Any, layers: Any, last: int
) -> None:
    train = params.train[arm]
    assert (train.learning_rate, train.channels, train.depth) == (rate, channels, 18)
    assert {step.batch_size for step in train.schedule} == {batch}
    assert (train.grow, train.loss.perceptual, train.loss.l1, train.loss.adversarial) == (True, 1, 0, 0)
    assert (train.latent_dim, train.latent_size) == latent
    assert {step.resolution: step.layers for step in train.schedule} == {r: (layer,) for r, layer in layers.items()}
    assert [step.transition for step in train.schedule] == [0] + [20000] * (len(layers) - 1)
    assert [step.stable for step in train.schedule] == [20000] * (len(layers) - 1) + [last]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("train.demo_xrays.latent_dim", "32", "train.demo_xrays.latent_dim: Input should be a valid integer"),
        ("train.demo_xrays.latent_dims", 32, "train.demo_xrays.latent_dims: is not a known key"),
        ("train.nih_pa.learning_rate", 0, "train.nih_pa.learning_rate: Input should be greater than 0"),
        ("train.nih_pa.schedule.1.resolution", 24, "24 is not a power of two"),
        ("train.nih_pa.schedule.1.resolution", 32, "schedule.1.resolution is 32, expected 16"),
        ("train.nih_pa.schedule.0.layers", ["r99"], "schedule.0.layers: 'r99' is not a layer of vgg19"),
        ("train.nih_pa.schedule.0.layers", ["r12", "r51"], "'r51' is too deep for 8 px"),
        ("train.nih_pa.schedule.0.layers", ["r12", "r12"], "names a layer twice"),
        ("train.nih_pa.schedule.0.layers", [], "schedule.0.layers"),
        ("train.nih_pa.loss.perceptual", 0.0, "perceptual or l1 must be above 0"),
        ("train.nih_pa.loss.l1", -1.0, "train.nih_pa.loss.l1"),
        ("train.nih_pa.depth", 34, "train.nih_pa.depth: Input should be 9 or 18"),
        ("train.nih_pa.early_stopping", {"patience": -1, "least_improvement": 0.1}, "early_stopping.patience"),
        ("train.nih_pa.precision", "float16", "train.nih_pa.precision"),
        ("compute.processes", 3, "the batch_size 128 at 16 px is not divided by compute.processes, 3"),
        ("train.nih_pa.latent_size", 2, "channels has 5 numbers"),
        ("train.nih_pa.channels", [16, 16], "channels has 2 numbers"),
        ("train.nih_pa.latent_size", 3, "latent_size 3 is not a power of two"),
        ("train.camelyon16.latent_size", 16, "must be above the encoder's last map"),
        ("train.nih_ap.schedule.0.transition", 5, "there is nothing to grow from"),
        (
            "equalize_xrays.nih_pa.working_size",
            32,
            "nih_pa: equalize_xrays.working_size is 32, train.nih_pa sees 64 px",
        ),
        ("slides.camelyon16.table", "slides.csv", "give every slide its role there"),
        ("normalize_tiles.demo_slides.target.region.size", 0, "normalize_tiles.demo_slides.target.region.size"),
        ("tissue_masks.demo_slides.warn.blur", 2.0, "tissue_masks.demo_slides.warn.blur"),
        ("equalize_xrays.nih_pa.crop_size", 400, "crop_size 400 is larger than thumbnail_size 300"),
        ("normalize_tiles.camelyon16.working_size", 190, "190 does not divide 768"),
        ("tissue_masks.camelyon16.microns_per_pixel", 50.0, "expected a whole number"),
        ("arms.train", ["nih_pa"], "nothing prepares it"),
        ("arms.tune", ["nih_pa"], "tune names 'nih_pa', which is in neither slides nor xrays, so nothing prepares it"),
        ("arms.slides", ["demo_slides", "camelyon17"], "camelyon17 is not an arm: choose from camelyon16, demo_slides"),
        ("seeds", [1, 1], "names a seed twice"),
        ("arms.train", [], "arms.train: Tuple should have at least 1 item"),
        ("gate", {"auc": 0.1}, "gate.auc"),
        ("evaluate.nih_pa.heat_map_top", 0.0, "evaluate.nih_pa.heat_map_top: Input should be greater than 0"),
        ("compute_metrics.held_out_quantile", 1.5, "compute_metrics.held_out_quantile"),
        ("compute_metrics.resamples", 10, "compute_metrics.resamples: Input should be greater than or equal to 100"),
        ("arms.train", ["demo_xrays", "demo_xrays"], "train names an arm twice"),
        (
            "split_xrays.nih_pa.validation_findings",
            ["infiltration"],
            "'infiltration', which is none of the 14 findings",
        ),
        ("split_xrays.nih_pa.table", "xrays.csv", "splits come from lists or from a table"),
        ("split_xrays.nih_pa.collection", "..", "split_xrays.nih_pa.collection"),
        ("train.nih_pa.learning_rate", float("inf"), "train.nih_pa.learning_rate"),
        ("demo_data.slides.tumour", 2, "validation_tumour names tumor_003"),
        ("demo_data.slides.size", 2304, "ends outside the drawn slides"),
        ("seeds", [], "seeds: Tuple should have at least 1 item"),
        ("compute.threads", 10**9, "compute.threads: Input should be less than or equal to 1024 (found 1000000000)"),
        ("compute.workers", 10**9, "compute.workers: Input should be less than or equal to 1024"),
        ("seeds", [2**32], "seeds.0: Input should be less than 4294967296 (found 4294967296)"),
        ("slides.camelyon16.seed", 1e30, "slides.camelyon16.seed: Input should be"),
        ("split_xrays.nih_pa.seed", -1, "split_xrays.nih_pa.seed: Input should be greater than or equal to 0"),
        ("train.nih_pa.schedule.0.batch_size", 10**12, "train.nih_pa.schedule.0.batch_size: Input should be less than"),
        ("compute_metrics.resamples", 10**12, "compute_metrics.resamples: Input should be less than or equal to 1"),
        ("demo_data.slides.size", 768 * 10**6, "demo_data.slides.size: Input should be less than or equal to 46080"),
        ("compute.device", "gpu", "compute.device: Input should be 'auto', 'cpu', 'cuda' or 'mps' (found 'gpu')"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_with_its_key(
    tmp_path: Path, path: str, value: Any, message: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        read_params(edited(tmp_path, setting(path, value)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"train\.nih_ap\.backbone: is missing"):
        read_params(edited(tmp_path, lambda content: content["train"]["nih_ap"].pop("backbone")))


def test_a_misspelt_key_is_named_before_the_one_that_it_leaves_missing(tmp_path: Path) -> None:
    def misspell(content: Any) -> None:
        content["train"]["nih_ap"]["back_bone"] = content["train"]["nih_ap"].pop("backbone")

    with pytest.raises(PipelineError, match=r"train\.nih_ap\.back_bone: is not a known key"):
        read_params(edited(tmp_path, misspell))


def test_an_arm_without_settings_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"train\.nih_ap is missing"):
        read_params(edited(tmp_path, lambda content: content["train"].pop("nih_ap")))


def test_a_part_for_an_arm_that_does_not_exist_is_named(tmp_path: Path) -> None:
    def misname(content: Any) -> None:
        content["train"]["nih_app"] = content["train"]["nih_ap"]

    with pytest.raises(PipelineError, match="train: nih_app is not an arm: choose from camelyon16"):
        read_params(edited(tmp_path, misname))


def with_an_own_arm(content: Any) -> None:
    for section in (*SLIDE_SECTIONS, *SHARED_SECTIONS):
        content[section]["my_slides"] = content[section]["demo_slides"]
    content["arms"]["slides"] = content["arms"]["train"] = ["my_slides"]
    content["arms"]["tune"] = []


def test_an_arm_of_ones_own_is_a_part_in_each_section_of_its_branch(tmp_path: Path) -> None:
    params = read_params(edited(tmp_path, with_an_own_arm))
    assert params.arms.train == ("my_slides",)
    params.check_arm("my_slides", "normalize_tiles")
    with pytest.raises(
        PipelineError, match=r"'my_slides' is not in split_xrays of params\.yaml: choose from nih_subset"
    ):
        params.check_arm("my_slides", "split_xrays")


def test_an_arm_is_of_slides_or_of_xrays(tmp_path: Path) -> None:
    def both(content: Any) -> None:
        content["split_xrays"]["demo_slides"] = content["split_xrays"]["demo_xrays"]

    with pytest.raises(PipelineError, match="demo_slides is an arm of slides and of split_xrays"):
        read_params(edited(tmp_path, both))


def test_one_matrix_per_slide_goes_with_our_method_only(tmp_path: Path) -> None:
    def mix(content: Any) -> None:
        content["normalize_tiles"]["demo_slides"] |= {"stains_of": "slide", "method": "staintools"}

    with pytest.raises(PipelineError, match="needs method: vahadane, found staintools"):
        read_params(edited(tmp_path, mix))


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
        read_params(edited(tmp_path, setting("compute.device", "x" * 10_000)))
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
    found = list(integers(Params.model_json_schema()))
    assert len(found) > 40
    assert [one for one in found if not {"maximum", "exclusiveMaximum"} & one.keys()] == []


def list_paths(content: Any, path: str = "") -> list[str]:
    if isinstance(content, list):
        return [path]
    children = content.items() if isinstance(content, dict) else ()
    return [found for key, value in children for found in list_paths(value, f"{path}.{key}" if path else key)]


def test_dvc_can_empty_a_list_without_breaking_the_file(tmp_path: Path) -> None:
    """An end-of-line comment on a list's key would."""
    copy = tmp_path / "params.yaml"
    copy.write_bytes((ROOT / "params.yaml").read_bytes())
    apply_overrides(
        copy, [f"{path}=[]" for path in list_paths(YAML(typ="safe").load(copy.read_text(encoding="utf-8")))]
    )
    assert set(list_paths(YAML(typ="safe").load(copy.read_text(encoding="utf-8")))) >= {"arms.tune", "seeds"}


def test_settings_cannot_be_changed_after_reading(params: Params) -> None:
    with pytest.raises(ValueError, match="frozen"):
        params.seeds = (5,)


def test_the_named_layers_are_those_of_the_networks() -> None:
    for name in ("vgg16", "vgg19"):
        assert set(Vgg(name).depth) == set(BACKBONE_LAYERS[name])
    blocks = len(EfficientNetLite0().network._blocks)
    assert all(int(layer.removeprefix("expand")) < blocks for layer in BACKBONE_LAYERS["efficientnet_lite0"])


def leaf_names(content: Any) -> set[str]:
    if isinstance(content, list):
        return set().union(*(leaf_names(one) for one in content)) if content else set()
    if not isinstance(content, dict):
        return set()
    return {key for key, value in content.items() if not isinstance(value, dict)}.union(
        *(leaf_names(value) for value in content.values())
    )


def test_every_key_is_explained() -> None:
    text = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    del content["demo_data"]  # explained as a whole
    assert {name for name in leaf_names(content) if f"`{name}`" not in text and f".{name}`" not in text} == set()
