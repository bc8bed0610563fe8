import torch
from torch import nn

from pipeline.detectors.dpa.autoencoder import Architecture
from pipeline.detectors.dpa.critic import adversarial_loss, build_critic, critic_loss


class Linear(nn.Module):
    """A critic D(x) = ⟨w, x⟩, whose gradient is w everywhere."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: torch.Tensor, alpha: torch.Tensor | None = None) -> torch.Tensor:
        return (x * self.weight).sum((1, 2, 3)).view(-1, 1, 1, 1)


def images(seed: int) -> torch.Tensor:
    return torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_the_critics_loss_is_wgan_gp_with_a_norm_penalty() -> None:
    real, fake, weight = images(0), images(1), images(2)[:1]
    of_real, of_fake = ((x * weight).sum((1, 2, 3)) for x in (real, fake))
    expected = of_fake.mean() - of_real.mean() + 10 * (weight.norm() - 1) ** 2
    expected = expected + 0.001 * ((of_real**2).mean() + (of_fake**2).mean())
    found = critic_loss(Linear(weight), real, fake, torch.rand(5), None)
    torch.testing.assert_close(found, expected)


def test_the_gradient_is_taken_between_real_and_reconstructed_images() -> None:
    seen = []

    class Recorder(Linear):
        def forward(self, x: torch.Tensor, alpha: torch.Tensor | None = None) -> torch.Tensor:
            seen.append(x.detach())
            return super().forward(x, alpha)

    real, fake, mixing = images(0), images(1), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    critic_loss(Recorder(images(2)[:1]), real, fake, mixing, None)
    share = mixing.view(-1, 1, 1, 1)
    torch.testing.assert_close(seen[2], share * real + (1 - share) * fake)


def test_the_autoencoder_wants_a_high_opinion_of_its_reconstructions() -> None:
    fake, weight = images(1).requires_grad_(), images(2)[:1]
    loss = adversarial_loss(Linear(weight), fake, None)
    loss.backward()
    assert fake.grad is not None
    torch.testing.assert_close(fake.grad, -weight.expand(5, -1, -1, -1) / 5)


def test_the_critic_is_the_encoder_carried_on_to_one_number() -> None:
    critic = build_critic(Architecture(18, 3, [4, 6, 8], 64, 32, latent_dim=5, latent_size=16))
    assert critic(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 1, 1)
    assert critic(torch.zeros(2, 3, 32, 32)).shape == (2, 1, 1, 1)
    assert critic.get_parameter("steps_down.8.0.conv1.weight").shape == (8, 8, 3, 3)
