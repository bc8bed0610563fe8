"""params.yaml: values that nobody can mean, and files that are no settings."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.file import read_params
from tests.hostile.inputs import put
from tests.hostile.oracle import Gives, Line, check_no_side_effect, check_sentence, judge, lines
from tests.hostile.settings import SHIPPED, shipped
from tests.import_closure import ROOT

FILE = Path("params.yaml")


def with_value(path: str, value: Any) -> str:
    """The shipped settings with another value, as JSON, which is YAML."""
    content = shipped()
    place = content
    *parents, last = (int(key) if key.isdigit() else key for key in path.split("."))
    for key in parents:
        place = place[key]
    place[last] = value
    return json.dumps(content)


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
    Line("arm_as_command", ("arms.train", ["x; touch PWNED"]), r"arms\.train\.0.*'x; touch PWNED'"),
    Line("arm_as_substitution", ("arms.slides", ["$(touch PWNED)"]), r"arms\.slides\.0"),
    Line("arm_that_climbs", ("arms.xrays", ["../../etc"]), r"arms\.xrays\.0.*'\.\./\.\./etc'"),
    Line("arm_without_name", ("arms.tune", [""]), r"arms\.tune\.0"),
    Line("arm_like_an_option", ("arms.tune", ["--help"]), r"arms\.tune\.0.*'--help'"),
    Line("arm_with_line_end", ("arms.tune", ["demo_xrays\n"]), r"arms\.tune"),
    Line("arm_of_no_section", ("arms.slides", ["demo_slides", "nobody"]), r"arms\.slides.*nobody"),
    Line("batch_size", ("train.nih_pa.schedule.0.batch_size", 10**12), r"schedule\.0\.batch_size"),
    Line("stable", ("train.nih_pa.schedule.0.stable", 10**18), r"schedule\.0\.stable"),
    Line("latent_dim", ("train.nih_pa.latent_dim", 10**12), r"train\.nih_pa\.latent_dim"),
    Line("channels", ("train.nih_pa.channels", [10**9] * 5), r"train\.nih_pa\.channels"),
    Line("channels_of_nothing", ("train.nih_pa.channels", [0] * 5), r"train\.nih_pa\.channels"),
    Line("schedule_empty", ("train.nih_pa.schedule", []), r"train\.nih_pa\.schedule"),
    Line("schedule_as_word", ("train.nih_pa.schedule", "fast"), r"train\.nih_pa\.schedule"),
    Line("learning_rate_below_zero", ("train.nih_pa.learning_rate", -1.0), r"train\.nih_pa\.learning_rate"),
    Line("learning_rate_as_word", ("train.nih_pa.learning_rate", "fast"), r"train\.nih_pa\.learning_rate.*'fast'"),
    Line("weights_as_number", ("train.nih_pa.weights", 5), r"train\.nih_pa\.weights"),
    Line("train_of_nothing", ("train", None), r"train"),
    Line("compute_as_list", ("compute", []), r"compute"),
    Line("resamples", ("compute_metrics.resamples", 10**12), r"compute_metrics\.resamples"),
    Line("patients", ("demo_data.xrays.patients", 10**12), r"demo_data\.xrays\.patients"),
    Line("size_of_a_drawn_slide", ("demo_data.slides.size", 768 * 10**9), r"demo_data\.slides\.size"),
    Line("drawn_slides", ("demo_data.slides.normal", 10**12), r"demo_data\.slides\.normal"),
    Line("tile_size", ("sample_tiles.demo_slides.tile_size", 768 * 10**9), r"sample_tiles\.demo_slides\.tile_size"),
    Line("tiles_per_slide", ("sample_tiles.demo_slides.tiles_per_slide", 10**12), r"tiles_per_slide"),
    Line("no_tissue", ("sample_tiles.demo_slides.least_tissue", 0.0), r"least_tissue"),
    Line("working_size_zero", ("equalize_xrays.nih_pa.working_size", 0), r"equalize_xrays\.nih_pa\.working_size"),
    Line("thumbnail_size", ("equalize_xrays.nih_pa.thumbnail_size", 10**9), r"equalize_xrays\.nih_pa\.thumbnail_size"),
    Line("more_failures_than_all", ("equalize_xrays.nih_pa.allowed_failures", 1.5), r"nih_pa\.allowed_failures"),
    Line("scale_zero", ("slides.demo_slides.microns_per_pixel", 0.0), r"slides\.demo_slides\.microns_per_pixel"),
    Line("slide_that_climbs", ("slides.demo_slides.excluded", ["../x"]), r"slides\.demo_slides\.excluded\.0"),
    Line("collection_that_climbs", ("split_xrays.nih_pa.collection", "../../etc"), r"nih_pa\.collection"),
    Line("collection_absolute", ("split_xrays.nih_pa.collection", "/etc"), r"nih_pa\.collection.*'/etc'"),
    Line("table_as_number", ("split_xrays.nih_pa.table", 5), r"split_xrays\.nih_pa\.table"),
    Line("region_below_zero", ("normalize_tiles.demo_slides.target.region.x", -1), r"target\.region\.x"),
    Line("gate_below_zero", ("gate.roc_auc", -1.0), r"gate\.roc_auc"),
    Line("gate_as_word", ("gate.roc_auc", "no"), r"gate\.roc_auc.*'no'"),
    Line("unknown_section", ("tarin", {}), r"tarin.*not a known key"),
    Line("folds", ("tune.demo_xrays.folds", 10**9), r"tune\.demo_xrays\.folds"),
    Line("draws", ("tune.demo_xrays.few_anomalies.draws", 10**12), r"few_anomalies\.draws"),
)
def test_a_value(line: Line) -> None:
    FILE.write_text(with_value(*line.made), encoding="utf-8")
    judge(read_params, line.says)


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
    Line("key_twice", SHIPPED + "\nseeds:\n- 5\n", r"params\.yaml.*seeds"),
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
    Line("date_as_seed", SHIPPED.replace("- 0\n- 1\n- 2", "- 2020-01-01"), r"params\.yaml.*seeds\.0"),
    Line("seed_of_5000_digits", SHIPPED.replace("- 0\n- 1\n- 2", "- " + "9" * 5000), r"params\.yaml"),
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


LIMITED = "from pipeline.params.file import read_params; from pipeline.stage import run_stage; run_stage(read_params)"


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
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    check_sentence(done.stderr.strip(), r"params\.yaml")
    check_no_side_effect()
