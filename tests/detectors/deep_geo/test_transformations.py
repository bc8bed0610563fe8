from itertools import product

import numpy as np
import torch
from scipy import ndimage

from pipeline.detectors.deep_geo.transformations import COUNT, origins, transformed


def by_scipy(image: np.ndarray, shift: int) -> list[np.ndarray]:
    """All transformations of an image (side, side) in the release's order."""
    made = []
    for flip, down, right, turns in product((False, True), (0, -shift, shift), (0, -shift, shift), range(4)):
        flipped = np.fliplr(image) if flip else image
        # Keras moves what is looked up, SciPy what is seen.
        made.append(np.rot90(ndimage.shift(flipped, (-down, -right), order=0, mode="reflect"), turns))
    return made


def test_an_image_is_flipped_then_shifted_then_turned() -> None:
    image = np.random.default_rng(0).permutation(64).reshape(8, 8)
    expected = by_scipy(image, 3)
    seen = image.ravel()[origins(8, 3).numpy()].reshape(-1, 8, 8)
    assert len(expected) == COUNT == 72
    np.testing.assert_array_equal(seen, expected)


def test_no_two_transformations_are_the_same() -> None:
    assert len(origins(32, 8).unique(dim=0)) == 72


def test_a_shift_mirrors_the_image_at_its_edge() -> None:
    to_the_right, to_the_left = origins(4, 2)[[4, 8]].view(2, 4, 4)  # neither flipped nor turned
    assert to_the_right[0].tolist() == [1, 0, 0, 1]
    assert to_the_left[0].tolist() == [2, 3, 3, 2]


def test_every_image_of_a_batch_has_its_own_transformation() -> None:
    views, table = torch.rand(3, 2, 8, 8), origins(8, 2)
    seen = transformed(views, table[[0, 3, 36]])
    torch.testing.assert_close(seen[0], views[0])
    torch.testing.assert_close(seen[1], views[1].rot90(3, (1, 2)))
    torch.testing.assert_close(seen[2], views[2].flip(2))
