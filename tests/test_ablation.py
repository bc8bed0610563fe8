"""docs/ablation.md: its lines are read from the page, applied as DVC does, and trained for a few steps."""

import json
import shlex
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides

from pipeline.arms import Arm
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.settings import DpaSettings, GrowthStep, LossWeights
from pipeline.features.backbones import Vgg
from pipeline.params.file import Params
from tests.import_closure import ROOT
from tests.shipped import shipped, shipped_arm, shipped_dpa

ARMS = ("camelyon16", "nih_subset", "nih_pa", "nih_ap")
ALL = list(product(range(1, 11), ARMS))
QUICK = {(row, "nih_pa") for row in (1, 2, 8, 10)}  # each loss and each network, in few seconds

# The weights of the perceptual loss, of L1 and of the adversarial loss.
WEIGHTS = {
    1: (0, 1, 0),
    2: (1, 0, 0),
    3: (1, 0, 0),
    4: (1, 0, 1),
    5: (1, 0, 0.1),
    6: (1, 1, 0),
    7: (1, 0.1, 0),
    8: (1, 1, 1),
    9: (1, 0.1, 0.1),
    10: (1, 0, 0),
}
ITERATIONS = {
    "camelyon16": {1: 46000, 2: 77000, 3: 34666, 10: 8666},
    "nih_subset": {1: 32333, 2: 24333, 3: 16000, 10: 3500},
    "nih_pa": {1: 31000, 2: 64333, 3: 33000, 10: 10000},
    "nih_ap": {1: 28333, 2: 57666, 3: 27000, 10: 7000},
}
LEARNING_RATES = {
    "camelyon16": {1: 2e-4, 2: 1e-4, 3: 1e-3, 10: 1e-3},
    "nih_subset": {1: 5e-4, 2: 5e-4, 3: 2e-3, 10: 1e-3},
    "nih_pa": {1: 5e-4, 2: 5e-4, 3: 2e-3, 10: 1e-3},
    "nih_ap": {1: 5e-4, 2: 5e-4, 3: 5e-4, 10: 5e-4},
}
ADVERSARIAL_LEARNING_RATE = 2e-4
# Channels, latent_dim and latent_size of the rows that the paper calls unsupervised.
UNSUPERVISED_NETWORKS = {
    (1, "camelyon16"): ((32,) * 3, 32, 16),
    (2, "camelyon16"): ((64,) * 3, 64, 16),
    **{(row, arm): ((32, 32, 64, 64, 64), 64, 4) for row in (1, 2) for arm in ARMS[1:]},
}


def name(row: int, arm: str) -> str:
    return f"{arm}-row-{row}"


def read_lines() -> list[tuple[str, list[str]]]:
    """Return name and settings of every experiment on the page."""
    page = (ROOT / "docs" / "ablation.md").read_text(encoding="utf-8")
    lines = [shlex.split(line) for line in page.splitlines() if line.startswith("dvc exp run")]
    for words in lines:
        assert words[:4] == ["dvc", "exp", "run", "-n"]
        assert set(words[5::2]) <= {"-S"}
    return [(words[4], words[6::2]) for words in lines]


@pytest.fixture(scope="session")
def arm_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, str], Arm]:
    """Return a function that reads an arm's file as DVC leaves it after a line."""
    settings = dict(read_lines())

    @cache
    def arm_of(row: int, arm: str) -> Arm:
        path = tmp_path_factory.mktemp("line") / "arm.json"  # DVC changes JSON alike, in half the time
        path.write_text(json.dumps(shipped()[f"arms/{arm}.yaml"]), encoding="utf-8")
        overrides = to_path_overrides(settings[name(row, arm)])
        assert set(overrides) <= {f"arms/{arm}.yaml"}
        for changes in overrides.values():
            apply_overrides(path, changes)
        return Arm(arm, json.loads(path.read_text(encoding="utf-8")))

    return arm_of


def dpa_of(arm: Arm) -> DpaSettings:
    settings = arm.detector("dpa")
    assert isinstance(settings, DpaSettings)
    return settings


@pytest.fixture(scope="session")
def backbone() -> Vgg:
    """VGG19 with random weights: the real ones need a download."""
    torch.manual_seed(0)
    return Vgg("vgg19")


@pytest.fixture(scope="session")
def weights(backbone: Vgg, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    torch.save(backbone.convolutions.state_dict(), path)
    return str(path)


def test_each_row_of_each_arm_is_one_line() -> None:
    assert sorted(found for found, _ in read_lines()) == sorted(name(*one) for one in ALL)


@pytest.mark.parametrize(("row", "arm"), [pytest.param(*one, id=name(*one)) for one in ALL])
def test_a_line_changes_what_its_row_says_and_nothing_else(
    params: Params, arm_of: Callable[[int, str], Arm], row: int, arm: str
) -> None:
    changed, published = arm_of(row, arm), shipped_arm(arm)
    changed.check(params.compute, params.demo_data)
    assert dpa_of(changed) == expected(shipped_dpa(arm), row, arm)
    others = {*published.content} - {"detectors", "equalize_xrays"}
    assert {key: changed.content[key] for key in others} == {key: published.content[key] for key in others}
    if arm != "camelyon16":
        equalized = {**published.content["equalize_xrays"], **({"equalization": "none"} if row < 3 else {})}
        assert changed.content["equalize_xrays"] == equalized


def expected(published: DpaSettings, row: int, arm: str) -> DpaSettings:
    """Return the settings of a row, from the tables above."""
    perceptual, l1, adversarial = WEIGHTS[row]
    like = row if row in ITERATIONS[arm] else 3
    changes: dict[str, Any] = {
        "grow": row == 10,
        "loss": LossWeights(perceptual=perceptual, l1=l1, adversarial=adversarial),
        "learning_rate": ADVERSARIAL_LEARNING_RATE if adversarial else LEARNING_RATES[arm][like],
    }
    last = {"stable": ITERATIONS[arm][like]}
    if row < 3:
        changes |= dict(zip(("channels", "latent_dim", "latent_size"), UNSUPERVISED_NETWORKS[row, arm], strict=True))
        last["batch_size"] = 128 if arm == "camelyon16" else 56
    schedule = published.schedule | {64: published.schedule[64].model_copy(update=last)}
    return published.model_copy(update={**changes, "schedule": schedule})


@pytest.mark.parametrize(
    ("row", "arm"),
    [pytest.param(*one, id=name(*one), marks=() if one in QUICK else pytest.mark.slow) for one in ALL],
)
@pytest.mark.usefixtures("networks_read_once")
def test_a_row_trains_and_scores(arm_of: Callable[[int, str], Arm], weights: str, row: int, arm: str) -> None:
    settings = shortened(dpa_of(arm_of(row, arm)), weights)
    images, train, held_out = images_of(arm), np.arange(2), np.arange(2, 4)
    detector = DeepPerceptualAutoencoder(settings, images.shape[3])
    history = detector.fit(images, train, held_out, seed=0).rows
    assert history["resolution"].tolist() == resolutions(row, arm)
    assert np.isfinite(history[["loss", "held_out_loss"]].to_numpy()).all()
    scores = detector.score(images)
    assert scores.shape == (4,)
    assert np.isfinite(scores).all()


def shortened(settings: DpaSettings, weights: str) -> DpaSettings:
    """Return settings that train one step of two images per phase."""

    def short(step: GrowthStep) -> GrowthStep:
        return step.model_copy(update={"transition": min(step.transition, 1), "stable": 1, "batch_size": 2})

    schedule = {side: short(step) for side, step in settings.schedule.items()}
    return settings.model_copy(update={"weights": weights, "schedule": schedule})


def images_of(arm: str) -> np.ndarray:
    shape = (4, 72, 72, 3) if arm == "camelyon16" else (4, 64, 64, 1)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def resolutions(row: int, arm: str) -> list[int]:
    """Return the resolution of each phase: 64 px alone without growth, else each but the first is faded in as well."""
    if row < 10:
        return [64]
    growth = [16, 32, 32, 64, 64]
    return growth if arm == "camelyon16" else [8, 16, *growth]
