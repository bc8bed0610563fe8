"""params.yaml: values that nobody can mean, and files that are no settings."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.params.file import read_params
from tests.hostile.inputs import put
from tests.hostile.oracle import Gives, Line, check_no_side_effect, check_sentence, judge, lines
from tests.import_closure import ROOT
from tests.shipped import read_all, with_values, write

FILE = Path("params.yaml")
DPA, SAID = "arms/nih_pa.yaml:detectors.dpa", r"arms/nih_pa\.yaml: detectors\.dpa"
SHIPPED = (ROOT / FILE).read_text(encoding="utf-8")


@lines(
    Line("threads", ("compute.threads", 999_999_999), r"compute\.threads.*999999999"),
    Line("workers", ("compute.workers", 10**9), r"compute\.workers"),
    Line("processes", ("compute.processes", 10**6), r"compute\.processes"),
    Line("trials_at_once", ("compute.trials", 10**12), r"compute\.trials"),
    Line("no_threads", ("compute.threads", 0), r"compute\.threads.*0"),
    Line("half_a_thread", ("compute.threads", 0.5), r"compute\.threads.*integer"),
    Line("memory_below_zero", ("compute.memory", -1), r"compute\.memory"),
    Line("compile_as_word", ("compute.compile", "yes"), r"compute\.compile.*'yes'"),
    Line("device_of_100_kB", ("compute.device", "x" * 100_000), r"compute\.device"),
    Line("device_with_escapes", ("compute.device", "cpu\n\x1b[31m"), r"compute\.device"),
    Line("seed_as_large_float", ("seeds", [1e30]), r"seeds\.0"),
    Line("seed_of_31_digits", ("seeds", [10**30]), r"seeds\.0"),
    Line("seed_below_zero", ("seeds", [-1]), r"seeds\.0.*-1"),
    Line("seed_as_truth", ("seeds", [True]), r"seeds\.0.*integer"),
    Line("seed_as_text", ("seeds", ["0"]), r"seeds\.0.*'0'"),
    Line("seed_as_command", ("seeds", ["0; touch PWNED; true"]), r"seeds\.0.*'0; touch PWNED; true'"),
    Line("seed_as_list", ("seeds", [[0]]), r"seeds\.0"),
    Line("seed_as_mapping", ("seeds", [{"0": 0}]), r"seeds\.0"),
    Line("seed_as_nothing", ("seeds", [None]), r"seeds\.0"),
    Line("seeds_as_number", ("seeds", 3), r"seeds.*(tuple|array|list)"),
    Line("no_detector", ("detectors", []), r"detectors"),
    Line("detector_as_command", ("detectors", ["x; touch PWNED"]), r"detectors\.0.*'x; touch PWNED'"),
    Line("detector_that_climbs", ("detectors", ["../dpa"]), r"detectors\.0.*'\.\./dpa'"),
    Line(
        "detector_of_no_folder", ("detectors", ["absent"]), r"'absent' is not a detector: choose from colour_statistics"
    ),
    Line("detector_twice", ("detectors", ["dpa", "dpa"]), r"detectors.*twice"),
    Line("detectors_as_word", ("detectors", "dpa"), r"detectors.*(tuple|array|list)"),
    Line("arm_as_command", ("arms.train", ["x; touch PWNED"]), r"arms\.train\.0.*'x; touch PWNED'"),
    Line("arm_as_substitution", ("arms.slides", ["$(touch PWNED)"]), r"arms\.slides\.0"),
    Line("arm_that_climbs", ("arms.xrays", ["../../etc"]), r"arms\.xrays\.0.*'\.\./\.\./etc'"),
    Line("arm_without_name", ("arms.train", [""]), r"arms\.train\.0"),
    Line("arm_like_an_option", ("arms.train", ["--help"]), r"arms\.train\.0.*'--help'"),
    Line("arm_with_line_end", ("arms.train", ["demo_xrays\n"]), r"arms\.train"),
    Line("arm_of_no_section", ("arms.slides", ["demo_slides", "nobody"]), r"arms/nobody\.yaml"),
    Line("batch_size", (f"{DPA}.schedule.8.batch_size", 10**12), r"schedule\.8\.batch_size"),
    Line("stable", (f"{DPA}.schedule.8.stable", 10**18), r"schedule\.8\.stable"),
    Line("latent_dim", (f"{DPA}.latent_dim", 10**12), rf"{SAID}\.latent_dim"),
    Line("channels", (f"{DPA}.channels", [10**9] * 5), rf"{SAID}\.channels"),
    Line("channels_of_nothing", (f"{DPA}.channels", [0] * 5), rf"{SAID}\.channels"),
    Line("schedule_empty", (f"{DPA}.schedule", {}), rf"{SAID}\.schedule"),
    Line("schedule_as_word", (f"{DPA}.schedule", "fast"), rf"{SAID}\.schedule"),
    Line("learning_rate_below_zero", (f"{DPA}.learning_rate", -1.0), rf"{SAID}\.learning_rate"),
    Line("learning_rate_as_word", (f"{DPA}.learning_rate", "fast"), rf"{SAID}\.learning_rate.*'fast'"),
    Line("weights_as_number", (f"{DPA}.weights", 5), rf"{SAID}\.weights"),
    Line("detectors_of_nothing", ("arms/nih_pa.yaml:detectors", None), r"arms/nih_pa\.yaml: detectors"),
    Line("detector_of_nothing", ("arms/nih_pa.yaml:detectors.dpa", None), r"arms/nih_pa\.yaml: detectors\.dpa"),
    Line("kind_as_command", ("arms/nih_pa.yaml:kind", "$(touch PWNED)"), r"arms/nih_pa\.yaml: kind"),
    Line("kind_that_climbs", ("arms/nih_pa.yaml:kind", "../detectors"), r"arms/nih_pa\.yaml: kind"),
    Line("detector_that_climbs", ("detectors", ["../os"]), r"detectors\.0"),
    Line("detector_like_a_module", ("detectors", ["base"]), r"base"),
    Line("compute_as_list", ("compute", []), r"compute"),
    Line("resamples", ("compute_metrics.resamples", 10**12), r"compute_metrics\.resamples"),
    Line("patients", ("demo_data.xrays.patients", 10**12), r"demo_data\.xrays\.patients"),
    Line("size_of_a_drawn_slide", ("demo_data.slides.size", 768 * 10**9), r"demo_data\.slides\.size"),
    Line("drawn_slides", ("demo_data.slides.normal", 10**12), r"demo_data\.slides\.normal"),
    Line(
        "tile_size",
        ("arms/demo_slides.yaml:sample_tiles.tile_size", 768 * 10**9),
        r"demo_slides\.yaml: sample_tiles\.tile_size",
    ),
    Line("tiles_per_slide", ("arms/demo_slides.yaml:sample_tiles.tiles_per_slide", 10**12), r"tiles_per_slide"),
    Line("no_tissue", ("arms/demo_slides.yaml:sample_tiles.least_tissue", 0.0), r"least_tissue"),
    Line(
        "working_size_zero",
        ("arms/nih_pa.yaml:equalize_xrays.working_size", 0),
        r"nih_pa\.yaml: equalize_xrays\.working_size",
    ),
    Line(
        "thumbnail_size",
        ("arms/nih_pa.yaml:equalize_xrays.thumbnail_size", 10**9),
        r"nih_pa\.yaml: equalize_xrays\.thumbnail_size",
    ),
    Line(
        "more_failures_than_all",
        ("arms/nih_pa.yaml:equalize_xrays.allowed_failures", 1.5),
        r"equalize_xrays\.allowed_failures",
    ),
    Line(
        "scale_of_308_digits",
        ("arms/demo_slides.yaml:collection.microns_per_pixel", 1e308),
        r"collection\.microns_per_pixel",
    ),
    Line(
        "mask_below_an_atom",
        ("arms/demo_slides.yaml:tissue_masks.microns_per_pixel", 2.5e-10),
        r"tissue_masks\.microns_per_pixel",
    ),
    Line("collection_of_inventories", ("arms/nih_pa.yaml:split_xrays.collection", "inventory"), r"data/raw/inventory"),
    Line(
        "scale_zero",
        ("arms/demo_slides.yaml:collection.microns_per_pixel", 0.0),
        r"demo_slides\.yaml: collection\.microns_per_pixel",
    ),
    Line(
        "slide_that_climbs",
        ("arms/demo_slides.yaml:collection.excluded", ["../x"]),
        r"demo_slides\.yaml: collection\.excluded\.0",
    ),
    Line(
        "collection_that_climbs", ("arms/nih_pa.yaml:split_xrays.collection", "../../etc"), r"split_xrays\.collection"
    ),
    Line(
        "collection_absolute", ("arms/nih_pa.yaml:split_xrays.collection", "/etc"), r"split_xrays\.collection.*'/etc'"
    ),
    Line("table_as_number", ("arms/nih_pa.yaml:split_xrays.table", 5), r"nih_pa\.yaml: split_xrays\.table"),
    Line("region_below_zero", ("arms/demo_slides.yaml:normalize_tiles.target.region.x", -1), r"target\.region\.x"),
    Line("gate_below_zero", ("gate.roc_auc", -1.0), r"gate\.roc_auc"),
    Line("gate_as_word", ("gate.roc_auc", "no"), r"gate\.roc_auc.*'no'"),
    Line("unknown_section", ("tarin", {}), r"tarin.*not a known key"),
    Line("folds", ("arms/demo_xrays.yaml:tune.folds", 10**9), r"demo_xrays\.yaml: tune\.folds"),
    Line("draws", ("arms/demo_xrays.yaml:tune.few_anomalies.draws", 10**12), r"few_anomalies\.draws"),
)
def test_a_value(line: Line) -> None:
    write(with_values(line.made))
    judge(read_all, line.says)


@lines(
    Line("as_shipped", SHIPPED, Gives()),
    Line("windows_line_ends", SHIPPED.replace("\n", "\r\n"), Gives()),
    Line("byte_order_mark", "\ufeff" + SHIPPED, Gives()),
    Line("empty", "", r"params\.yaml"),
    Line("comment_only", "# nothing\n", r"params\.yaml"),
    Line("one_word", "settings", r"params\.yaml"),
    Line("list", "- arms\n- seeds\n", r"params\.yaml"),
    Line("binary", bytes(range(256)), r"params\.yaml"),
    Line("utf_16", SHIPPED.encode("utf-16"), r"params\.yaml"),
    Line("nul", SHIPPED + "\0", r"params\.yaml.*YAML"),
    Line("tabs", "arms:\n\tslides: []\n", r"params\.yaml.*YAML"),
    Line("open_bracket", "arms: [", r"params\.yaml.*YAML"),
    Line("key_twice", SHIPPED + "\nseeds:\n- 5\n", r"params\.yaml.*seeds.*\)$"),  # no advice to allow it
    Line("byte_order_mark_twice", "\ufeff\ufeff" + SHIPPED, r"params\.yaml.*YAML"),
    Line(
        "key_with_what_nobody_sees",
        SHIPPED.replace("seeds:", "seeds\u200b:"),
        r"params\.yaml: seeds\\u200b: is not a known key",
    ),
    Line("key_with_a_space_that_is_none", SHIPPED.replace("seeds:", "\u00a0seeds:"), r"params\.yaml: \\xa0seeds:"),
    Line("truth_that_is_none", "a: 1\nb: !!bool perhaps", r"params\.yaml.*line 2: 'perhaps' is no bool$"),
    Line("number_that_is_none", "a: !!int x", r"params\.yaml.*line 1: 'x' is no int$"),
    Line("fraction_that_is_none", "a: !!float x", r"params\.yaml.*line 1: 'x' is no float$"),
    Line("day_that_is_none", "a: !!timestamp x", r"params\.yaml.*line 1: .*timestamp"),
    Line("30th_of_february", "a:\n- !!timestamp 2001-02-30", r"params\.yaml.*line 2: .*'2001-02-30' is no timestamp"),
    Line("bytes_that_are_none", "a: !!binary §", r"params\.yaml.*line 1: .*base64"),
    Line("list_that_is_none", "a: !!seq x", r"params\.yaml.*line 1: .*expected a sequence"),
    Line("tag_that_nobody_knows", "a: !mine x", r"params\.yaml.*line 1: .*'!mine'"),
    Line("two_documents", SHIPPED + "\n---\n" + SHIPPED, r"params\.yaml.*YAML"),
    Line("python_object", "seeds: !!python/object/apply:os.system ['touch PWNED']", r"params\.yaml.*YAML"),
    Line("python_module", "seeds: !!python/module:os", r"params\.yaml.*YAML"),
    Line("unknown_anchor", "seeds: *nowhere", r"params\.yaml.*nowhere"),
    Line("anchor_of_itself", "seeds: &a [*a]", r"params\.yaml"),
    Line("mapping_of_itself", "arms: &a {slides: *a}", r"params\.yaml"),
    Line("20_000_lists", "[" * 20_000 + "]" * 20_000, r"params\.yaml"),
    Line("20_000_mappings", "{a: " * 20_000 + "}" * 20_000, r"params\.yaml"),
    Line("list_as_key", "? [1, 2]\n: 3\n", r"params\.yaml"),
    Line("nothing_as_key", "null: 3\n", r"params\.yaml"),
    Line("date_as_seed", SHIPPED.replace("- 0\n- 1", "- 2020-01-01"), r"params\.yaml.*seeds\.0"),
    Line("seed_of_5000_digits", SHIPPED.replace("- 0\n- 1", "- " + "9" * 5000), r"params\.yaml"),
    Line("not_a_number", SHIPPED.replace("memory: 6.0", "memory: .nan"), r"params\.yaml.*(memory|NaN)"),
    Line("infinite", SHIPPED.replace("memory: 6.0", "memory: .inf"), r"params\.yaml.*(memory|Infinity)"),
    Line("half_a_character", SHIPPED.replace("device: auto", 'device: "\\ud800"'), r"params\.yaml"),
)
def test_a_file(line: Line) -> None:
    put(FILE, line.made)
    judge(read_params, line.says)


@lines(
    Line("missing", lambda: None, r"params\.yaml"),
    Line("folder", FILE.mkdir, r"params\.yaml"),
    Line("link_to_itself", lambda: FILE.symlink_to(FILE), r"params\.yaml"),
    Line("link_to_nowhere", lambda: FILE.symlink_to("nowhere"), r"params\.yaml"),
)
def test_no_file(line: Line) -> None:
    line.made()
    judge(read_params, line.says)


LIMITED = """from pipeline.params.file import read_params
from pipeline.stage import run_stage
run_stage(lambda: str(read_params()))"""


@pytest.mark.slow
def test_anchors_that_multiply_fill_no_memory() -> None:
    """A billion laughs: nine lines that stand for 10^9 words."""
    text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
    for i in range(1, 9):
        text += f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n"
    FILE.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    check_sentence(done.stderr.strip(), r"params\.yaml")
    check_no_side_effect()
