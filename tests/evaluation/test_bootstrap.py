import numpy as np
import pytest
from scipy.stats import norm

from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import LEAST_GROUPS, Resamples
from pipeline.evaluation.metrics import measure

LABELS = np.array([0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1])
GROUPS = np.array(["a", "a", "b", "c", "c", "c", "d", "d", "e", "f", "g", "h", "i", "j"])


def weights(labels: np.ndarray, groups: np.ndarray, **more: int | str) -> np.ndarray:
    return Resamples(labels, groups, 500, **({"seed": 0} | more)).values(lambda drawn: drawn)


def test_groups_are_drawn_whole() -> None:
    drawn = weights(LABELS, GROUPS)
    for group in np.unique(GROUPS):
        of_group = drawn[:, group == GROUPS]
        assert (of_group == of_group[:, :1]).all()
    assert len(np.unique(drawn[:, 0])) > 2


def totals(drawn: np.ndarray, groups: np.ndarray, kind: str) -> np.ndarray:
    """How many of some groups are drawn in each resample."""
    return drawn[:, [np.flatnonzero(group == groups)[0] for group in kind]].sum(1)


def test_groups_with_and_without_abnormal_images_are_drawn_as_often_as_there_are_some() -> None:
    drawn = weights(LABELS, GROUPS)
    assert (totals(drawn, GROUPS, "abefi") == 5).all()
    assert (totals(drawn, GROUPS, "cdghj") == 5).all()
    assert len(np.unique(totals(drawn, GROUPS, "d"))) > 2


def test_every_resample_holds_both_classes_even_if_all_patients_are_ill() -> None:
    groups = np.array(["a", "a", "b", "c", "d", "e", "f", "f", "g", "g", "h", "h", "i", "i"])
    labels = np.array([0, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    drawn = weights(labels, groups)
    assert len(drawn) == 500
    for label in (0, 1):
        assert (drawn[:, labels == label].sum(1) > 0).all()


def test_draws_follow_the_seed_and_the_name_and_not_the_order_of_rows() -> None:
    order = np.random.default_rng(1).permutation(len(LABELS))
    np.testing.assert_array_equal(weights(LABELS[order], GROUPS[order]), weights(LABELS, GROUPS)[:, order])
    assert not np.array_equal(weights(LABELS, GROUPS, seed=1), weights(LABELS, GROUPS))
    assert not np.array_equal(weights(LABELS, GROUPS, name="other"), weights(LABELS, GROUPS))


def test_draws_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = weights(LABELS, GROUPS)
    monkeypatch.setattr(bootstrap, "AT_ONCE", 16)  # three resamples of five groups
    np.testing.assert_array_equal(weights(LABELS, GROUPS), at_once)


def few_groups(count: int) -> Resamples:
    return Resamples(np.array([0, 1] * count), np.arange(2 * count), 100, 0)


def test_too_few_groups_have_no_interval() -> None:
    values = np.linspace(0, 1, 100)
    assert few_groups(LEAST_GROUPS - 1).interval(values) is None
    assert few_groups(LEAST_GROUPS).interval(values) is not None


def test_resamples_that_all_agree_have_no_interval() -> None:
    assert few_groups(50).interval(np.ones(100)) is None


def test_fewer_groups_have_a_wider_interval() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    few, many = few_groups(7).interval(values), few_groups(5000).interval(values)
    assert few is not None
    assert many is not None
    assert many == pytest.approx(norm.ppf([0.025, 0.975]), abs=0.05)
    assert few[0] < many[0] - 0.5
    assert few[1] > many[1] + 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("studies", "normal", "mixed", "abnormal", "per_group", "shift", "likeness"),
    [  # more studies where the share lies near its bound
        (1000, 10, 0, 10, 10, 1.5, 0.5),
        (400, 40, 0, 40, 3, 1.0, 0.5),
        (400, 40, 0, 40, 1, 1.8, 0.0),
        (400, 60, 20, 10, 3, 1.0, 0.5),
    ],
    ids=["slides", "patients", "one image each", "patients who fell ill"],
)
def test_a_95_percent_interval_holds_the_truth_in_92_to_98_of_100_studies(
    studies: int, normal: int, mixed: int, abnormal: int, per_group: int, shift: float, likeness: float
) -> None:
    """Scores are normal; images of a group share a part of theirs, so that the area is known: Φ(shift / √2)."""
    rng, groups, held = np.random.default_rng(1), normal + mixed + abnormal, []
    for study in range(studies):
        group = np.repeat(np.arange(groups), rng.poisson(per_group - 1, groups) + 1)
        ill = (group >= normal + mixed) | (rng.random(len(group)) < 0.5)
        labels = ((group >= normal) & ill).astype(int)
        shared, own = rng.normal(size=groups)[group], rng.normal(size=len(group))
        scores = np.sqrt(likeness) * shared + np.sqrt(1 - likeness) * own + shift * labels
        resamples = Resamples(labels, group, 500, study)
        areas = resamples.values(lambda drawn, of=(labels, scores[None]): measure(*of, ["roc_auc"], drawn))[:, 0, 0]
        interval = resamples.interval(areas)
        assert interval is not None
        held.append(interval[0] <= norm.cdf(shift / np.sqrt(2)) <= interval[1])
    assert 0.92 <= np.mean(held) <= 0.98
