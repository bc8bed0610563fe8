import pytest
import torch

from pipeline.detectors.dpa.autoencoder import Architecture, Autoencoder
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.residual import double, halve
from tests.shipped import shipped_dpa


def build(train: DpaSettings, image_channels: int, depth: int = 18) -> Autoencoder:
    torch.manual_seed(0)
    first = min(train.steps)
    sizes = (train.channels, train.resolution, first, train.latent_dim, train.latent_size)
    return Autoencoder(Architecture(depth, image_channels, *sizes))


@pytest.mark.parametrize(
    ("arm", "image_channels", "latent"),
    [("camelyon16", 3, (4, 8, 8)), ("nih_subset", 1, (16, 1, 1)), ("nih_pa", 1, (16, 1, 1)), ("nih_ap", 1, (64, 1, 1))],
)
def test_the_networks_of_the_paper_have_its_latents_and_reconstruct_every_resolution(
    arm: str, image_channels: int, latent: tuple[int, int, int]
) -> None:
    train = shipped_dpa(arm)
    with torch.device("meta"):  # shapes alone: nothing is computed
        g = build(train, image_channels)
        for side in train.schedule:
            x = torch.zeros(2, image_channels, side, side)
            assert g.encoder(x).shape == (2, *latent)
            assert g(x).shape == x.shape


@pytest.mark.parametrize("depth", [9, 18])
@pytest.mark.parametrize("arm", ["camelyon16", "nih_subset", "nih_pa", "nih_ap"])
def test_the_number_of_weights_is_that_of_the_published_layers(arm: str, depth: int) -> None:
    def conv(i: int, o: int, k: int) -> int:
        return i * o * k * k + o

    def residual(i: int, o: int) -> int:
        return conv(i, o, 3) + conv(o, o, 3) + (conv(i, o, 1) if i != o else 0)

    train, colours, blocks = shipped_dpa(arm), 3 if arm == "camelyon16" else 1, {9: 1, 18: 2}[depth]
    images, base = [*train.schedule], 8 if arm == "camelyon16" else 4
    width = {64 >> i: channels for i, channels in enumerate(train.channels)}
    down = [r for r in width if r > base]
    inputs = sum(conv(colours, width[r], 3) + blocks * residual(width[r], width[r]) for r in images)
    halvings = sum(
        residual(width[r], width[r // 2]) + (blocks - 1) * residual(width[r // 2], width[r // 2]) for r in down
    )
    doublings = sum(residual(width[r // 2], width[r]) + (blocks - 1) * residual(width[r], width[r]) for r in down)
    latent = train.latent_dim
    ends = 2 * residual(4, 4) if base == 8 else conv(width[4], latent, 4) + conv(latent, width[4], 4)
    outputs = sum(conv(width[r], colours, 3) for r in images)
    expected = inputs + halvings + ends + doublings + outputs
    with torch.device("meta"):
        assert sum(p.numel() for p in build(train, colours, depth).parameters()) == expected


def test_a_transition_starts_at_the_low_resolution_network_and_ends_at_the_high_one(tiny_train: DpaSettings) -> None:
    g = build(tiny_train, 1)
    x = torch.randn(3, 1, 16, 16)
    torch.testing.assert_close(g(x, torch.tensor(0.0)), double(g(halve(x))))
    torch.testing.assert_close(g(x, torch.tensor(1.0)), g(x))
    halfway = g(x, torch.tensor(0.5))
    assert not torch.allclose(halfway, g(x))


def test_a_network_knows_its_shapes_without_a_device() -> None:
    with torch.device("meta"):
        g = build(shipped_dpa("nih_ap"), 1)
        assert g(torch.zeros(56, 1, 64, 64), torch.tensor(0.5)).shape == (56, 1, 64, 64)


def test_initial_weights_have_the_variance_of_kaiming_fan_out() -> None:
    torch.manual_seed(0)
    g = Autoencoder(Architecture(18, 1, [64, 128], resolution=8, first_resolution=8, latent_dim=8, latent_size=4))
    weight = g.get_parameter("encoder.steps_down.8.0.conv1.weight")  # 64 channels to 128
    assert weight.std().item() == pytest.approx((2 / (1.04 * 128 * 9)) ** 0.5, rel=0.02)
