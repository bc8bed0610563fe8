import torch
from torch import nn

from pipeline.detectors.wasserstein import adversarial_loss, critic_loss


class Linear(nn.Module):
    """A critic D(x) = ⟨w, x⟩, whose gradient is w everywhere."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.weight).sum((1, 2, 3)).view(-1, 1, 1, 1)


def images(seed: int) -> torch.Tensor:
    return torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_the_critics_loss_is_wgan_gp_with_a_norm_penalty() -> None:
    real, fake, weight = images(0), images(1), images(2)[:1]
    of_real, of_fake = ((x * weight).sum((1, 2, 3)) for x in (real, fake))
    expected = of_fake.mean() - of_real.mean() + 10 * (weight.norm() - 1) ** 2
    expected = expected + 0.001 * ((of_real**2).mean() + (of_fake**2).mean())
    found = critic_loss(Linear(weight), real, fake, torch.rand(5))
    torch.testing.assert_close(found, expected)


def test_the_gradient_is_taken_between_real_and_reconstructed_images() -> None:
    seen = []

    class Recorder(Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.detach())
            return super().forward(x)

    real, fake, mixing = images(0), images(1), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    critic_loss(Recorder(images(2)[:1]), real, fake, mixing)
    share = mixing.view(-1, 1, 1, 1)
    torch.testing.assert_close(seen[2], share * real + (1 - share) * fake)


def test_the_autoencoder_wants_a_high_opinion_of_its_reconstructions() -> None:
    fake, weight = images(1).requires_grad_(), images(2)[:1]
    loss = adversarial_loss(Linear(weight), fake)
    loss.backward()
    assert fake.grad is not None
    torch.testing.assert_close(fake.grad, -weight.expand(5, -1, -1, -1) / 5)
