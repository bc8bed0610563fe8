"""Detectors on the small images of all tests."""

from collections.abc import Callable

import pytest
import torch

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.losses import perceptual_network
from pipeline.detectors.dpa.settings import DpaSettings, GrowthStep
from pipeline.detectors.dpa.statistics import measure_statistics

Build = Callable[..., DeepPerceptualAutoencoder]


@pytest.fixture
def build(tiny_images: Images, networks_read_once: None) -> Build:
    """Return a function that builds an untrained detector with the statistics of the tiny training images."""

    def build(
        settings: DpaSettings, images: Images = tiny_images, place: Workplace | None = None
    ) -> DeepPerceptualAutoencoder:
        cpu = torch.device("cpu")
        backbone = perceptual_network(settings, cpu)
        detector = DeepPerceptualAutoencoder(settings, images.pixels.shape[3], place, images.preparation)
        rows = images.rows("train")
        detector.equip(backbone, measure_statistics(settings, backbone, images.pixels, rows, cpu) if backbone else {})
        return detector

    return build


@pytest.fixture
def fitted(tiny_images: Images, build: Build) -> Build:
    """Return a function that builds a detector and trains it on the tiny images."""

    def fitted(settings: DpaSettings, images: Images = tiny_images, seed: int = 0) -> DeepPerceptualAutoencoder:
        detector = build(settings, images)
        detector.fit(images.pixels, images.rows("train"), images.rows("val"), seed)
        return detector

    return fitted


def with_schedule(settings: DpaSettings, steps: dict[int, GrowthStep]) -> DpaSettings:
    """Return settings with another schedule: resolution to step."""
    return settings.model_copy(update={"schedule": steps})


def with_loss(settings: DpaSettings, **weights: float) -> DpaSettings:
    """Return settings with other weights of the losses."""
    return settings.model_copy(update={"loss": settings.loss.model_copy(update=weights)})


@pytest.fixture
def at_16(tiny_train: DpaSettings) -> DpaSettings:
    """The tiny settings without growth: 5 steps at 16 px."""
    step = tiny_train.schedule[16].model_copy(update={"transition": 0, "stable": 5})
    return with_schedule(tiny_train, {16: step})


@pytest.fixture
def brief(tiny_train: DpaSettings) -> DpaSettings:
    """The tiny settings with every kind of phase, each of few steps."""
    low, high = (step.model_copy(update={"stable": 2}) for step in tiny_train.schedule.values())
    return with_schedule(tiny_train, {8: low, 16: high})
