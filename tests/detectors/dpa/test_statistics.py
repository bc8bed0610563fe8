from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.data.images import Images
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.statistics import measure_statistics, published_statistics
from pipeline.errors import PipelineError
from pipeline.features.backbones import load_backbone

CPU = torch.device("cpu")


def test_features_are_measured_on_images_spaced_over_the_whole_set(
    tiny_train: DpaSettings, tiny_images: Images
) -> None:
    backbone, pixels = load_backbone("efficientnet_lite0", None), tiny_images.pixels
    few = tiny_train.model_copy(update={"statistics_images": 3})
    measured = measure_statistics(few, backbone, pixels, np.arange(5), CPU)
    expected = measure_statistics(tiny_train, backbone, pixels, np.array([0, 2, 4]), CPU)
    assert set(measured) == {8, 16}
    for resolution in measured:
        assert torch.equal(measured[resolution]["expand1"].mean, expected[resolution]["expand1"].mean)


def test_without_growth_only_the_last_resolution_is_measured(tiny_train: DpaSettings, tiny_images: Images) -> None:
    settings = tiny_train.model_copy(update={"grow": False})
    backbone = load_backbone("efficientnet_lite0", None)
    assert set(measure_statistics(settings, backbone, tiny_images.pixels, np.arange(4), CPU)) == {16}


def test_published_statistics_serve_every_resolution(tmp_path: Path, tiny_train: DpaSettings) -> None:
    mean, std = torch.arange(96.0), torch.full((96,), 2.0)
    torch.save({"expand1": (mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1))}, tmp_path / "published.pt")
    found = published_statistics(tmp_path / "published.pt", tiny_train, load_backbone("efficientnet_lite0", None))
    for resolution in (8, 16):
        assert torch.equal(found[resolution]["expand1"].mean, mean)
        assert torch.equal(found[resolution]["expand1"].std, std)


def test_a_file_that_holds_no_such_statistics_is_one_sentence(tmp_path: Path, tiny_train: DpaSettings) -> None:
    torch.save({"r12": (torch.zeros(3), torch.ones(3))}, tmp_path / "other.pt")
    torch.save({"expand1": torch.zeros(3)}, tmp_path / "alone.pt")
    (tmp_path / "junk.pt").write_bytes(b"no statistics")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save(torch.zeros(3), tmp_path / "bare.pt")
    torch.save({"expand1": ("a", "b")}, tmp_path / "texts.pt")
    torch.save({"expand1": (torch.zeros(96) * torch.nan, torch.ones(96))}, tmp_path / "nan.pt")
    torch.save({"path": tmp_path}, tmp_path / "pickle.pt")
    torch.save({"expand1": (torch.zeros(96), torch.zeros(96))}, tmp_path / "zero.pt")
    torch.save({"expand1": (torch.zeros(64), torch.ones(64))}, tmp_path / "few.pt")
    backbone = load_backbone("efficientnet_lite0", None)
    for name, message in (
        ("zero", "expand1 needs 96 finite means and as many deviations above 0"),
        ("few", "expand1 needs 96 finite means"),
        ("other", "no statistics of the layer 'expand1'"),
        ("alone", "does not hold statistics"),
        ("list", "does not hold statistics: detectors.dpa.statistics must name a file of"),
        ("bare", "does not hold statistics: detectors.dpa.statistics must name a file of"),
        ("texts", "does not hold statistics: detectors.dpa.statistics must name a file of"),
        ("nan", "expand1 needs 96 finite means"),
        (
            "junk",
            "does not hold statistics, it is damaged, or holds more than tensors, numbers and texts: detectors.dpa",
        ),
        (
            "pickle",
            "does not hold statistics, it is damaged, or holds more than tensors, numbers and texts: detectors.dpa",
        ),
        ("none", "is missing"),
    ):
        with pytest.raises(PipelineError, match=message):
            published_statistics(tmp_path / f"{name}.pt", tiny_train, backbone)
