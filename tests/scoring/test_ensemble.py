"""The average of an arm's seeds."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from pipeline import layout
from pipeline.commands import score
from pipeline.compute.tensor_files import read_tensors, write_tensors
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import Calibration
from pipeline.files import md5
from pipeline.scoring.ensemble import Average
from pipeline.scoring.model import Model
from tests.scoring.conftest import ARM, film, save
from tests.scoring.pages import model

SEEDS = (0, 1, 2)


@pytest.fixture
def repository(in_folder: Path, trained: Path) -> Path:
    """A folder with the models of three seeds and what runs."""
    shutil.copy(trained / "params.yaml", "params.yaml")
    shutil.copytree(trained / "data/models", "data/models")
    return in_folder


def file_of(seed: int) -> Path:
    return layout.calibrated(layout.run_name(ARM, "padim", seed))


def change(seed: int, **content: Any) -> None:
    write_tensors(file_of(seed), read_tensors(file_of(seed)) | content)


def run(*words: Any, named: Any = ARM, out: str = "out") -> tuple[int, pd.DataFrame]:
    status = score.main([str(named), *map(str, words), "--out", out, "--device", "cpu", "--workers", "1"])
    return status, pd.read_csv(f"{out}/results.csv").set_index("name")


def facts() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("out/run.json").read_bytes())
    return content


def chain_scores(trained: Path) -> list[pd.DataFrame]:
    return [pd.read_csv(trained / f"reports/scores/{ARM}/padim/seed-{seed}.csv").set_index("id") for seed in SEEDS]


def test_scores_are_averages_in_deviations_of_each_seeds_held_out_normals(repository: Path, trained: Path) -> None:
    status, table = run(trained / "data/raw" / ARM, "--recursive")
    assert status == 0
    expected = []
    for known in chain_scores(trained):
        normals = known.loc[(known["split"] == "val") & (known["label"] == 0), "score"]
        expected.append((known["score"] - normals.mean()) / normals.std(ddof=0))
    average = pd.concat(expected, axis=1).mean(axis=1)
    found = table.loc[[f"{ARM}/{name}" for name in average.index], "score"]
    assert found.to_numpy() == pytest.approx(average.to_numpy(), rel=1e-5, abs=1e-6)
    assert not np.allclose(expected[0], expected[1], atol=0.01)


def test_p_counts_the_averages_of_the_same_normals(repository: Path, trained: Path) -> None:
    known = chain_scores(trained)[0]
    held_out = known.index[(known["split"] == "val") & (known["label"] == 0)]
    _, table = run(trained / "data/raw" / ARM, "--recursive")
    count = facts()["normals"]
    assert count == len(held_out) >= 19
    # each of these normals is found again among them, so that as many as its rank score as high
    p_values = table.loc[[f"{ARM}/{name}" for name in held_out], "p"].sort_values()
    assert p_values.tolist() == pytest.approx(np.arange(2, count + 2) / (count + 1), abs=1e-6)
    assert table.loc[table.index.str.contains("/bad/"), "flagged"].mean() > 0.9


def test_outputs_name_the_files_of_all_seeds(repository: Path, capsys: pytest.CaptureFixture) -> None:
    save(Path("new/odd.png"), film(500, abnormal=True))
    run("new")
    assert facts()["averaged"] == {f"seed-{seed}": md5(file_of(seed)) for seed in SEEDS}
    assert facts()["model"] == f"{ARM}/padim, the average of seeds 0, 1, 2"
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert all(md5(file_of(seed)) in page for seed in SEEDS)
    said = capsys.readouterr().out
    assert f"taken: {ARM}/padim, the average of seeds 0, 1, 2" in said
    assert "padim (images, the average of 3 seeds), calibrated on" in said


def test_maps_are_averages_relative_to_what_each_draws_brightest(repository: Path) -> None:
    place, pixels = score.Workplace(), np.stack([film(k, abnormal=True)[4:36, 4:36, None] for k in range(3)])
    models = [score.read_model(file_of(seed), place) for seed in SEEDS]
    maps = Average.of(models).anomaly_maps(pixels)
    assert maps is not None
    tops = [one.map_top or np.nan for one in models]
    each = [one.detector.anomaly_maps(pixels) / top for one, top in zip(models, tops, strict=True)]
    np.testing.assert_allclose(maps, np.mean(each, axis=0), rtol=1e-6)
    assert Average.of([models[0], replace(models[1], map_top=None)]).anomaly_maps(pixels) is None


def test_the_folder_of_an_average_belongs_to_all_of_its_files(repository: Path) -> None:
    save(Path("new/a.png"), film(500))
    run("new")
    change(2, map_top=0.5)
    with pytest.raises(PipelineError, match="out holds results of another model"):
        run("new")
    run("new", out="again")
    with pytest.raises(PipelineError, match="again holds results of another model"):
        run("new", named=file_of(0), out="again")


def test_an_arm_of_one_seed_scores_as_its_file_does(repository: Path) -> None:
    params = json.loads(Path("params.yaml").read_text(encoding="utf-8"))
    Path("params.yaml").write_text(json.dumps(params | {"seeds": [1]}), encoding="utf-8")
    save(Path("new/a.png"), film(500, abnormal=True))
    run("new")
    run("new", named=file_of(1), out="alone")
    for name in ("results.csv", "run.json", "report.html"):
        assert Path("out", name).read_bytes() == Path("alone", name).read_bytes()


def test_the_other_detectors_of_an_arm_are_named_unless_one_is_chosen(
    repository: Path, capsys: pytest.CaptureFixture
) -> None:
    save(Path("new/a.png"), film(500))
    shutil.copytree(f"data/models/{ARM}/padim", f"data/models/{ARM}/other")
    run("new")
    assert "the average of seeds 0, 1, 2 (--detector takes another one: other)\n" in capsys.readouterr().out
    run("new", "--detector", "padim", out="alone")
    assert "takes another one" not in capsys.readouterr().out


def test_the_first_detector_of_params_is_taken_unless_another_is_chosen(repository: Path) -> None:
    save(Path("new/a.png"), film(500))
    shutil.move(f"data/models/{ARM}/padim", f"data/models/{ARM}/other")
    with pytest.raises(
        PipelineError, match=r"has no models of the detectors of params\.yaml: choose by --detector one of other"
    ):
        run("new")
    with pytest.raises(PipelineError, match=f"{ARM} has no models of othr: choose by --detector one of other"):
        run("new", "--detector", "othr")
    status, _ = run("new", "--detector", "other")
    assert status == 0
    assert facts()["model"].startswith(f"{ARM}/other")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda: file_of(1).unlink(), r"seed-1/calibrated\.pt is missing, and seed 1 is one of params\.yaml: run `dvc"),
        (
            lambda: shutil.rmtree(f"data/models/{ARM}/padim"),
            rf"data/models/{ARM} holds no calibrated\.pt: run `dvc repro`",
        ),
        (
            lambda: change(1, preparation=read_tensors(file_of(1))["preparation"] | {"generated": True}),
            r"seed-1/calibrated\.pt was fitted to images that were prepared in another way than .*seed-0/",
        ),
        (
            lambda: change(2, appearance_normals=read_tensors(file_of(2))["appearance_normals"] + 1),
            r"seed-2/calibrated\.pt was fitted to other images than .*seed-0",
        ),
        (
            lambda: change(2, normals=read_tensors(file_of(2))["normals"][1:]),
            r"seed-2/calibrated\.pt was fitted to other images than .*seed-0",
        ),
        (
            lambda: [change(seed, normals=read_tensors(file_of(seed))["normals"].sort().values) for seed in SEEDS],
            r"seed-0/calibrated\.pt has its normals in the order of their scores, as versions before this one",
        ),
        (
            lambda: [change(seed, normals=torch.ones(25, dtype=torch.float64)) for seed in SEEDS],
            r"seed-0/calibrated\.pt knows no two different scores of held-out normals",
        ),
    ],
)  # fmt: skip
def test_seeds_that_do_not_belong_together_are_one_sentence(
    repository: Path, spoil: Callable[[], Any], says: str
) -> None:
    save(Path("new/a.png"), film(500))
    spoil()
    with pytest.raises(PipelineError, match=says):
        run("new")
    assert not Path("out").exists()


@pytest.mark.parametrize("word", ["imagse", "data", "data/models/images"])
def test_what_is_no_arm_and_no_file_is_one_sentence(repository: Path, word: str) -> None:
    with pytest.raises(PipelineError, match=f"{word} is neither a model's file nor an arm with models; .*: {ARM}$"):
        run("new", named=word)


def test_a_detector_is_chosen_of_an_arm_only(repository: Path) -> None:
    with pytest.raises(
        PipelineError, match=r"--detector chooses among those of an arm, and .*seed-0/calibrated\.pt is"
    ):
        run("new", "--detector", "padim", named=file_of(0))


class Told:
    """A detector that scores an image by its only pixel, in its own unit, with an error of its own."""

    def __init__(self, unit: float, seed: int):
        self.unit, self.seed = unit, seed

    def score(self, images: np.ndarray) -> np.ndarray:
        values = images.reshape(len(images)).astype(np.float64)
        errors = np.random.default_rng(self.seed).normal(0, 30, 256)  # as much as normals differ in truth
        return self.unit * (values + errors[images.reshape(len(images))])

    def anomaly_maps(self, images: np.ndarray) -> None: ...

    def reconstructions(self, images: np.ndarray) -> None: ...


def told(normals: np.ndarray, draws: np.random.Generator) -> list[Model]:
    detectors = [Told(unit, int(draws.integers(2**31))) for unit in (1e-4, 1.0, 300.0)]
    return [replace(model(), detector=one, calibration=Calibration(one.score(normals))) for one in detectors]


def test_p_of_normals_is_uniform_and_an_average_tells_more_than_a_seed() -> None:
    draws, found, areas = np.random.default_rng(0), [], []
    for _ in range(400):
        drawn = draws.normal(128, 30, 61).clip(0, 255).astype(np.uint8).reshape(-1, 1, 1, 1)
        models = told(drawn[:59], draws)
        average = Average.of(models)
        known = Calibration(average.averaged(np.stack([one.calibration.drawn for one in models])))
        found.append(known.p_values(average.score(drawn[59:60]))[0])
        higher = np.minimum(drawn.astype(int) + 60, 255).astype(np.uint8)
        areas.append([float((of.score(higher) > of.score(drawn)).mean()) for of in (average, models[0].detector)])
    assert stats.kstest(np.array(found) - draws.uniform(0, 1 / 60, 400), "uniform").pvalue > 0.01
    assert abs((np.array(found) <= 0.05).mean() - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 400)
    of_average, of_one = np.mean(areas, axis=0)
    assert of_average > of_one + 0.03
