from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pipeline.detectors import dpa
from pipeline.detectors.backbones import EfficientNetLite0, load_backbone
from pipeline.detectors.dpa import DeepPerceptualAutoencoder
from pipeline.detectors.growth import faded_input, growing_loss
from pipeline.detectors.views import random_view, to_network
from pipeline.errors import PipelineError
from pipeline.images import Images
from pipeline.params.train import Train

CPU = torch.device("cpu")


def fitted(settings: Train, images: Images, seed: int = 0) -> DeepPerceptualAutoencoder:
    detector = DeepPerceptualAutoencoder(settings, images.pixels.shape[3], CPU)
    detector.fit(images.pixels[images.rows("train")], images.pixels[images.rows("val")], seed)
    return detector


def test_images_unlike_the_training_ones_score_higher(tiny_train: Train, tiny_images: Images) -> None:
    test = tiny_images.rows("test")
    scores = fitted(tiny_train, tiny_images).score(tiny_images.pixels[test])
    assert scores.dtype == np.float64
    assert roc_auc_score(tiny_images.index["label"].to_numpy()[test], scores) > 0.9


def test_training_lowers_the_loss_of_the_last_phase(tiny_train: Train, tiny_images: Images) -> None:
    settings = tiny_train.model_copy(
        update={"schedule": (tiny_train.schedule[1].model_copy(update={"transition": 0, "stable": 40}),)}
    )
    pixels = tiny_images.pixels
    history = DeepPerceptualAutoencoder(settings, 1, CPU).fit(pixels[:8], pixels[8:12], seed=0)
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert history["held_out_loss"].iloc[-1] < history["held_out_loss"].iloc[0]


def test_the_history_covers_every_phase(tiny_train: Train, tiny_images: Images) -> None:
    pixels = tiny_images.pixels
    history = DeepPerceptualAutoencoder(tiny_train, 1, CPU).fit(pixels[:8], pixels[:0], seed=0)
    assert history["iteration"].tolist() == [5, 6, 10, 15, 20, 25, 30, 35, 40]
    assert history["phase"].tolist() == ["stable"] * 2 + ["transition"] + ["stable"] * 6
    assert history["resolution"].tolist() == [8, 8] + [16] * 7
    assert history["held_out_loss"].isna().all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, tiny_train: Train, tiny_images: Images
) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        fitted(tiny_train, tiny_images, seed).save(tmp_path / f"{name}.pt")
    first, again, other = ((tmp_path / f"{name}.pt").read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def test_the_seed_draws_the_first_weights_and_the_order_of_images_each(
    monkeypatch: pytest.MonkeyPatch, tiny_train: Train, tiny_images: Images
) -> None:
    detector = DeepPerceptualAutoencoder(tiny_train, 1, CPU)
    detector.measure_features(tiny_images.pixels)
    first, other = (detector.untrained(seed).score(tiny_images.pixels) for seed in (0, 1))
    assert not np.array_equal(first, other)
    initialise = DeepPerceptualAutoencoder.initialise
    monkeypatch.setattr(DeepPerceptualAutoencoder, "initialise", lambda self, seed: initialise(self, 0))
    settings = tiny_train.model_copy(update={"batch_size": 3})
    first, other = (fitted(settings, tiny_images, seed).score(tiny_images.pixels) for seed in (0, 1))
    assert not np.array_equal(first, other)


def test_fitting_again_starts_afresh(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    once = detector.score(tiny_images.pixels)
    detector.fit(tiny_images.pixels[:8], tiny_images.pixels[8:12], seed=0)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), once)


def test_held_out_images_change_nothing_but_the_history(tiny_train: Train, tiny_images: Images) -> None:
    detector = DeepPerceptualAutoencoder(tiny_train, 1, CPU)
    detector.fit(tiny_images.pixels[:8], tiny_images.pixels[:0], seed=0)
    expected = fitted(tiny_train, tiny_images).score(tiny_images.pixels)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), expected)


def test_features_are_measured_on_images_spaced_over_the_whole_set(tiny_train: Train, tiny_images: Images) -> None:
    pixels = tiny_images.pixels
    few = DeepPerceptualAutoencoder(tiny_train.model_copy(update={"statistics_images": 3}), 1, CPU)
    few.measure_features(pixels[:5])
    whole = DeepPerceptualAutoencoder(tiny_train, 1, CPU)
    whole.measure_features(pixels[[0, 2, 4]])
    assert torch.equal(few.losses[16].mean, whole.losses[16].mean)


def test_flips_are_shown_only_if_wanted(
    tiny_train: Train, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def recorded(pixels: torch.Tensor, side: int, flips: bool, generator: torch.Generator) -> torch.Tensor:
        asked.append(flips)
        return random_view(pixels, side, flips, generator)

    monkeypatch.setattr(dpa, "random_view", recorded)
    for flips in (True, False):
        asked.clear()
        fitted(tiny_train.model_copy(update={"flips": flips}), tiny_images)
        assert set(asked) == {flips}


def test_a_transition_fades_network_images_and_loss_in_training_and_on_held_out_images(
    tiny_train: Train, tiny_images: Images
) -> None:
    pixels = tiny_images.pixels[:8]
    still = tiny_train.model_copy(update={"learning_rate": 1e-30, "report_every": 1})  # the network stays as it was
    detector = DeepPerceptualAutoencoder(still, 1, CPU)
    history = detector.fit(pixels, pixels, seed=0)
    transition = history[history["phase"] == "transition"]
    assert transition["alpha"].tolist() == [0.25, 0.5, 0.75, 1.0]
    network, high, low = detector.network, detector.losses[16], detector.losses[8]
    for row in transition.to_dict("records"):
        alpha = row["alpha"]
        x = faded_input(to_network(torch.from_numpy(pixels)), alpha)
        with torch.no_grad():
            expected = growing_loss(high, low, x, network(x, alpha), alpha).mean().item()
        assert row["loss"] == pytest.approx(expected, rel=1e-5)
        assert row["held_out_loss"] == pytest.approx(expected, rel=1e-5)


def test_the_first_step_is_one_of_adam(tiny_train: Train, tiny_images: Images) -> None:
    step = tiny_train.schedule[1].model_copy(update={"transition": 0, "stable": 1})
    detector = DeepPerceptualAutoencoder(tiny_train.model_copy(update={"schedule": (step,)}), 1, CPU)
    before = detector.network.get_parameter("decoder.first.1.weight").clone()
    detector.fit(tiny_images.pixels[:8], tiny_images.pixels[:0], seed=0)
    moved = (detector.network.get_parameter("decoder.first.1.weight") - before).abs()
    assert moved.median().item() == pytest.approx(tiny_train.learning_rate, rel=1e-3)


def test_a_loaded_model_scores_as_the_saved_one(tmp_path: Path, tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    detector.save(tmp_path / "model.pt")
    loaded = DeepPerceptualAutoencoder.load(tmp_path / "model.pt")
    np.testing.assert_array_equal(loaded.score(tiny_images.pixels), detector.score(tiny_images.pixels))


def test_scoring_does_not_depend_on_the_other_images(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    together = detector.score(tiny_images.pixels)
    alone = np.concatenate([detector.score(image[None]) for image in tiny_images.pixels])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_the_mean_of_an_anomaly_map_orders_images_as_the_score_does(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    maps = detector.anomaly_maps(tiny_images.pixels)
    assert maps.shape == (24, 16, 16)
    assert np.corrcoef(maps.mean((1, 2)), detector.score(tiny_images.pixels))[0, 1] > 0.99


def test_larger_images_are_cropped(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    framed = np.pad(tiny_images.pixels, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    np.testing.assert_array_equal(detector.score(framed), detector.score(tiny_images.pixels))


def test_a_model_file_that_is_cut_short_or_missing_is_one_sentence(
    tmp_path: Path, tiny_train: Train, tiny_images: Images
) -> None:
    path = tmp_path / "model.pt"
    fitted(tiny_train, tiny_images).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(PipelineError, match="is not a whole model"):
        DeepPerceptualAutoencoder.load(path)
    with pytest.raises(PipelineError, match="is missing: train the arm first"):
        DeepPerceptualAutoencoder.load(tmp_path / "none.pt")


def test_a_model_is_refused_with_other_weights_of_its_backbone_and_names_no_folder(
    tmp_path: Path, tiny_train: Train, tiny_images: Images
) -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    assert isinstance(backbone, EfficientNetLite0)
    published = backbone.network.state_dict()
    for name, factor in (("same", 1.0), ("other", 2.0)):
        torch.save(
            {**published, "_conv_stem.weight": factor * published["_conv_stem.weight"]}, tmp_path / f"{name}.pth"
        )
    fitted(tiny_train.model_copy(update={"weights": str(tmp_path / "same.pth")}), tiny_images).save(
        tmp_path / "model.pt"
    )
    assert str(tmp_path).encode() not in (tmp_path / "model.pt").read_bytes()
    DeepPerceptualAutoencoder.load(tmp_path / "model.pt")
    with pytest.raises(PipelineError, match="other weights of efficientnet_lite0"):
        DeepPerceptualAutoencoder.load(tmp_path / "model.pt", str(tmp_path / "other.pth"))


def test_images_that_do_not_fit_the_network_are_refused(tiny_train: Train, tiny_images: Images) -> None:
    detector = DeepPerceptualAutoencoder(tiny_train, 1, CPU)
    for train, message in (
        (np.repeat(tiny_images.pixels, 3, axis=3), "do not fit the network"),
        (tiny_images.pixels[:, :8, :8], "sides of 16 or more"),
    ):
        with pytest.raises(PipelineError, match=message):
            detector.fit(train, train[:0], seed=0)


def test_a_diverging_loss_stops_training(tiny_train: Train, tiny_images: Images) -> None:
    settings = tiny_train.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(PipelineError, match="learning_rate"):
        fitted(settings, tiny_images)


def test_the_untrained_baseline_leaves_the_trained_network_alone(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    before = detector.score(tiny_images.pixels)
    assert not np.array_equal(detector.untrained(0).score(tiny_images.pixels), before)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), before)
