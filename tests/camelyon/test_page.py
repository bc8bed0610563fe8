"""The page and the plot of a judgement."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.camelyon.page import page_text, plot_froc

SENSITIVITIES = {"0.25": 0.2, "0.5": 0.3, "1": 0.4, "2": 0.5, "4": 0.6, "8": 0.7}
CURVES = {
    name: (np.array([0, 0, 0.5, 3, 30.0]), np.array([0, 0.1, 0.4, 0.5, 1.0]))
    for name in ("all_slides", "slides_without_metastases")
}


@pytest.fixture
def figures() -> dict[str, Any]:
    froc = {"value": 0.45, "low": None, "high": None, "sensitivities": SENSITIVITIES}
    return {
        "slides": {"judged": 129, "with_metastases": 49, "judged_by_lesions": 128, "without_metastases": 80},
        "lesions": {"counted": 224, "hit": 200, "isolated_tumour_cells": 30},
        "roc_auc": {"value": 0.9254, "low": 0.8, "high": 0.975},
        "froc": {"all_slides": froc, "slides_without_metastases": froc | {"value": 0.5, "low": 0.4, "high": 0.61}},
        "missing": {},
        "left_out": {},
        "candidates": "a candidate is what it is",
        "model": {"detector": "dpa", "name": "calibrated.pt", "md5": "0" * 32},
    }


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_figures_stand_with_their_intervals_and_the_slides_that_they_are_of(figures: dict[str, Any]) -> None:
    assert rows(page_text(figures)) == [
        ["measure", "value", "95 % interval", "slides"],
        ["ROC AUC of slides", "0.925", "0.800 to 0.975", "129"],
        ["FROC score, false positives per slide", "0.450", "n/a", "128"],
        ["FROC score, false positives per slide without metastases", "0.500", "0.400 to 0.610", "128"],
        ["sensitivity at", *SENSITIVITIES],
        ["false positives per slide", *(f"{value:.3f}" for value in SENSITIVITIES.values())],
        ["false positives per slide without metastases", *(f"{value:.3f}" for value in SENSITIVITIES.values())],
    ]


def test_what_is_not_judged_is_counted_and_a_long_list_is_cut(figures: dict[str, Any]) -> None:
    text = page_text(figures)
    assert "Missing" not in text
    assert "Left out" not in text
    figures["missing"] = {f"test_{number:03}": "it is not among the results" for number in range(12)}
    figures["left_out"] = {"test_049": "same content as test_002"}
    text = page_text(figures)
    assert "**Missing test slides: 12, and no figure is of the whole test set.** test_000 (it is" in text
    assert "test_009 (it is not among the results); and 2 more." in text
    assert "Left out: test_049 (same content as test_002)." in text


def test_the_plot_has_the_same_bytes_for_the_same_curves(tmp_path: Path) -> None:
    plot_froc(tmp_path / "one.png", CURVES)
    plot_froc(tmp_path / "two.png", CURVES)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert np.asarray(picture.convert("L")).min() < 100
