import numpy as np
import pandas as pd

from pipeline.data.images import Images
from pipeline.evaluation.appearance import Appearance, appearance_of, described


def ramps(count: int, seed: int) -> np.ndarray:
    """Smooth images of one layout, whose brightness varies, uint8 (count, 16, 16, 1)."""
    draws = np.random.default_rng(seed)
    ramp = np.add.outer(np.linspace(50, 150, 16), np.linspace(0, 50, 16)) + draws.normal(0, 8, (count, 1, 1))
    return (ramp + draws.normal(0, 3, (count, 16, 16))).clip(0, 255).astype(np.uint8)[..., None]


def learnt(pixels: np.ndarray, held_out: int) -> Appearance:
    rows = np.arange(len(pixels)).astype(str)
    split = np.where(np.arange(len(pixels)) < len(pixels) - held_out, "train", "val")
    index = pd.DataFrame({"id": rows, "group": rows, "split": split, "label": 0})
    return appearance_of(Images(pixels, index, {}))


def test_an_image_is_described_by_numbers_of_each_channel_and_its_fields() -> None:
    assert described(np.repeat(ramps(3, 0), 3, axis=3)).shape == (3, 3 * (4 + 16))
    flat = described(np.full((1, 8, 8, 1), 7, np.uint8))
    assert flat[0, :4].tolist() == [7, 0, 0, 0]
    assert (flat[0, 4:] == 7).all()


def test_turned_noisy_dark_and_equalised_images_look_strange_and_others_do_not() -> None:
    known = learnt(ramps(300, 0), held_out=99)
    usual, draws = known.p_values(ramps(200, 1)), np.random.default_rng(2)
    assert abs((usual <= 0.1).mean() - 0.1) < 0.08
    new = ramps(50, 3)
    noise = draws.integers(0, 256, new.shape).astype(np.uint8)
    stretched = ((new - new.min((1, 2), keepdims=True)) * 1.6).clip(0, 255).astype(np.uint8)
    for strange in (new[:, ::-1], np.rot90(new, axes=(1, 2)), noise, new // 3, stretched):
        assert (known.p_values(np.ascontiguousarray(strange)) <= 0.01).all()


def test_without_held_out_normals_nothing_is_strange() -> None:
    pixels = ramps(20, 0)
    assert (learnt(pixels, held_out=0).p_values(pixels) == 1).all()
