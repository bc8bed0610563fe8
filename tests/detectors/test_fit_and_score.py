"""The stage fit_and_score with each quick detector that is shipped, on gray images and on colours."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.images import Images, write_images
from pipeline.files import write_csv
from stages import fit_and_score
from tests.shipped import shipped, write

DETECTORS = shipped()["params.yaml"]["quick_detectors"]


def prepare(arm: str, images: Images, channels: int) -> None:
    """Write the settings, for two seeds, and images of 32 px."""
    content = shipped()
    content["params.yaml"]["seeds"] = [0, 1]
    write(content)
    pixels = images.pixels.repeat(2, 1).repeat(2, 2).repeat(channels, 3)
    write_images(Path("data/prepared") / arm, [pixels], images.index, {"unit": "patient", "generated": False})
    write_csv(Path(f"data/raw/inventory/{arm}.csv"), pd.DataFrame({"path": ["a"], "bytes": [1], "md5": ["0"]}))


def outputs() -> dict[str, bytes]:
    files = [file for top in ("data/models", "reports") for file in Path(top).rglob("*") if file.is_file()]
    return {file.as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(("arm", "channels"), [("demo_xrays", 1), ("demo_slides", 3)])
@pytest.mark.usefixtures("in_folder", "networks_read_once")
def test_every_seed_is_fitted_and_scored_and_again_to_the_same_bytes(
    tiny_images: Images, arm: str, channels: int, detector: str
) -> None:
    prepare(arm, tiny_images, channels)
    fit_and_score.main(arm, detector)
    made = outputs()
    runs = [f"{arm}/{detector}/seed-{seed}" for seed in (0, 1)]
    expected = {f"{place}.csv" for place in (f"reports/scores/{run}" for run in runs)}
    expected |= {f"data/models/{run}/model.pt" for run in runs}
    expected |= {f"reports/runs/{run}/{name}" for run in runs for name in ("history.csv", "provenance.json")}
    assert set(made) == expected | {f"reports/runs/{runs[0]}/gallery.png"}
    for run in runs:
        table = pd.read_csv(f"reports/scores/{run}.csv")
        assert sorted(table["id"]) == sorted(tiny_images.index.loc[tiny_images.index["split"] != "train", "id"])
        assert np.isfinite(table["score"]).all()
    for folder in ("data/models", "reports"):
        shutil.rmtree(folder)
    shutil.rmtree(".cache", ignore_errors=True)  # features, which not every detector keeps
    fit_and_score.main(arm, detector)
    assert outputs() == made
