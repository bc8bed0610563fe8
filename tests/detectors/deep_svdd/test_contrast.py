import numpy as np
import pytest
import torch

from pipeline.detectors.deep_svdd.contrast import Contrast, normalized
from pipeline.errors import PipelineError


def test_contrast_and_brightness_of_an_image_are_taken_away() -> None:
    views = torch.rand(3, 3, 8, 8) - 0.5
    found = normalized(views)
    for image, one in zip(views.double().numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(one, (image - image.mean()) / np.abs(image - image.mean()).mean(), atol=1e-5)
    np.testing.assert_allclose(normalized(0.3 * views + 0.4), found, atol=1e-4)


def test_what_is_flat_stays_flat() -> None:
    views = torch.full((1, 1, 16, 16), 0.3)
    assert normalized(views).abs().max() < 1e-3


def test_training_images_are_mapped_onto_0_to_1_and_others_may_go_beyond() -> None:
    known = [torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)]
    contrast = Contrast.measured(known)
    seen = torch.cat([contrast(batch) for batch in known])
    assert seen.min().item() == 0
    assert seen.max().item() == pytest.approx(1)
    dot = torch.zeros(1, 1, 8, 8)
    dot[0, 0, 3, 3] = 1
    assert contrast(dot).max() > 1


def test_images_of_one_grey_teach_nothing() -> None:
    with pytest.raises(PipelineError, match="is of one grey level"):
        Contrast.measured([torch.full((2, 1, 8, 8), 0.3), torch.ones(2, 1, 8, 8)])
