import torch

from pipeline.detectors.dpa.autoencoder import Architecture
from pipeline.detectors.dpa.critic import build_critic


def test_the_critic_is_the_encoder_carried_on_to_one_number() -> None:
    critic = build_critic(Architecture(18, 3, [4, 6, 8], 64, 32, latent_dim=5, latent_size=16))
    assert critic(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 1, 1)
    assert critic(torch.zeros(2, 3, 32, 32)).shape == (2, 1, 1, 1)
    assert critic.get_parameter("steps_down.8.0.conv1.weight").shape == (8, 8, 3, 3)
