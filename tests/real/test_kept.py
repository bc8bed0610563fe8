from pathlib import Path

import numpy as np
import pytest

from pipeline import layout
from pipeline.detectors.registry import BASELINES
from pipeline.errors import PipelineError
from pipeline.evaluation.results import above_reference, arm_results
from pipeline.evaluation.scores import ArmScores
from pipeline.files import write_csv
from pipeline.params.evaluate import ComputeMetrics
from pipeline.real.kept import REAL, kept_arms, kept_figures
from tests.evaluation.conftest import arm_scores

SETTINGS = ComputeMetrics(held_out_quantile=0.9, slide_quantile=0.9, resamples=200, seed=0)
COLUMNS = ("score", *BASELINES)


def keep(detector: str, scores: ArmScores) -> None:
    for seed, _ in enumerate(scores.scores["score"]):
        run = layout.run_name("mine", detector, seed)
        values = {name: scores.scores[name][seed] for name in COLUMNS}
        write_csv(REAL / f"{run}.csv", scores.images.assign(run=run, **values))


@pytest.fixture
def kept(in_folder: Path) -> ArmScores:
    """Scores of the reference."""
    scores = arm_scores([0, 0, 1, 1] * 10, [f"patient_{i // 2:02}" for i in range(40)])
    keep("dpa", scores)
    return scores


def as_read(scores: ArmScores) -> ArmScores:
    return ArmScores(scores.images, {name: scores.scores[name] for name in COLUMNS})


def test_figures_are_those_of_the_reports(kept: ArmScores) -> None:
    weaker = ArmScores(
        kept.images, {**kept.scores, "score": kept.scores["score"][:1] / 2 + kept.scores["untrained"][:1]}
    )
    keep("knn", weaker)
    found = kept_figures("mine", "dpa", SETTINGS).rows
    both = {"dpa": as_read(kept), "knn": ArmScores(kept.images, {"score": weaker.scores["score"]})}
    known = arm_results(both["dpa"], [0, 1], SETTINGS, None)
    for name in ("roc_auc", "average_precision", "fpr_at_95_tpr"):
        assert found["dpa"].metrics[name].content() == known["metrics"][name]
    for name, baseline in known["baselines"].items():
        area = found[name].metrics["roc_auc"].content()
        assert [area[end] for end in ("mean", "low", "high")] == pytest.approx(
            [baseline["roc_auc"][end] for end in ("mean", "low", "high")],
            abs=2e-4,  # of a turned area, its quantiles
        )
    assert found["dpa"].above_exposure.content() == known["baselines"]["mean_intensity"]["detector_above"]
    assert found["knn"].above_reference.content() == above_reference(both, "dpa", SETTINGS)["knn"]
    assert (found["dpa"].runs, found["knn"].runs) == (2, 1)


def test_the_highest_area_stands_first(kept: ArmScores) -> None:
    areas = [row.metrics["roc_auc"].mean for row in kept_figures("mine", "dpa", SETTINGS).rows.values()]
    assert areas == sorted(areas, reverse=True)


def test_dark_anomalies_count_as_bright_ones(kept: ArmScores) -> None:
    def exposure(sign: int) -> float:
        bright = np.stack([sign * (kept.labels + np.arange(len(kept.labels)) / 100)] * 2)
        keep("dpa", ArmScores(kept.images, {**kept.scores, "mean_intensity": bright}))
        return kept_figures("mine", "dpa", SETTINGS).rows["mean_intensity"].metrics["average_precision"].mean

    assert exposure(1) == exposure(-1) == 1


def test_nothing_is_said_where_no_two_images_are_equally_bright(kept: ArmScores) -> None:
    apart = np.stack([100 * kept.labels + np.arange(len(kept.labels)) / 100] * 2)
    keep("dpa", ArmScores(kept.images, {**kept.scores, "mean_intensity": apart}))
    found = kept_figures("mine", "dpa", SETTINGS)
    assert (found.pairs, found.rows["dpa"].alike) == (0, None)


def test_what_an_images_brightness_says_is_gone_where_it_is_equal(kept: ArmScores) -> None:
    bright = np.random.default_rng(0).normal(kept.labels, 1)
    scores = {"score": np.stack([np.exp(bright)] * 2), "mean_intensity": np.stack([bright] * 2)}
    keep("dpa", ArmScores(kept.images, {**kept.scores, **scores}))
    found = kept_figures("mine", "dpa", SETTINGS)
    row = found.rows["dpa"]
    assert row.metrics["roc_auc"].mean > 0.7
    exposure = found.rows["mean_intensity"]
    assert row.alike
    assert exposure.alike
    assert row.alike.mean == exposure.alike.mean == pytest.approx(0.5, abs=0.1)
    assert 0 < found.pairs < 0.3


def test_arms_are_those_with_scores(kept: ArmScores) -> None:
    (REAL / "arms").mkdir()
    assert kept_arms() == ["mine"]


def test_scores_of_other_images_are_refused(kept: ArmScores) -> None:
    keep("knn", arm_scores([0, 1] * 10, [f"other_{i}" for i in range(20)]))
    with pytest.raises(PipelineError, match=r"^reports/real/mine: the scores of knn and dpa are not of the same test"):
        kept_figures("mine", "dpa", SETTINGS)


def test_an_arm_without_the_reference_is_refused(kept: ArmScores) -> None:
    with pytest.raises(PipelineError, match=r"^reports/real/mine has no scores of piad, which all others are compared"):
        kept_figures("mine", "piad", SETTINGS)


def test_a_damaged_file_is_named_where_it_lies(kept: ArmScores) -> None:
    (REAL / "mine/dpa/seed-1.csv").write_text("run,id\n")
    with pytest.raises(PipelineError, match=r"^reports/real/mine/dpa/seed-1.csv"):
        kept_figures("mine", "dpa", SETTINGS)
