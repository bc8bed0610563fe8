from hypothesis import given
from hypothesis import strategies as st

from pipeline.compute.seeding import derived_seed, generator

names = st.lists(st.text(max_size=8), min_size=1, max_size=3)


@given(st.integers(), names)
def test_the_same_names_give_the_same_draw(seed: int, parts: list[str]) -> None:
    assert generator(seed, *parts).integers(1 << 62) == generator(seed, *parts).integers(1 << 62)


@given(names, names)
def test_other_names_give_another_seed(one: list[str], other: list[str]) -> None:
    if "\0".join(one) != "\0".join(other):
        assert derived_seed(0, *one) != derived_seed(0, *other)


def test_seeds_do_not_change_between_versions() -> None:
    assert derived_seed(0, "tiles", "normal_001") == 3_819_318_926_792_783_268
