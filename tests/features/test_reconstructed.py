"""Reconstructions as pictures."""

import numpy as np
import torch

from pipeline.features.reconstructed import reconstructed

CPU = torch.device("cpu")


def test_what_is_reconstructed_perfectly_is_the_middle_of_the_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (70, 12, 12, 3), np.uint8)
    np.testing.assert_array_equal(reconstructed(images, 8, CPU, lambda x: x), images[:, 2:10, 2:10])
    assert (reconstructed(images, 8, CPU, lambda x: 3 * torch.ones_like(x)) == 255).all()
    assert reconstructed(images[:0], 8, CPU, lambda x: x).shape == (0, 8, 8, 3)
