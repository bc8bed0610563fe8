"""A PIAD of 16 px that trains in seconds: its critics' gradients are differentiated once more, which takes long."""

import pytest

from pipeline.detectors.piad.settings import PiadSettings


@pytest.fixture(scope="session")
def tiny() -> PiadSettings:
    return PiadSettings.read(
        {
            "side": 16,
            "backbone": "efficientnet_lite0",
            "layers": ["expand1"],
            "channels": [8, 8, 16],
            "critic_channels": [8, 8, 8],
            "latent_dim": 4,
            "latent_critic_channels": [16],
            "learning_rate": 0.002,
            "critic_learning_rate": 0.001,
            "batch_size": 4,
            "iterations": 4,
            "weigh_every": 2,
            "report_every": 2,
        }
    )
