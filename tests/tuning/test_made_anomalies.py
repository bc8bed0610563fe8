import numpy as np

from pipeline.tuning.made_anomalies import WithMade

SIDE = 20


def with_made(side: int = SIDE, seed: int = 0) -> WithMade:
    """Images of one value each: 0, 100 and 200; each takes its patch from the next."""
    images = np.repeat([0, 100, 200], SIDE * SIDE).astype(np.uint8).reshape(3, SIDE, SIDE, 1)
    return WithMade(images, np.array([1, 2, 0]), np.array(["a", "b", "c"]), side, seed)


def test_the_images_stand_first_and_as_they_are() -> None:
    seen = with_made()
    assert len(seen) == 6
    assert seen[np.array([2, 0])][:, 0, 0, 0].tolist() == [200, 0]
    assert seen[:1].shape == (1, SIDE, SIDE, 1)


def test_one_rectangle_holds_at_least_half_of_another_image() -> None:
    for number, (own, other) in enumerate(((0, 100), (100, 200), (200, 0))):
        (made,) = with_made()[[3 + number]]
        changed = made[..., 0] != own
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        assert changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert {2, 8} >= {min(2, len(rows)), max(8, len(rows))}
        (value,) = np.unique(made[changed])
        assert abs(int(value) - own) >= abs(other - own) / 2


def test_a_patch_lies_in_the_square_that_every_detector_sees() -> None:
    for seed in range(30):
        (made,) = with_made(side=6, seed=seed)[[3]]
        rows, columns = np.nonzero(made[..., 0])
        assert 7 <= min(rows.min(), columns.min()) <= max(rows.max(), columns.max()) < 13


def test_a_patch_depends_on_the_name_of_its_image_and_on_no_other() -> None:
    one, again = with_made(), with_made()
    assert np.array_equal(one[[4]], again[[3, 4, 5]][1:2])
    assert not np.array_equal(one[[3]] > 0, one[[4]] > 100)
