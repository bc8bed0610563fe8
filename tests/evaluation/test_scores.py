import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.evaluation.scores import score_table
from pipeline.images import Images


def brightness(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(pixels.mean((1, 2, 3)) / 7)


def test_every_validation_and_test_image_is_scored_and_no_other(tiny_images: Images) -> None:
    table = score_table(tiny_images, brightness)
    assert table["id"].tolist() == [f"image_{i:02}" for i in [*range(12, 24), *range(8, 12)]]
    assert table["split"].tolist() == ["test"] * 12 + ["val"] * 4


def test_a_score_belongs_to_its_image_and_keeps_six_digits(tiny_images: Images) -> None:
    table = score_table(tiny_images, brightness).set_index("id")
    expected = brightness(tiny_images.pixels[[20]])[0]
    assert table.loc["image_20", "score"] == float(f"{expected:.6g}")


def test_baselines_stand_beside_the_score_and_what_is_known_of_the_image(tiny_images: Images) -> None:
    table = score_table(tiny_images, brightness, darkness=lambda pixels: -brightness(pixels))
    assert table.columns.tolist() == ["id", "group", "split", "label", "findings", "score", "darkness"]
    assert table["darkness"].tolist() == (-table["score"]).tolist()
    assert table.set_index("id").loc["image_20", "findings"] == "Mass"


def test_a_broken_score_names_its_image(tiny_images: Images) -> None:
    def broken(pixels: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(pixels)) == 3, np.nan, 1.0)

    with pytest.raises(PipelineError, match="'image_15' is not a finite number"):
        score_table(tiny_images, broken)
