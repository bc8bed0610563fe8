import numpy as np
import pytest
from scipy.stats import t

from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Figures, difference, estimate, roc_auc_figures


def delong_variance(labels: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Variance of the difference of two areas on the same images (DeLong, DeLong and Clarke-Pearson 1988)."""
    placements = []
    for scores in (one, other):
        above = np.sign(scores[labels == 1][:, None] - scores[labels == 0][None]) / 2 + 0.5
        placements.append((above.mean(1), above.mean(0)))
    (a1, n1), (a2, n2) = placements
    return float(np.var(a1 - a2, ddof=1) / len(a1) + np.var(n1 - n2, ddof=1) / len(n1))


def two_detectors(images: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = (np.arange(images) % 3 == 0).astype(int)
    one = rng.normal(size=images) + labels
    return labels, one, one + rng.normal(size=images)


def test_mean_and_deviation_are_over_seeds_and_the_interval_over_groups() -> None:
    labels, one, other = two_detectors()
    resamples = Resamples(labels, np.arange(300), 400, 0)
    found = estimate(roc_auc_figures(labels, np.stack([one, other]), resamples), resamples)
    assert found.mean == pytest.approx(np.mean(found.seeds))
    assert found.std == pytest.approx(np.std(found.seeds, ddof=1))
    assert found.interval is not None
    assert found.interval[0] < found.mean < found.interval[1]


def test_one_seed_has_no_deviation() -> None:
    labels, one, _ = two_detectors()
    resamples = Resamples(labels, np.arange(300), 100, 0)
    assert estimate(roc_auc_figures(labels, one[None], resamples), resamples).std is None


def test_a_paired_difference_has_delongs_error_where_every_image_is_a_group() -> None:
    labels, one, other = two_detectors()
    resamples = Resamples(labels, np.arange(300), 4000, 0)
    figures = [roc_auc_figures(labels, np.stack([scores, scores]), resamples) for scores in (one, other)]
    found = difference(*figures, resamples.groups)
    assert found.interval is not None
    error = (found.interval[1] - found.interval[0]) / 2 / t.ppf(0.975, resamples.groups - 1)
    assert error == pytest.approx(np.sqrt(delong_variance(labels, one, other)), rel=0.05)


def test_pairing_makes_the_interval_narrower() -> None:
    labels, one, other = two_detectors()
    here, there = (Resamples(labels, np.arange(300), 2000, 0, name) for name in ("", "other"))
    one, other = np.stack([one, one]), np.stack([other, other])
    paired = difference(roc_auc_figures(labels, one, here), roc_auc_figures(labels, other, here), 100)
    apart = difference(roc_auc_figures(labels, one, here), roc_auc_figures(labels, other, there), 100)
    assert paired.interval is not None
    assert apart.interval is not None
    assert np.ptp(paired.interval) < 0.8 * np.ptp(apart.interval)


def constant(seeds: list[float]) -> Figures:
    """Figures that no resample changes."""
    return Figures(np.array(seeds), np.tile(seeds, (2000, 1)))


def test_the_noise_of_seeds_alone_is_welchs_interval() -> None:
    one, other = [0.80, 0.84, 0.82], [0.70, 0.71, 0.75, 0.72]
    found = difference(constant(one), constant(other), 10**9)
    parts = [np.var(side, ddof=1) / len(side) for side in (one, other)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 3)
    reach = t.ppf(0.975, freedom) * np.sqrt(sum(parts))
    assert found.mean == pytest.approx(0.1)
    assert found.interval == pytest.approx((0.1 - reach, 0.1 + reach))
    assert found.beyond_chance is True


def test_the_same_figures_differ_by_nothing() -> None:
    found = difference(constant([0.8]), constant([0.8]), 50)
    assert (found.mean, found.interval, found.beyond_chance) == (0, (0, 0), False)


def test_the_noise_of_groups_alone_is_a_t_interval_of_their_number() -> None:
    areas = np.random.default_rng(0).normal(0.9, 0.02, 2000)
    found = difference(Figures(np.array([0.9, 0.9]), np.stack([areas, areas], 1)), constant([0.8, 0.8]), 8)
    assert found.interval is not None
    reach = t.ppf(0.975, 7) * np.std(areas) * np.sqrt(8 / 7)
    assert found.interval == pytest.approx((0.1 - reach, 0.1 + reach))


def test_one_seed_on_both_sides_leaves_the_noise_of_groups() -> None:
    areas = np.random.default_rng(0).normal(0.9, 0.02, 2000)
    found = difference(Figures(np.array([0.9]), areas[:, None]), constant([0.6]), 8)
    assert found.interval is not None
    reach = t.ppf(0.975, 7) * np.std(areas) * np.sqrt(8 / 7)
    assert found.interval == pytest.approx((0.3 - reach, 0.3 + reach))
    assert found.beyond_chance is True


def test_a_side_with_one_seed_is_as_noisy_as_the_other() -> None:
    found = difference(constant([0.9]), constant([0.80, 0.82, 0.84]), 10**9)
    variance = np.var([0.80, 0.82, 0.84], ddof=1)
    assert found.interval is not None
    assert np.ptp(found.interval) / 2 == pytest.approx(t.ppf(0.975, 2) * np.sqrt(variance + variance / 3))


@pytest.mark.parametrize("seeds", [(3, 1), (1, 2)])
def test_seeds_alone_mark_about_5_of_100_equal_variants(seeds: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    sides = [[constant(list(rng.normal(0.8, 0.01, n))) for n in seeds] for _ in range(1000)]
    assert 0.035 <= np.mean([difference(*both, 10**9).beyond_chance for both in sides]) <= 0.065


def test_few_slides_hide_no_difference() -> None:
    """The one resample that is drawn of so few groups may miss the slide that changed."""
    labels, slides = np.repeat([0, 1], 12), np.repeat(np.arange(8), 3)
    good = labels + np.linspace(0, 0.1, 24)
    bad = np.where(slides == 7, -good, good)
    for seed in range(20):
        resamples = Resamples(labels, slides, 200, seed)
        found = difference(*(roc_auc_figures(labels, np.tile(s, (3, 1)), resamples) for s in (bad, good)), 4)
        assert (found.mean, found.interval) == (pytest.approx(-0.25), None)


def test_an_interval_ends_where_differences_do() -> None:
    found = difference(constant([0.99, 0.60]), constant([0.2, 0.1]), 50)
    assert found.interval is not None
    assert found.interval[1] == 1


@pytest.mark.parametrize(
    ("seeds", "groups"),
    [([0.9, 0.9], 4), ([0.8], 3), ([0.9, 0.9], 50), ([0.9], 50)],
    ids=["too few groups", "equal, but too few groups", "nothing varies", "nothing varies, one seed"],
)
def test_a_difference_of_unknown_error_is_neither_within_nor_beyond_chance(seeds: list[float], groups: int) -> None:
    found = difference(constant(seeds), constant([0.8] * len(seeds)), groups)
    assert (found.interval, found.beyond_chance) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "of_seeds"), [((3, 3), 0.3), ((3, 1), 0.3), ((1, 1), 0)])
def test_a_difference_that_is_none_is_marked_in_at_most_8_of_100_comparisons(
    seeds: tuple[int, int], of_seeds: float
) -> None:
    """Two variants that are equally good; images of a patient and runs of a variant are alike.

    With one seed on both sides this holds only where seeds make no difference.
    """
    rng, marked = np.random.default_rng(0), []
    for study in range(600):
        patient = np.repeat(np.arange(80), 2)
        labels = (patient % 2).astype(int)
        shared = rng.normal(size=80)[patient] + rng.normal(size=160) + 1.5 * labels
        runs = [shared + rng.normal(size=(n, 160)) + rng.normal(0, of_seeds, (n, 1)) * labels for n in seeds]
        resamples = Resamples(labels, patient, 300, study)
        found = difference(*(roc_auc_figures(labels, run, resamples) for run in runs), resamples.groups)
        marked.append(found.beyond_chance)
    assert 0.005 <= np.mean(marked) <= 0.08
