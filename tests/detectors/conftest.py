"""Detectors on the small images of all tests."""

from collections.abc import Callable

import pytest
import torch

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.statistics import measure_statistics
from pipeline.features.backbones import perceptual_network
from pipeline.params.train import GrowthStep, Train

Build = Callable[..., DeepPerceptualAutoencoder]


@pytest.fixture
def build(tiny_images: Images, networks_read_once: None) -> Build:
    """Return a function that builds an untrained detector with the statistics of the tiny training images."""

    def build(
        settings: Train, images: Images = tiny_images, place: Workplace | None = None
    ) -> DeepPerceptualAutoencoder:
        backbone = perceptual_network(settings, torch.device("cpu"))
        rows, cpu = images.rows("train"), torch.device("cpu")
        statistics = measure_statistics(settings, backbone, images.pixels, rows, cpu) if backbone else {}
        return DeepPerceptualAutoencoder(settings, images.pixels.shape[3], statistics, place, images.preparation)

    return build


@pytest.fixture
def fitted(tiny_images: Images, build: Build) -> Build:
    """Return a function that builds a detector and trains it on the tiny images."""

    def fitted(settings: Train, images: Images = tiny_images, seed: int = 0) -> DeepPerceptualAutoencoder:
        detector = build(settings, images)
        detector.fit(images.pixels, images.rows("train"), images.rows("val"), seed)
        return detector

    return fitted


def with_schedule(settings: Train, *steps: GrowthStep) -> Train:
    """Return settings with another schedule."""
    return settings.model_copy(update={"schedule": steps})


def with_loss(settings: Train, **weights: float) -> Train:
    """Return settings with other weights of the losses."""
    return settings.model_copy(update={"loss": settings.loss.model_copy(update=weights)})


@pytest.fixture
def at_16(tiny_train: Train) -> Train:
    """The tiny settings without growth: 20 steps at 16 px."""
    step = tiny_train.schedule[1].model_copy(update={"transition": 0, "stable": 20})
    return with_schedule(tiny_train, step)
