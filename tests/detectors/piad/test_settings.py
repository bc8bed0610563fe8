from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.detectors.piad.settings import PiadSettings
from pipeline.detectors.registry import settings_of


def test_the_defaults_are_those_that_its_authors_run_on_64_px() -> None:
    settings = settings_of("piad", {})
    assert isinstance(settings, PiadSettings)
    assert settings.resolution == settings.side == 64
    assert settings.layers == ("r42",)
    assert settings.channels == (32, 64, 128, 256, 256)
    assert settings.critic_channels == (32, 64, 128, 128, 128)
    assert (settings.learning_rate, settings.critic_learning_rate) == (2e-4, 5e-4)
    assert (settings.batch_size, settings.iterations, settings.weigh_every) == (32, 100_000, 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 48}, "side 48 is not a power of two from 4 up"),
        ({"side": 2}, "side 2 is not a power of two from 4 up"),
        ({"side": 128}, "channels has 5 numbers, but 128 px down to 4 px are 6 resolutions"),
        ({"critic_channels": [8, 8]}, "critic_channels has 2 numbers, but 64 px down to 4 px are 5 resolutions"),
        ({"side": 4, "channels": [8], "critic_channels": [8]}, "layers: 'r42' is too deep for 4 px"),
        ({"layers": ["r99"]}, "layers: 'r99' is not a layer of vgg19"),
        ({"layers": ["r32", "r32"]}, "layers r32, r32 names a layer twice"),
        ({"layers": []}, "layers"),
        ({"latent_critic_channels": []}, "latent_critic_channels"),
        ({"backbone": "resnet18"}, "backbone"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"iterations": 0}, "iterations"),
        ({"early_stopping": None}, "early_stopping"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_their_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PiadSettings.read(change)
