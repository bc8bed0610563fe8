from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.errors import PipelineError
from pipeline.evaluation.scores import ArmScores
from pipeline.files import write_csv, write_text
from pipeline.params.evaluate import ComputeMetrics
from pipeline.real.kept import REAL, kept_figures
from pipeline.real.page import TEXT, results_page
from tests.evaluation.conftest import arm_scores

SETTINGS = ComputeMetrics(held_out_quantile=0.9, slide_quantile=0.9, resamples=100, seed=0)


@pytest.fixture
def page(in_folder: Path) -> Callable[[str], str]:
    """The page of a text, where two detectors of an arm are kept."""
    scores: ArmScores = arm_scores([0, 0, 1, 1] * 10, [f"patient_{i // 2:02}" for i in range(40)])
    for detector, values in {"dpa": scores.scores["score"], "knn": scores.scores["untrained"]}.items():
        for seed, score in enumerate(values):
            run = layout.run_name("mine", detector, seed)
            others = {name: scores.scores[name][seed] for name in ("colour_statistics", "mean_intensity")}
            write_csv(REAL / f"{run}.csv", scores.images.assign(run=run, score=score, **others))

    def made(text: str) -> str:
        write_text(TEXT, text)
        return results_page("dpa", SETTINGS)

    return made


def test_all_but_the_places_stays_as_it_is_written(page: Callable[[str], str]) -> None:
    text = "# Mine\n\n```yaml\nknn: {layers: [r53], k: 2}\nother: {}\n```\n"
    assert page(text) == text


def test_the_tables_of_an_arm_have_a_row_of_each_detector_and_baseline(page: Callable[[str], str]) -> None:
    tested, figures, beside, exposure = page("{mine}").split("\n\n")
    assert tested == "Tested on 40 images of 20 patients, 20 of them abnormal."
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in figures.splitlines()]
    assert rows[0][-2:] == ["above deep perceptual autoencoder by", "interval of the difference"]
    names = {"deep perceptual autoencoder", "kNN", "colour statistics (baseline)", "mean intensity (baseline)"}
    assert {row[0] for row in rows[2:]} == names
    reference = next(row for row in rows if row[0] == "deep perceptual autoencoder")
    assert reference[1] == "2"
    assert reference[-2:] == ["itself", "–"]
    assert beside.startswith("Beside exposure, and where it is equal, as in ")
    assert [line.split("|")[1] for line in exposure.splitlines()] == [
        line.split("|")[1] for line in figures.splitlines()
    ]


def test_a_figure_in_a_sentence_is_that_of_the_table(page: Callable[[str], str]) -> None:
    text = page("kNN reaches {mine.knn}, and {mine.knn.alike} where exposure is equal.")
    row = kept_figures("mine", "dpa", SETTINGS).rows["knn"]
    shown = []
    for figure in (row.metrics["roc_auc"], row.alike):
        assert figure.interval
        low, high = figure.interval
        shown.append(f"{100 * figure.mean:.1f} ({100 * low:.1f} to {100 * high:.1f})")
    assert text == f"kNN reaches {shown[0]}, and {shown[1]} where exposure is equal."


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("{yours}", r"\{yours\} is of none of the arms whose scores are kept: mine$"),
        ("{mine.padim}", r"\{mine.padim\} is of none of what is kept of mine: .*knn"),
    ],
)
def test_a_place_for_what_is_not_kept_is_named(page: Callable[[str], str], place: str, said: str) -> None:
    with pytest.raises(PipelineError, match=rf"^{TEXT}: {said}"):
        page(f"As {place} shows.")


def test_searches_are_shown_where_their_tables_are_kept(page: Callable[[str], str]) -> None:
    assert page("{searches}") == "None is kept so far."
    section = "### search_mine: how its settings would be chosen\n\n![Few](arms/search_mine/tuning/few_anomalies.png)\n"
    write_text(REAL / "search_mine/tuning/section.md", section)
    assert page("{searches}") == section.replace("(arms", "(../reports/real").rstrip()
