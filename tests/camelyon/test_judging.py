"""The challenge's measures and files of some slides."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.camelyon.judged import choose_slides
from pipeline.camelyon.judging import Judgement, judge
from pipeline.errors import PipelineError
from pipeline.params.evaluate import ComputeMetrics
from tests.camelyon.collection import ARM, OUT, ROOT, SIDE, add_slide, list_files, outlines, write_results
from tests.shipped import shipped, shipped_slides

VIEW = 128  # level-0 pixels, see VIEWS of the candidates' tests; a tile of two has 64 px of rest
FOLDER = OUT / "camelyon"


def judged(resamples: int = 200) -> Judgement:
    settings = shipped_slides(ARM)
    metrics = ComputeMetrics.model_validate(shipped()["params.yaml"]["compute_metrics"] | {"resamples": resamples})
    inventory = list_files({path.stem: label(path.stem) for path in sorted((ROOT / "testing/images").iterdir())})
    chosen = choose_slides(OUT, ROOT, inventory, settings.collection, ARM)
    return judge(chosen, OUT, ROOT, settings.sample_tiles, metrics, ARM, FOLDER)


def label(name: str) -> str:
    return "Tumor" if (ROOT / f"testing/lesion_annotations/{name}.xml").is_file() or name == "test_114" else "Normal"


def grid(*spots: tuple[int, int, float], rest: float = 0.0) -> np.ndarray:
    """Views that score alike but for windows of nine about some: row, column and score."""
    scores = np.full((SIDE, SIDE), rest)
    for row, column, score in spots:
        scores[row - 1 : row + 2, column - 1 : column + 2] = score
    return scores


def middle(view: int) -> int:
    """Where the middle of a view lies along a side, in level-0 pixels."""
    return view // 2 * 320 + 32 + view % 2 * VIEW + VIEW // 2


def about(row: int, column: int, side: int) -> tuple[int, int, int]:
    """A square about the middle of a view."""
    return middle(column) - side // 2, middle(row) - side // 2, side


@pytest.fixture
def few(in_folder: Path) -> None:
    """A slide with a lesion that is hit, one that is missed and isolated cells; one normal slide."""
    # 1,400 px are 340 µm; 400 px are 97 µm
    add_slide("test_001", annotation=outlines(about(4, 4, 1400), about(4, 15, 1400), about(15, 4, 400)))
    add_slide("test_002")
    hit, isolated, elsewhere = (4, 4, 9.0), (15, 4, 8.0), (15, 15, 7.0)
    grids = {"test_001": grid(hit, isolated, elsewhere, rest=-1.0), "test_002": grid((10, 10, 5.0), rest=-2.0)}
    write_results({"test_001": 9.0, "test_002": 5.0}, grids)


@pytest.mark.usefixtures("few")
def test_isolated_cells_are_neither_hit_nor_false() -> None:
    figures = judged().figures
    assert figures["lesions"] == {"counted": 2, "hit": 2, "isolated_tumour_cells": 1}
    # Downwards: 9 hits; 8 is isolated cells; 7 is false on the slide with metastases, 5 on the one without, and then
    # come the second lesion's -1 and what lies about, all below all rates but for what is before them.
    froc = figures["froc"]
    assert froc["all_slides"]["sensitivities"]["0.25"] == froc["slides_without_metastases"]["sensitivities"]["0.25"]
    assert froc["all_slides"]["sensitivities"]["0.25"] == 0.5
    assert froc["all_slides"]["value"] == pytest.approx(
        np.mean([*froc["all_slides"]["sensitivities"].values()]), abs=1e-4
    )


@pytest.mark.usefixtures("few")
def test_a_curve_divides_by_all_slides_or_by_those_without_metastases() -> None:
    rates, sensitivities = judged().curves["all_slides"]
    # 9 hits; at 7 there is one false place on two slides, at 5 there are two
    assert list(zip(rates[:4], sensitivities[:4], strict=True)) == [(0, 0), (0, 0.5), (0.5, 0.5), (1, 0.5)]
    rates, sensitivities = judged().curves["slides_without_metastases"]
    # only 5 lies on a slide without, of which there is one
    assert list(zip(rates[:3], sensitivities[:3], strict=True)) == [(0, 0), (0, 0.5), (1, 0.5)]


@pytest.mark.usefixtures("few")
def test_the_challenges_files_have_its_form() -> None:
    judged()
    assert (FOLDER / "slides.csv").read_text(encoding="utf-8") == "test_001,9.0\ntest_002,5.0\n"
    assert sorted(file.name for file in (FOLDER / "lesions").iterdir()) == ["test_001.csv", "test_002.csv"]
    lines = [
        (FOLDER / f"lesions/{name}.csv").read_text(encoding="utf-8").splitlines() for name in ("test_001", "test_002")
    ]
    # confidence, x, y: the highest of all is 1, whatever scores are; all are above 0
    assert lines[0][0] == f"1.0,{middle(4)},{middle(4)}"
    count = len(lines[0]) + len(lines[1])
    assert lines[0][1] == f"{(count - 1) / count},{middle(4)},{middle(15)}"
    assert lines[1][0] == f"{(count - 3) / count},{middle(10)},{middle(10)}"
    confidences = [float(line.split(",")[0]) for line in lines[0] + lines[1]]
    assert 0 < min(confidences) < max(confidences) == 1


@pytest.mark.usefixtures("few")
def test_two_judgements_give_the_same_bytes_and_no_old_file_stays() -> None:
    first = judged().figures
    before = {file: file.read_bytes() for file in sorted(FOLDER.rglob("*.csv"))}
    (FOLDER / "lesions/test_999.csv").write_text("1.0,0,0\n", encoding="utf-8")
    assert judged().figures == first
    assert {file: file.read_bytes() for file in sorted(FOLDER.rglob("*.csv"))} == before


@pytest.fixture
def many(in_folder: Path) -> dict[str, tuple[int, float]]:
    """Sixteen slides, half of them with a lesion, whose scores overlap: name to label and score."""
    draws, slides = np.random.default_rng(3), {}
    for number in range(1, 17):
        name, tumour = f"test_{number:03}", number % 2
        add_slide(name, annotation=outlines(about(8, 8, 1400)) if tumour else "")
        slides[name] = (tumour, round(draws.normal(0.8 * tumour, 1), 3))
    write_results({name: score for name, (_, score) in slides.items()})
    return slides


def test_the_area_of_slides_is_that_of_scikit_learn_with_an_interval(
    many: dict[str, tuple[int, float]],
) -> None:
    area = judged().figures["roc_auc"]
    assert area["value"] == round(float(roc_auc_score(*zip(*many.values(), strict=True))), 4)
    assert 0 < area["low"] < area["value"] < area["high"] <= 1


def test_a_curve_has_an_interval_where_there_are_slides_enough(many: dict[str, tuple[int, float]]) -> None:
    for froc in judged().figures["froc"].values():
        assert froc["low"] < froc["value"] < froc["high"]


@pytest.mark.usefixtures("few")
def test_of_two_slides_there_is_no_interval() -> None:
    figures = judged().figures
    for figure in (figures["roc_auc"], *figures["froc"].values()):
        assert figure["low"] is figure["high"] is None


def test_a_slide_with_incomplete_outlines_takes_part_in_the_area_alone(
    many: dict[str, tuple[int, float]], in_folder: Path
) -> None:
    add_slide("test_114")
    scores: dict[str, Any] = {name: score for name, (_, score) in many.items()}
    write_results(scores | {"test_114": -9.0})
    figures = judged().figures
    assert figures["slides"] == {
        "judged": 17,
        "with_metastases": 9,
        "judged_by_lesions": 16,
        "without_metastases": 8,
    }
    labels, values = (list(part) for part in zip(*many.values(), (1, -9.0), strict=True))
    assert figures["roc_auc"]["value"] == round(float(roc_auc_score(labels, values)), 4)
    assert "test_114" in figures["left_out"]
    assert not (FOLDER / "lesions/test_114.csv").exists()
    assert "test_114,-9.0\n" in (FOLDER / "slides.csv").read_text(encoding="utf-8")


def test_without_a_lesion_that_counts_there_is_nothing_to_find(in_folder: Path) -> None:
    add_slide("test_001", annotation=outlines((1000, 1000, 300)))
    add_slide("test_002")
    write_results({"test_001": 2.0, "test_002": 1.0})
    with pytest.raises(PipelineError, match="hold no lesion beyond isolated tumour cells"):
        judged()
    assert not FOLDER.exists()
