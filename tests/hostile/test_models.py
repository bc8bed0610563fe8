"""Models whose content is not what a detector wrote, though torch reads it."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.tensor_files import read_tensors, write_tensors
from pipeline.detectors import registry
from pipeline.errors import PipelineError

SEEN = {"backbone": "efficientnet_lite0", "layers": ["expand1"], "input_size": None}
SMALL: dict[str, dict[str, Any]] = {
    "colour_statistics": {},
    "mean_intensity": {},
    "knn": SEEN,
    "mahalanobis": SEEN,
    "padim": SEEN | {"channels": 4},
    "patchcore": SEEN | {"dimension": 8, "candidates": 200, "bank": 20, "rule": "reweighted"},
    "deep_if": SEEN | {"trees": 3},
    "piad": {
        "side": 8,
        "backbone": "efficientnet_lite0",
        "layers": ["expand1"],
        "channels": [2, 2],
        "critic_channels": [2, 2],
        "latent_dim": 2,
        "latent_critic_channels": [2],
        "batch_size": 2,
        "iterations": 1,
    },
    "deep_geo": {"shift": 8, "depth": 10, "width": 1, "epochs": 1, "batch_size": 256},
    "deep_svdd": {
        "channels": [2, 2],
        "latent_dim": 64,
        "pretraining_epochs": 1,
        "pretraining_milestones": [],
        "epochs": 1,
        "milestones": [],
        "batch_size": 4,
    },
    "ganomaly": {"width": 2, "latent_dim": 2, "epochs": 1, "batch_size": 4},
}
NETWORKS = ("network", "encoder", "generator", "autoencoder")  # of whose many tensors the first stands for all
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 1), dtype=np.uint8)
ABSENT = object()

pytestmark = pytest.mark.usefixtures("networks_read_once")


def places(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The keys that lead to each value, of networks to the first alone; how images were made may be anything."""
    for key, value in content.items():
        if isinstance(value, dict) and key != "preparation":
            inner = list(places(value))
            yield from ((key, *place) for place in (inner[:1] if key in NETWORKS else inner))
        yield (key,)


def others(value: Any) -> Iterator[Any]:
    """What stands in a value's place."""
    yield from (ABSENT, None, "word", [1])
    if isinstance(value, Tensor):
        yield from (value[None], value[:0], value.flatten()[:-1], value.to_sparse())


def replaced(content: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    folder = changed
    for key in place[:-1]:
        folder = folder[key]
    folder[place[-1]] = value
    if value is ABSENT:
        del folder[place[-1]]
    return changed


def fitted(name: str) -> Any:
    detector = registry.build(name, registry.settings_of(name, SMALL[name]), 1, Workplace(), {"made": "in a test"})
    detector.fit(IMAGES, np.arange(6), np.arange(0), 0)
    return detector


def test_every_detector_is_tried() -> None:
    assert sorted([*SMALL, "dpa"]) == registry.names()  # dpa's own tests try it


@pytest.mark.parametrize("name", SMALL)
def test_content_that_no_detector_wrote_is_one_sentence(name: str, tmp_path: Path) -> None:
    detector, path = fitted(name), tmp_path / "model.pt"
    detector.save(path)
    content = read_tensors(path)
    for place in places(content):
        value = content
        for key in place:
            value = value[key]
        of_type = [value.to(torch.complex64)] if isinstance(value, Tensor) and place[0] not in NETWORKS else []
        for other in (*others(value), *of_type):
            write_tensors(path, replaced(content, place, other))
            with pytest.raises(PipelineError, match=r"model\.pt (is not a whole model|was trained with other weights)"):
                registry.load(name, path, detector.settings, Workplace())
                pytest.fail(f"{place}: {other!r} was read")
