import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import layout
from pipeline.errors import PipelineError
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.scores import ArmScores
from pipeline.params.evaluate import ComputeMetrics
from pipeline.reporting.comparison import Change, Revision, changes, comparison_text, failures, read_revision

SETTINGS = ComputeMetrics(held_out_quantile=0.95, slide_quantile=0.9, resamples=300, seed=0)


def arm_of(shift: float, patients: int = 200) -> ArmScores:
    """Three runs that agree but for little noise; abnormal images score higher by ``shift``."""
    noise, labels = np.random.default_rng(0), np.arange(patients) % 2
    images = pd.DataFrame(
        {
            "id": [f"{i:03}.png" for i in range(patients)],
            "group": [f"patient_{i:03}" for i in range(patients)],
            "source": [f"images/{i:03}.png" for i in range(patients)],
            "split": "test",
            "label": labels,
            "findings": "",
        }
    )
    shared = noise.normal(size=patients)
    return ArmScores(images, {"score": shared + noise.normal(0, 0.05, (3, patients)) + shift * labels})


def with_held_out(arm: ArmScores, normals: int = 100) -> ArmScores:
    """Add held-out normals to the test images."""
    rows = arm.images.iloc[[0] * normals].assign(id=[f"val_{i}" for i in range(normals)], split="val", label=0)
    scores = np.concatenate([arm.scores["score"], np.random.default_rng(1).normal(size=(3, normals))], axis=1)
    return ArmScores(pd.concat([arm.images, rows], ignore_index=True), {"score": scores})


def revision(name: str, scores: dict[Any, Any], figures: dict[str, float] | None = None, **parameters: Any) -> Revision:
    """A revision; an arm without a detector has dpa."""
    runs = {(run, "dpa") if isinstance(run, str) else run: of_run for run, of_run in scores.items()}
    return Revision(name, {"train.a.latent_dim": 16, **parameters}, runs, figures or {}, None)


def compared(before: ArmScores, now: ArmScores) -> dict[str, Change]:
    found = changes(revision("main", {"a": before}), revision("now", {"a": now}), SETTINGS)
    return {change.metric: change for change in found}


def test_all_metrics_are_compared_now_minus_before() -> None:
    found = compared(arm_of(0.5), arm_of(1.5))
    assert set(found) == set(METRICS)
    area = found["roc_auc"]
    assert area.difference.mean == pytest.approx(area.now.mean() - area.before.mean())
    assert (area.paired, area.verdict) == (True, "▲ better")
    assert found["fpr_at_95_tpr"].difference.mean < 0
    assert (found["fpr_at_95_tpr"].worse_by < 0, found["fpr_at_95_tpr"].verdict) == (True, "▲ better")


def test_what_falls_beyond_the_interval_is_worse() -> None:
    found = compared(arm_of(1.5), arm_of(0.5))
    assert (found["roc_auc"].verdict, found["fpr_at_95_tpr"].verdict) == ("▼ worse", "▼ worse")
    assert found["roc_auc"].worse_by == pytest.approx(-found["roc_auc"].difference.mean)


def test_a_small_change_is_within_noise() -> None:
    found = compared(arm_of(1.0), arm_of(1.01))["roc_auc"]
    assert found.difference.mean > 0
    assert found.verdict == "within noise"


def test_other_test_images_are_compared_without_pairing() -> None:
    before, now = arm_of(1.0), arm_of(1.3, patients=180)
    paired, apart = compared(before, arm_of(1.3))["roc_auc"], compared(before, now)["roc_auc"]
    assert not apart.paired
    assert paired.difference.interval is not None
    assert apart.difference.interval is not None
    assert np.ptp(apart.difference.interval) > 1.5 * np.ptp(paired.difference.interval)


def test_an_image_with_another_label_is_another_image() -> None:
    relabelled = arm_of(1.0)
    images = relabelled.images.assign(label=relabelled.images["label"].where(relabelled.images.index > 0, 1))
    apart = compared(arm_of(1.0), dataclasses.replace(relabelled, images=images))["roc_auc"]
    paired = compared(arm_of(1.0), arm_of(1.1))["roc_auc"]
    assert (apart.paired, paired.paired) == (False, True)
    assert apart.difference.interval is not None
    assert paired.difference.interval is not None
    assert np.ptp(apart.difference.interval) > 2 * np.ptp(paired.difference.interval)


def test_what_is_known_of_an_image_may_change_without_making_it_another_one() -> None:
    moved = arm_of(1.3)
    images = moved.images.assign(source="elsewhere/" + moved.images["source"], findings="Lump")
    assert compared(arm_of(1.0), dataclasses.replace(moved, images=images))["roc_auc"].paired


def test_few_patients_can_not_be_told_from_noise() -> None:
    assert compared(arm_of(0.5, 8), arm_of(1.5, 8))["roc_auc"].verdict == "n/a"


def text_of(base: Revision, head: Revision) -> str:
    return comparison_text(base, head, changes(base, head, SETTINGS))


def test_parameters_that_changed_are_listed_with_both_values_and_no_other() -> None:
    same = {"a": arm_of(1.0)}
    text = text_of(revision("main", same, old=1), revision("now", same, **{"train.a.latent_dim": 32, "new": "x"}))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    assert rows == [
        ["parameter", "at main", "now"],
        ["new", "–", "x"],
        ["old", "1", "–"],
        ["train.a.latent_dim", "16", "32"],
    ]


def test_a_changed_metric_has_both_values_the_difference_its_interval_and_what_it_means() -> None:
    text = text_of(revision("main", {"a": arm_of(0.5)}), revision("now", {"a": arm_of(1.5)}))
    (row,) = (line for line in text.splitlines() if "| ROC AUC " in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    found = compared(arm_of(0.5), arm_of(1.5))["roc_auc"]
    assert cells[2].startswith(f"{100 * found.before.mean():.1f} ± ")
    assert cells[4] == f"{100 * found.difference.mean:+.1f}"
    assert cells[5].startswith("+")
    assert cells[6] == "▲ better"


def test_an_arm_with_the_same_scores_is_one_line() -> None:
    text = text_of(revision("main", {"a": arm_of(1.0)}), revision("now", {"a": arm_of(1.0)}))
    assert "- a: every metric is as before" in text
    assert "ROC AUC" not in text


def test_other_figures_that_changed_are_listed_too() -> None:
    same = {"a": arm_of(1.0)}
    before = {"a.dpa.pixel_l1_roc_auc": 0.3, "a.dpa.roc_auc": 0.7, "a.dpa.seeds": 3}
    now = before | {"a.dpa.pixel_l1_roc_auc": 0.5, "a.dpa.roc_auc": 0.8, "new.dpa.roc_auc": 0.6}
    text = text_of(revision("main", same, before), revision("now", same, now))
    _, others = text.split("### Other figures of summary.json")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in others.splitlines() if line[:2] == "| "]
    assert rows == [
        ["figure", "at main", "now"],
        ["a.dpa.pixel_l1_roc_auc", "0.3", "0.5"],
        ["new.dpa.roc_auc", "–", "0.6"],
    ]


def test_sensitivity_and_specificity_are_marked_as_well() -> None:
    before, now = (with_held_out(arm_of(shift)) for shift in (0.5, 2.5))
    found = compared(before, now)
    assert found["sensitivity"].verdict == "▲ better"
    assert found["specificity"].verdict == "within noise"
    assert "sensitivity" not in compared(arm_of(0.5), now)


def test_one_seed_on_both_sides_is_judged_over_patients_and_the_text_says_so() -> None:
    one = [dataclasses.replace(arm, scores={"score": arm.scores["score"][:1]}) for arm in (arm_of(0.5), arm_of(2.5))]
    assert compared(*one)["roc_auc"].verdict == "▲ better with this seed"
    assert compared(*one[::-1])["roc_auc"].verdict == "▼ worse with this seed"
    text = text_of(revision("main", {"a": one[0]}), revision("now", {"a": one[1]}))
    assert "a: one seed on both sides: the intervals are over patients or slides, without the noise of seeds" in text
    assert "another seed alone may be marked as better or worse" in text
    assert "one seed on both sides" not in text_of(revision("main", {"a": one[0]}), revision("now", {"a": one[0]}))
    assert "one seed on both sides" not in text_of(revision("main", {"a": arm_of(0.5)}), revision("now", {"a": one[1]}))


def test_arms_without_figures_on_one_side_are_named() -> None:
    broken = PipelineError("a.csv is missing")
    text = text_of(
        revision("main", {"gone": arm_of(1.0), "b": broken}), revision("now", {"new": arm_of(1.0), "b": arm_of(1.0)})
    )
    assert "- gone: only in main" in text
    assert "- new: new in now" in text
    assert "- b: no scores in main (a.csv is missing)" in text


def failed(before: dict[str, Any], now: dict[str, Any], **allowed: float) -> list[str]:
    base, head = revision("main", before), revision("now", now)
    return failures(changes(base, head, SETTINGS), base, head, allowed)


def test_the_gate_names_what_became_worse_by_more_than_allowed() -> None:
    before, now = arm_of(1.5), arm_of(0.5)
    found = compared(before, now)
    (line,) = failed({"a": before}, {"a": now}, roc_auc=0.02)
    area = found["roc_auc"]
    assert line == (
        f"a: ROC AUC became worse by {area.worse_by:.4f} ({area.before.mean():.4f} to {area.now.mean():.4f}); "
        "gate.roc_auc allows 0.02"
    )
    assert failed({"a": before}, {"a": now}, roc_auc=area.worse_by + 1e-9) == []
    assert len(failed({"a": before}, {"a": now}, roc_auc=0.02, fpr_at_95_tpr=0.02)) == 2


def test_the_gate_lets_through_what_became_better() -> None:
    assert failed({"a": arm_of(0.5)}, {"a": arm_of(1.5)}, **dict.fromkeys(METRICS, 0.0)) == []


def test_the_gate_names_an_arm_that_is_gone_but_not_one_that_is_new() -> None:
    assert failed({"a": arm_of(1.0)}, {"b": arm_of(1.0)}, roc_auc=0.02) == ["a: only in main"]


@pytest.mark.parametrize("side", ["main", "now"])
def test_the_gate_does_not_pass_what_it_could_not_compare(side: str) -> None:
    arms = {"main": {"a": arm_of(1.0)}, "now": {"a": arm_of(1.0)}}
    arms[side] = {"a": PipelineError("a.csv is broken")}
    assert failed(arms["main"], arms["now"], roc_auc=0.02) == [f"a: no scores in {side} (a.csv is broken)"]


def test_a_new_arm_without_readable_scores_does_not_pass_either() -> None:
    broken = {"a": arm_of(1.0), "b": PipelineError("b.csv is broken")}
    (line,) = failed({"a": arm_of(1.0)}, broken, roc_auc=0.02)
    assert line == "b: new in now; no scores in now (b.csv is broken)"


def test_a_revision_is_read_through_its_files() -> None:
    rows = arm_of(1.0, 4).images.assign(
        score=[1, 2, 3, 4], untrained=0, pixel_l1=0, colour_statistics=0, mean_intensity=0
    )
    files = {
        "params.yaml": "arms: {train: [a, b]}\ndetectors: [dpa]\nseeds: [0, 7]\n"
        "train: {a: {schedule: [{stable: 5}], channels: []}}\n"
        "gate: {roc_auc: 0.5}\n",
        "reports/summary.json": '{"a": {"dpa": {"roc_auc": 0.7}}}',
        **{
            str(layout.scores(run)): rows.assign(run=run).to_csv(index=False)
            for run in ("a/dpa/seed-0", "a/dpa/seed-7")
        },
    }
    found = read_revision("main", files.get)
    scores = found.scores["a", "dpa"]
    assert isinstance(scores, ArmScores)
    assert scores.scores["score"].tolist() == [[1, 2, 3, 4]] * 2
    assert isinstance(found.scores["b", "dpa"], PipelineError)
    assert found.parameters["train.a.schedule.0.stable"] == 5
    assert found.parameters["seeds.1"] == 7
    assert found.figures == {"a.dpa.roc_auc": 0.7}
    assert found.gate == {"roc_auc": 0.5}


def test_a_revision_without_a_list_of_detectors_has_those_of_its_summary() -> None:
    files = {
        "params.yaml": "arms: {train: [a]}\nseeds: [0]",
        "reports/summary.json": '{"a": {"dpa": {"roc_auc": 0.7}}}',
    }
    assert list(read_revision("main", files.get).scores) == [("a", "dpa")]


def test_several_detectors_are_compared_each_with_itself_and_named() -> None:
    before = {("a", "dpa"): arm_of(1.0), ("a", "padim"): arm_of(1.5)}
    now = {("a", "dpa"): arm_of(1.0), ("a", "padim"): arm_of(0.5)}
    text = text_of(revision("main", before), revision("now", now))
    assert "- a/dpa: every metric is as before" in text
    (row,) = (line for line in text.splitlines() if "| ROC AUC " in line)
    assert row.startswith("| a/padim |")
    (line,) = failed(before, now, roc_auc=0.02)
    assert line.startswith("a/padim: ROC AUC became worse by")


def test_the_gate_names_a_detector_that_is_gone() -> None:
    both = {("a", "dpa"): arm_of(1.0), ("a", "padim"): arm_of(1.0)}
    assert failed(both, {("a", "dpa"): arm_of(1.0)}, roc_auc=0.02) == ["a/padim: only in main"]
    assert failed({("a", "dpa"): arm_of(1.0)}, both, roc_auc=0.02) == []


def test_a_detector_on_one_side_alone_is_one_line_with_its_area() -> None:
    figures = {"a.dpa.abnormal_share": 0.25, "a.padim.roc_auc": 0.8, "a.padim.abnormal_share": 0.3}
    one, two = {("a", "dpa"): arm_of(1.0)}, {("a", "dpa"): arm_of(1.0), ("a", "padim"): arm_of(1.5)}
    only = {"a.dpa.abnormal_share": 0.25}
    for text, said in (
        (text_of(revision("main", one, only), revision("now", two, figures)), "- a/padim: new in now, ROC AUC 80.0"),
        (text_of(revision("main", two, figures), revision("now", one, only)), "- a/padim: only in main, ROC AUC 80.0"),
    ):
        assert said in text.splitlines()
        assert text.count("padim") == 1


def test_detectors_of_which_the_same_is_said_share_a_line() -> None:
    same = {("a", "padim"): arm_of(1.0), ("a", "dpa"): arm_of(1.0)}
    assert "- a (dpa, padim): every metric is as before" in text_of(revision("main", same), revision("now", same))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: b",
        "arms: {train: 1}\nseeds: [0]",
        "arms: {train: ['# a']}\nseeds: [0]",
        "arms: {train: [a]}\nseeds: 3",
        "arms: {train: []}\nseeds: [0]\ngate: {roc_auc: much}",
        "arms: {train: []}\nseeds: [0]\ngate: {roc_auk: 0.1}",
        "a: [",
        "arms: {train: [a]}",
        "arms: {train: [a]}\nseeds: [0]",
        "arms: {train: [a]}\nseeds: [0]\ndetectors: []",
        "arms: {train: [a]}\nseeds: [0]\ndetectors: ['# dpa']",
    ],
)
def test_params_of_something_else_are_named(text: str) -> None:
    with pytest.raises(
        PipelineError, match=r"params\.yaml, arms/ or reports/summary\.json of v1 is not as this pipeline's"
    ):
        read_revision("v1", {"params.yaml": text}.get)


def test_what_is_no_revision_of_this_pipeline_is_named() -> None:
    with pytest.raises(PipelineError, match=r"v9 has no params\.yaml: name a revision of this pipeline"):
        read_revision("v9", {}.get)


def test_the_file_of_an_arm_on_one_side_alone_is_one_row() -> None:
    new = {"arms/mine.yaml:detectors.dpa.latent_dim": 4, "arms/mine.yaml:split_xrays.view": "PA", "seeds.0": 0}
    text = comparison_text(Revision("v1", {"seeds.0": 1}, {}, {}, None), Revision("now", new, {}, {}, None), [])
    parameters = text.partition("### Parameters")[2].partition("### Metrics")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in parameters.splitlines() if row.startswith("| ")]
    assert rows[1:] == [["arms/mine.yaml", "–", "a file with settings"], ["seeds.0", "1", "0"]]
