import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from pipeline.arms import read_arm
from pipeline.errors import PipelineError
from tests.import_closure import ROOT
from tests.shipped import read_all, shipped, with_values, write

PAPER = json.loads((ROOT / "tests" / "paper_settings.json").read_text(encoding="utf-8"))
PA, AP, C16, DS, DX = (f"arms/{arm}.yaml" for arm in ("nih_pa", "nih_ap", "camelyon16", "demo_slides", "demo_xrays"))
STEP = {"layers": ["r12"], "transition": 5, "stable": 5, "batch_size": 8}


@pytest.fixture
def settings(in_folder: Path) -> dict[str, Any]:
    content = shipped()
    write(content)
    return content


@pytest.mark.usefixtures("settings")
def test_the_shipped_files_are_valid_and_run_the_sample_and_the_demo() -> None:
    assert read_all().arms.train == ("nih_sample", "demo_slides")


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("arm", PAPER)
def test_the_arms_of_the_paper_have_the_settings_that_were_proven(arm: str) -> None:
    """Key by key, as they stood in one file; only the schedule was a list, and a search was bound to its numbers."""
    before, now = PAPER[arm], read_arm(arm)
    dpa = now.detector("dpa").model_dump(mode="json")
    dpa["schedule"] = [{"resolution": int(side), **step} for side, step in dpa["schedule"].items()]
    assert dpa == before["train"] | {"gray": False}
    drawn = now.shared.evaluate.model_dump(mode="json")
    assert drawn | {"heat_map_top": drawn["heat_map_top"]["dpa"]} == before["evaluate"]
    data = now.data.model_dump(mode="json")
    for section in ("slides", "tissue_masks", "sample_tiles", "normalize_tiles", "split_xrays", "equalize_xrays"):
        if section in before:
            name = "collection" if section == "slides" else section
            assert {key: value for key, value in data[name].items() if key != "generated"} == before[section]
    search, same = now.search.model_dump(mode="json"), {*before["tune"]} - {"space", "common"}
    assert {key: search[key] for key in same} == {key: before["tune"][key] for key in same}
    assert {dimension: [*options] for dimension, options in search["space"].items()} == {
        dimension: [*options] for dimension, options in before["tune"]["space"].items()
    }


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            f"{DX}:detectors.dpa.latent_dim",
            "32",
            f"{DX}: detectors.dpa.latent_dim: Input should be a valid integer",
        ),
        (
            f"{DX}:detectors.dpa.latent_dims",
            32,
            f"{DX}: detectors.dpa.latent_dims: is not a known key",
        ),
        (
            f"{PA}:detectors.dpa.learning_rate",
            0,
            f"{PA}: detectors.dpa.learning_rate: Input should be greater than 0",
        ),
        (
            f"{PA}:detectors.dpa.schedule.8.layers",
            ["r99"],
            "schedule.8.layers: 'r99' is not a layer of vgg19",
        ),
        (f"{PA}:detectors.dpa.schedule.8.layers", ["r12", "r51"], "'r51' is too deep for 8 px"),
        (f"{PA}:detectors.dpa.schedule.8.layers", ["r12", "r12"], "names a layer twice"),
        (f"{PA}:detectors.dpa.schedule.8.layers", [], "schedule.8.layers"),
        (f"{PA}:detectors.dpa.loss.perceptual", 0.0, "perceptual or l1 must be above 0"),
        (f"{PA}:detectors.dpa.loss.l1", -1.0, f"{PA}: detectors.dpa.loss.l1"),
        (f"{PA}:detectors.dpa.depth", 34, f"{PA}: detectors.dpa.depth: Input should be 9 or 18"),
        (
            f"{PA}:detectors.dpa.early_stopping",
            {"patience": -1, "least_improvement": 0.1},
            "early_stopping.patience",
        ),
        (f"{PA}:detectors.dpa.precision", "float16", f"{PA}: detectors.dpa.precision"),
        (f"{PA}:detectors.dpa.latent_size", 2, "channels has 5 numbers"),
        (f"{PA}:detectors.dpa.channels", [16, 16], "channels has 2 numbers"),
        (f"{PA}:detectors.dpa.latent_size", 3, "latent_size 3 is not a power of two"),
        (f"{C16}:detectors.dpa.latent_size", 16, "must be above the encoder's last map"),
        (f"{AP}:detectors.dpa.schedule.8.transition", 5, "there is nothing to grow from"),
        (
            f"{PA}:equalize_xrays.working_size",
            32,
            "equalize_xrays.working_size is 32, detectors.dpa sees 64 px",
        ),
        (f"{C16}:collection.table", "slides.csv", "give every slide its role there"),
        (
            f"{DS}:normalize_tiles.target.region.size",
            0,
            f"{DS}: normalize_tiles.target.region.size",
        ),
        (f"{DS}:tissue_masks.warn.blur", 2.0, f"{DS}: tissue_masks.warn.blur"),
        (f"{PA}:equalize_xrays.crop_size", 400, "crop_size 400 is larger than thumbnail_size 300"),
        (f"{C16}:normalize_tiles.working_size", 190, "190 does not divide 768"),
        (f"{C16}:tissue_masks.microns_per_pixel", 50.0, "expected a whole number"),
        (
            f"{PA}:evaluate.heat_map_top.dpa",
            0.0,
            f"{PA}: evaluate.heat_map_top.dpa: Input should be greater than 0",
        ),
        (f"{PA}:evaluate.heat_map_top.dpo", 1.5, f"{PA}: evaluate.heat_map_top.dpo: detectors has no such key"),
        (
            f"{PA}:split_xrays.validation_findings",
            ["infiltration"],
            "'infiltration', which is none of the 14 findings",
        ),
        (f"{PA}:split_xrays.table", "xrays.csv", "splits come from lists or from a table"),
        (f"{PA}:split_xrays.collection", "..", f"{PA}: split_xrays.collection"),
        (f"{PA}:detectors.dpa.learning_rate", float("inf"), f"{PA}: detectors.dpa.learning_rate"),
        (f"{C16}:collection.seed", 1e30, f"{C16}: collection.seed: Input should be"),
        (
            f"{PA}:split_xrays.seed",
            -1,
            f"{PA}: split_xrays.seed: Input should be greater than or equal to 0",
        ),
        (
            f"{PA}:detectors.dpa.schedule.8.batch_size",
            10**12,
            f"{PA}: detectors.dpa.schedule.8.batch_size: Input should be less than",
        ),
        (f"{PA}:detectors.dpa.schedule", {"24": STEP}, "24 is not a power of two"),
        (
            f"{PA}:detectors.dpa.schedule",
            {"8": STEP | {"transition": 0}, "32": STEP},
            "schedule has 32 px after 8 px: growth doubles",
        ),
        (f"{PA}:detectors.dpa.schedule", {}, "detectors.dpa.schedule"),
        (f"{PA}:detectors.dpa.schedule", {"last": STEP}, "detectors.dpa.schedule"),
        (f"{PA}:kind", "pathology", "kind"),
        (f"{PA}:kind", "slides", f"{PA}: "),
        (f"{PA}:detectors.nobody", {}, "nobody"),
        (f"{PA}:split_xrays.generated", True, f"{PA}: generated is true, but nih is no collection that the stage"),
        (f"{DX}:split_xrays.generated", False, f"{DX}: generated is false, but the stage demo_data draws demo_xrays"),
        (f"{DS}:collection.generated", False, f"{DS}: generated is false, but the stage demo_data draws demo_slides"),
        (
            f"{PA}:split_xrays.collection",
            "demo_xrays",
            f"{PA}: generated is false, but the stage demo_data draws demo_x",
        ),
        (f"{PA}:tissue_masks", {}, "tissue_masks: is not a known key"),
        ("compute.processes", 3, "the batch_size 128 at 16 px is not divided by compute.processes, 3"),
        (
            "arms.slides",
            ["demo_slides", "camelyon17"],
            "arms/camelyon17.yaml is missing: copy one of another arm, or choose from camelyon16",
        ),
        (
            "arms.slides",
            ["demo_slides", "nih_pa"],
            "arms.slides names nih_pa, whose file says kind: xrays: move it there",
        ),
        ("detectors", ["dpa", "nobody"], "nobody"),
        ("demo_data.slides.tumour", 2, "validation_tumour names tumor_003"),
        ("demo_data.slides.size", 2304, "ends outside the drawn slides"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_with_file_and_key(
    in_folder: Path, path: str, value: Any, message: str
) -> None:
    write(with_values((path, value)))
    with pytest.raises(PipelineError) as caught:
        read_all()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(settings: dict[str, Any]) -> None:
    del settings["arms/nih_ap.yaml"]["detectors"]["dpa"]["backbone"]
    write(settings)
    with pytest.raises(PipelineError, match=r"arms/nih_ap\.yaml: detectors\.dpa\.backbone: is missing"):
        read_all()


def test_a_misspelt_key_is_named_before_the_one_that_it_leaves_missing(settings: dict[str, Any]) -> None:
    dpa = settings["arms/nih_ap.yaml"]["detectors"]["dpa"]
    dpa["back_bone"] = dpa.pop("backbone")
    write(settings)
    with pytest.raises(PipelineError, match=r"detectors\.dpa\.back_bone: is not a known key"):
        read_all()


def test_a_section_that_is_missing_is_named(settings: dict[str, Any]) -> None:
    del settings["arms/nih_ap.yaml"]["equalize_xrays"]
    write(settings)
    with pytest.raises(PipelineError, match=r"arms/nih_ap\.yaml: equalize_xrays: is missing"):
        read_all()


def test_a_detector_of_the_list_needs_its_key(settings: dict[str, Any]) -> None:
    """DVC stops where a key that a stage depends on is missing."""
    settings["params.yaml"]["detectors"] = ["dpa", "colour_statistics"]
    del settings["arms/nih_sample.yaml"]["detectors"]["colour_statistics"]
    write(settings)
    with pytest.raises(PipelineError, match=r"colour_statistics is missing: `colour_statistics: {}` has its defaults"):
        read_all()


@pytest.mark.parametrize("key", ["weights", "statistics"])
def test_a_file_that_settings_name_has_to_be_there_where_they_run(settings: dict[str, Any], key: str) -> None:
    """The arms of the paper do not run, and their files may lie on another machine."""
    for arm in ("nih_pa", "nih_sample"):
        settings[f"arms/{arm}.yaml"]["detectors"]["dpa"][key] = "given/file.pth"
    write(settings)
    with pytest.raises(PipelineError) as caught:
        read_all()
    assert str(caught.value).startswith(
        f"arms/nih_sample.yaml: detectors.dpa.{key} names given/file.pth, but there is no such file: "
    )
    Path("given").mkdir()
    Path("given/file.pth").touch()
    read_all()


def test_an_arm_of_ones_own_is_a_copied_file_and_its_name_in_two_lists(settings: dict[str, Any]) -> None:
    settings["arms/my_slides.yaml"] = copy.deepcopy(settings["arms/demo_slides.yaml"])
    settings["arms/my_slides.yaml"]["collection"]["generated"] = False
    settings["params.yaml"]["arms"] |= {"slides": ["my_slides"], "train": ["my_slides"]}
    write(settings)
    assert read_all().arms.prepared == {"my_slides": "slides", "nih_sample": "xrays"}


def test_a_drawn_collection_has_one_arm(settings: dict[str, Any]) -> None:
    """Nothing lists its files for another one."""
    settings["arms/mine.yaml"] = settings["arms/demo_xrays.yaml"]
    write(settings)
    with pytest.raises(PipelineError, match=r"arms/mine\.yaml: demo_xrays is drawn for the arm of that name alone"):
        read_all()


def test_a_collection_that_comes_with_the_repository_has_one_arm_and_is_not_called_drawn(
    settings: dict[str, Any],
) -> None:
    Path("arms/nih_sample.tar.gz").touch()
    read_all()
    settings["arms/mine.yaml"] = settings["arms/nih_sample.yaml"]
    write(settings)
    with pytest.raises(PipelineError, match=r"arms/mine\.yaml: nih_sample is unpacked for the arm of that name alone"):
        read_all()
    settings["arms/mine.yaml"]["split_xrays"]["generated"] = True
    write(settings)
    with pytest.raises(PipelineError, match="nih_sample is no collection that the stage demo_data draws: set it to f"):
        read_all()


def test_an_arm_without_search_runs_and_says_so_where_it_is_searched(settings: dict[str, Any]) -> None:
    del settings["arms/nih_ap.yaml"]["tune"]
    write(settings)
    read_all()
    with pytest.raises(PipelineError, match=r"arms/nih_ap\.yaml has no section tune: add one"):
        _ = read_arm("nih_ap").search


def test_one_matrix_per_slide_goes_with_our_method_only(settings: dict[str, Any]) -> None:
    settings["arms/demo_slides.yaml"]["normalize_tiles"] |= {"stains_of": "slide", "method": "staintools"}
    write(settings)
    with pytest.raises(PipelineError, match="needs method: vahadane, found staintools"):
        read_all()


@pytest.mark.parametrize("content", ["", "[]", "5", "arm"])
def test_a_file_that_is_no_map_is_one_sentence(settings: dict[str, Any], content: str) -> None:
    Path("arms/nih_pa.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(PipelineError, match=r"arms/nih_pa\.yaml is no map of sections"):
        read_all()


@pytest.mark.usefixtures("settings")
def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_arm("nih_pa").detector("dpa").depth = 9  # type: ignore[attr-defined]


def list_paths(content: Any, path: str = "") -> list[str]:
    if isinstance(content, list):
        return [path]
    children = content.items() if isinstance(content, dict) else ()
    return [found for key, value in children for found in list_paths(value, f"{path}.{key}" if path else key)]


@pytest.mark.parametrize("file", [*shipped()])
def test_dvc_can_empty_a_list_without_breaking_the_file(tmp_path: Path, file: str) -> None:
    """An end-of-line comment on a list's key would."""
    copy = tmp_path / "copy.yaml"
    copy.write_bytes((ROOT / file).read_bytes())
    lists = [path for path in list_paths(shipped()[file]) if not path.startswith("tune.space")]
    apply_overrides(copy, [f"{path}=[]" for path in lists])
    assert {*lists} <= {*list_paths(YAML(typ="safe").load(copy.read_text(encoding="utf-8")))}


@pytest.mark.parametrize("file", [file for file in shipped() if file != "params.yaml"])
def test_a_variant_changes_its_value_in_the_file_and_nothing_else(tmp_path: Path, file: str) -> None:
    """But for where lines end that are longer than DVC writes them."""
    copy, text = tmp_path / "copy.yaml", (ROOT / file).read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    apply_overrides(copy, ["detectors.dpa.latent_dim=33"])
    expected = re.sub(r"(?m)^(    latent_dim: )\d+$", r"\g<1>33", text, count=1)
    assert "".join(copy.read_text(encoding="utf-8").split()) == "".join(expected.split())
    assert expected != text


def test_files_are_short_enough_to_be_read() -> None:
    lines = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in shipped()}
    assert lines.pop("params.yaml") <= 80
    assert {file for file, count in lines.items() if count > (135 if "demo" in file else 180)} == set()
