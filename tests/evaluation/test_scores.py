from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import layout
from pipeline.data.images import Images
from pipeline.errors import PipelineError
from pipeline.evaluation.scores import FACTS, ArmScores, read_arm_scores, score_table
from pipeline.files import write_csv

Table = pd.DataFrame
BASELINES = ("untrained", "pixel_l1", "colour_statistics", "mean_intensity")


def brightness(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(pixels.mean((1, 2, 3)) / 7)


def table_of(images: Images, seed: int = 0) -> Table:
    baselines = {name: lambda pixels, k=k: k - brightness(pixels) for k, name in enumerate(BASELINES)}
    return score_table(images, layout.run_name("nih_pa", "dpa", seed), {"score": brightness, **baselines})


def test_every_validation_and_test_image_is_scored_and_no_other(tiny_images: Images) -> None:
    table = table_of(tiny_images)
    assert table["id"].tolist() == [f"image_{i:02}" for i in [*range(12, 24), *range(8, 12)]]
    assert table["split"].tolist() == ["test"] * 12 + ["val"] * 4


def test_a_score_belongs_to_its_image_and_keeps_six_digits(tiny_images: Images) -> None:
    table = table_of(tiny_images).set_index("id")
    expected = brightness(tiny_images.pixels[[20]])[0]
    assert table.loc["image_20", "score"] == float(f"{expected:.6g}")


def test_the_run_the_baselines_and_what_is_known_of_the_image_stand_beside_the_score(tiny_images: Images) -> None:
    table = table_of(tiny_images)
    assert table.columns.tolist() == ["run", "id", *FACTS, "score", *BASELINES]
    assert set(table["run"]) == {"nih_pa/dpa/seed-0"}
    assert np.allclose(table["pixel_l1"], 1 - table["score"], atol=1e-4)
    assert table.set_index("id").loc["image_20", "findings"] == "Mass"


def test_images_are_scored_some_at_a_time(tiny_images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, shown = table_of(tiny_images), []
    monkeypatch.setattr("pipeline.compute.portions.AT_ONCE", 5)

    def noting(pixels: np.ndarray) -> np.ndarray:
        shown.append(len(pixels))
        return brightness(pixels)

    parts = score_table(tiny_images, "nih_pa/dpa/seed-0", {"score": noting, **dict.fromkeys(BASELINES, brightness)})
    assert shown == [5, 5, 5, 1]
    pd.testing.assert_series_equal(parts["score"], whole["score"])


def test_a_broken_score_names_its_image(tiny_images: Images) -> None:
    def broken(pixels: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(pixels)) == 3, np.nan, 1.0)

    with pytest.raises(PipelineError, match="score of image 'image_15' is not a finite number"):
        score_table(tiny_images, "nih_pa/dpa/seed-0", {"score": broken})


@pytest.fixture
def write(tiny_images: Images, in_folder: Path) -> Callable[..., ArmScores]:
    """Writes the scores of two seeds, lets a test change the second, and reads both."""

    def write_and_read(change: Callable[[Table], Table | None] = lambda table: None) -> ArmScores:
        for seed in (0, 1):
            table = table_of(tiny_images, seed)
            changed = change(table) if seed else None
            write_csv(layout.scores(layout.run_name("nih_pa", "dpa", seed)), table if changed is None else changed)
        return read_arm_scores("nih_pa", "dpa", [0, 1])

    return write_and_read


def setting(column: str, value: object) -> Callable[[Table], Table]:
    """Set a column of the row of image_20."""
    return lambda table: table.astype(object).assign(
        **{column: lambda t: t[column].where(t["id"] != "image_20", value)}
    )


def test_seeds_stand_beside_each_other(write: Callable[..., ArmScores], tiny_images: Images) -> None:
    scores = write(lambda table: table.assign(score=table["score"] + 1))
    assert scores.scores["score"].shape == (2, 16)
    np.testing.assert_allclose(scores.scores["score"][1] - scores.scores["score"][0], 1)
    assert scores.images["id"].is_monotonic_increasing
    assert len(scores.test().labels) == 12


def test_nothing_depends_on_the_order_of_rows(write: Callable[..., ArmScores]) -> None:
    straight, shuffled = write(), write(lambda table: table.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(straight.images, shuffled.images)
    for name, values in straight.scores.items():
        np.testing.assert_array_equal(values, shuffled.scores[name])


def test_names_that_look_like_numbers_or_nothing_are_names(write: Callable[..., ArmScores]) -> None:
    both = write()
    assert both.images["findings"].isin(["", "Mass"]).all()
    with pytest.raises(PipelineError, match="do not agree on the image 'image_20'"):
        write(setting("group", "NA"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            setting("run", "nih_ap/dpa/seed-1"),
            r"seed-1\.csv holds scores of 'nih_ap/dpa/seed-1', not of 'nih_pa/dpa/se",
        ),
        (setting("score", np.nan), r"seed-1\.csv: score of 'image_20' is not a finite number"),
        (setting("score", np.inf), "score of 'image_20' is not a finite number"),
        (setting("pixel_l1", "high"), "pixel_l1 of 'image_20' is not a finite number"),
        (setting("label", 2), r"label '2' of 'image_20' is not one of 0, 1"),
        (setting("label", "x"), r"label 'x' of 'image_20' is not one of 0, 1"),
        (lambda table: table.assign(score=True), "score of 'image_12' is not a finite number"),
        (setting("split", "train"), r"split 'train' of 'image_20' is not one of val, test"),
        (setting("id", "image_19"), "the id 'image_19' stands in more than one row"),
        (setting("id", "image_99"), "do not agree on the image 'image_20'"),
        (setting("label", 0), "do not agree on the image 'image_20'"),
        (lambda table: table[table["id"] != "image_20"], "do not agree on the image 'image_20'"),
        (lambda table: table.drop(columns="untrained"), r"seed-1\.csv: the column 'untrained' is missing"),
        (lambda table: table.assign(nearest=0.5), r"seed-0\.csv: the column 'nearest' is missing"),
        (lambda table: table.drop(columns="score"), r"seed-1\.csv: the column 'score' is missing"),
        (lambda table: table[:0], "holds no scores"),
    ],
)
def test_scores_that_cannot_be_those_of_the_run_are_refused(
    write: Callable[..., ArmScores], change: Callable[[Table], Table], message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        write(change)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": the column 'run' is missing"),
        (b"\xff\xfe\x00", " is damaged, it is no text"),
        (b'id,"score\n1,2', " is damaged, it is no CSV"),
    ],
    ids=["empty", "binary", "open quote"],
)
def test_a_file_that_is_no_table_is_named(write: Callable[..., ArmScores], content: bytes, message: str) -> None:
    write()
    Path("reports/scores/nih_pa/dpa/seed-1.csv").write_bytes(content)
    with pytest.raises(PipelineError, match=rf"seed-1\.csv{message}: run `dvc repro -f evaluate@nih_pa-dpa-1`"):
        read_arm_scores("nih_pa", "dpa", [0, 1])


def test_scores_that_are_not_there_say_what_to_run(in_folder: Path) -> None:
    with pytest.raises(
        PipelineError,
        match=r"seed-3\.csv is missing: run `dvc repro -f evaluate@nih_ap-dpa-3`, or fit_and_score@nih_ap-dpa",
    ):
        read_arm_scores("nih_ap", "dpa", [3])


def test_a_revision_with_other_baselines_can_be_compared(write: Callable[..., ArmScores], in_folder: Path) -> None:
    expected = write().scores["score"]
    files = {
        path.relative_to(in_folder).as_posix(): pd.read_csv(path).drop(columns="untrained").to_csv(index=False)
        for path in in_folder.rglob("*.csv")
    }
    found = read_arm_scores("nih_pa", "dpa", [0, 1], files.get, ["score"])
    assert list(found.scores) == ["score"]
    np.testing.assert_array_equal(found.scores["score"], expected)


def test_what_another_revision_lacks_cannot_be_mended_by_a_command_here() -> None:
    with pytest.raises(PipelineError, match=r"seed-0\.csv is missing: it was committed so$"):
        read_arm_scores("nih_pa", "dpa", [0], {}.get)


def test_scores_can_be_read_from_another_revision(write: Callable[..., ArmScores], in_folder: Path) -> None:
    expected = write()
    files: Mapping[str, str] = {
        path.relative_to(in_folder).as_posix(): path.read_text() for path in in_folder.rglob("*.csv")
    }
    found = read_arm_scores("nih_pa", "dpa", [0, 1], files.get)
    np.testing.assert_array_equal(found.scores["score"], expected.scores["score"])
