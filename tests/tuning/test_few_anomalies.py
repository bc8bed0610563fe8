import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.params.evaluate import ComputeMetrics
from pipeline.params.tune import FewAnomalies
from pipeline.tuning.few_anomalies import _drawn, few_anomalies, placements, whole_trials
from pipeline.tuning.few_anomalies import test_areas as areas_of_test
from pipeline.tuning.few_anomalies import test_interval as interval_of_test

SETTINGS = FewAnomalies(numbers=(2, 5, 500), kinds=(1, 2, 9), draws=4)


def scores(trials: int = 5, seed: int = 0) -> pd.DataFrame:
    """Three folds with normals and anomalies of three kinds, and a test; trial k tells them apart better than k − 1."""
    rng, parts = np.random.default_rng(seed), []
    for fold in ("0", "1", "2", "test"):
        label = np.array([0] * 30 + [1] * 15)
        part = pd.DataFrame({"fold": fold, "id": [f"{fold}_{i}.png" for i in range(45)], "label": label})
        part["kind"] = np.where(label == 1, np.array(["Mass", "Nodule", "Hernia"])[np.arange(45) % 3], "")
        for trial in range(trials):
            part[f"trial_{trial}"] = (rng.normal(size=45) + label * trial / 2).round(1)
        parts.append(part)
    return pd.concat(parts, ignore_index=True).assign(group="g", split="x")


def test_the_mean_placement_of_some_anomalies_is_their_roc_auc() -> None:
    table = scores()
    placed = placements(table)
    for fold in ("0", "1", "2"):
        for kind in ("Mass", "Hernia"):
            part = table[(table["fold"] == fold) & table["kind"].isin(["", kind])]
            found = placed.loc[(placed["fold"] == fold) & (placed["kind"] == kind), 3].mean()
            assert found == pytest.approx(roc_auc_score(part["label"], part["trial_3"]))


def test_all_anomalies_choose_what_the_mean_roc_auc_over_folds_chooses() -> None:
    table = scores()
    folds = table[table["fold"] != "test"].groupby("fold")
    means = [folds.apply(lambda f, t=t: roc_auc_score(f["label"], f[f"trial_{t}"])).mean() for t in range(5)]
    last = few_anomalies(table, SETTINGS, 0).iloc[-1]
    assert (last["kinds"], last["anomalies"], last["draws"], last["std"]) == ("all", "all", 1, 0)
    assert last["mean"] == pytest.approx(areas_of_test(table)[int(np.argmax(means))], abs=1e-6)


def test_a_draw_that_needs_more_than_there_is_is_left_out() -> None:
    table = few_anomalies(scores(), SETTINGS, 0)
    assert list(table["kinds"].unique()) == ["1", "2", "all"]
    assert list(table["anomalies"].unique()) == ["2", "5", "all"]
    assert (table.loc[table["anomalies"] != "all", "draws"] == 4).all()


def test_as_many_kinds_take_part_as_the_row_says() -> None:
    """One kind has nearly all anomalies."""
    pool = pd.DataFrame({"id": [f"{k:02}" for k in range(40)], "kind": ["Mass"] * 37 + ["Nodule", "Hernia", "Edema"]})
    names = sorted(pool["kind"].unique())
    kind_of = pool.set_index("id")["kind"]
    for draw in range(20):
        (ids,) = _drawn(pool, names, 3, 4, 0, draw)
        assert (len(set(ids)), kind_of[ids].nunique()) == (4, 3)
        (ids,) = _drawn(pool, names, 2, 20, 0, draw)
        assert kind_of[ids].nunique() == 2
        (ids,) = _drawn(pool, names, 1, 20, 0, draw)
        assert set(kind_of[ids]) == {"Mass"}  # the only one that has so many
    assert list(_drawn(pool, names, 3, 2, 0, 0)) == []
    assert list(_drawn(pool, names, "all", 41, 0, 0)) == []


def test_the_interval_of_a_test_is_over_its_patients() -> None:
    table = scores().assign(group=lambda t: t["id"])
    settings = ComputeMetrics(held_out_quantile=0.95, slide_quantile=0.9, resamples=300, seed=0)
    found = interval_of_test(table, 4, settings)
    assert found is not None
    assert found[0] < areas_of_test(table)[4] < found[1]
    assert interval_of_test(table.assign(group="g"), 4, settings) is None


def test_more_anomalies_choose_no_worse_on_average() -> None:
    found = [
        few_anomalies(scores(seed=seed), SETTINGS, 0).set_index(["kinds", "anomalies"])["mean"] for seed in range(8)
    ]
    assert np.mean([table["all", "all"] for table in found]) > np.mean([table["1", "2"] for table in found])


def test_draws_follow_the_seed_and_not_the_order_of_rows() -> None:
    table = scores(trials=3)
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(few_anomalies(table, SETTINGS, 0), few_anomalies(shuffled, SETTINGS, 0))
    assert not few_anomalies(table, SETTINGS, 0).equals(few_anomalies(table, SETTINGS, 1))


def test_trials_that_were_given_up_are_not_there_to_be_chosen() -> None:
    table = scores()
    table.loc[table["fold"] == "2", "trial_4"] = np.nan
    assert whole_trials(table) == [0, 1, 2, 3]
    assert set(areas_of_test(table)) == {0, 1, 2, 3}
    assert 4 not in placements(table)
