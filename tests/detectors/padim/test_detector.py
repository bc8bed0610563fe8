import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate

from pipeline.compute.device import Workplace
from pipeline.detectors.padim.detector import Padim
from pipeline.detectors.padim.settings import PadimSettings
from pipeline.errors import PipelineError
from tests.detectors.seen import LITE0, abnormal, built, fitted, normal

pytestmark = pytest.mark.usefixtures("networks_read_once")

# Expansions of EfficientNet-Lite0's blocks 1, 2 and 4, six times the channels that come in: 16, 24 and 40.
CHANNELS = 6 * (16 + 24 + 40)


def test_a_score_is_the_maximum_of_the_smoothed_distances_from_all_layers_on_the_first_grid() -> None:
    known, asked = normal(20), abnormal(3)
    detector = fitted("padim", known, channels=7, smoothing=2.0)

    def stacked(images: np.ndarray) -> np.ndarray:
        (layers,) = detector.seen.maps(images)
        grown = [
            layer.repeat_interleave(16 // layer.shape[3], 2).repeat_interleave(16 // layer.shape[3], 3)
            for layer in layers
        ]
        return torch.cat(grown, 1)[:, detector.channels].double().numpy()

    normals, strange = stacked(known), stacked(asked)
    distances = np.empty((3, 16, 16))
    for row, column in np.ndindex(16, 16):
        here = normals[:, :, row, column]
        inverse = np.linalg.inv(np.cov(here, rowvar=False) + 0.01 * np.eye(7))
        difference = strange[:, :, row, column] - here.mean(0)
        distances[:, row, column] = np.sqrt(np.einsum("nc,cd,nd->n", difference, inverse, difference))
    grown = interpolate(torch.from_numpy(distances)[:, None], (32, 32), mode="bilinear")[:, 0].numpy()
    expected = np.stack([gaussian_filter(one, 2.0) for one in grown])
    np.testing.assert_allclose(detector.anomaly_maps(asked), expected, rtol=1e-3)
    np.testing.assert_allclose(detector.score(asked), expected.max((1, 2)), rtol=1e-3)


def test_channels_are_drawn_once_each_from_all_layers() -> None:
    drawn = fitted("padim", normal(3), channels=40).channels.tolist()
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 40
    assert drawn[0] < 6 * 16 < 6 * (16 + 24) < drawn[-1]
    assert fitted("padim", normal(3), layers=["expand4"], channels=240).channels.tolist() == list(range(240))


def test_the_history_is_the_mean_squared_distance_of_the_training_images() -> None:
    images = normal(15)
    detector = built("padim", channels=9)
    history = detector.fit(images, np.arange(15), np.arange(0), 0)
    (layers,) = detector.seen.maps(images)
    measured = detector.gaussians.distances(detector._features(layers)).square().mean()
    assert history.rows["loss"].tolist() == [pytest.approx(float(measured), rel=1e-3)]


@pytest.mark.parametrize(
    ("changes", "images", "message"),
    [
        ({"channels": CHANNELS + 1}, 4, f"channels is {CHANNELS + 1}, but expand1, expand2, expand4 of "
         f"efficientnet_lite0 have {CHANNELS}: lower it"),
        ({"channels": 9}, 1, "a covariance needs 2 training normals or more, and there is 1"),
        ({"channels": 9, "epsilon": 1e-300}, 4, "epsilon is 1e-300, too little for covariances to be inverted"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_one_sentence(changes: dict[str, float], images: int, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        fitted("padim", normal(images), **changes)


def test_covariances_that_do_not_fit_into_memory_are_refused_before_they_are_made() -> None:
    settings = PadimSettings.read(LITE0 | {"channels": CHANNELS})
    detector = Padim(settings, 1, Workplace(room=10 * 2**20), {})
    # 16² positions × 480² × 12 bytes = 707,788,800: of sums in float64, and of their inverse in float32
    with pytest.raises(
        PipelineError, match=r"480 channels at 16×16 positions need 0\.7 GiB: lower detectors\.padim\.ch"
    ):
        detector.fit(normal(4), np.arange(4), np.arange(0), 0)


def test_images_of_another_size_are_refused() -> None:
    detector = fitted("padim", normal(4), channels=9)
    with pytest.raises(PipelineError, match="was not fitted to images of 20×20 px: train again"):
        detector.score(normal(2)[:, :20, :20])
