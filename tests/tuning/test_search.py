"""Searches of a tiny arm, with real trainings."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.arms import Arm, read_arm
from pipeline.compute.workers import SCHEDULER
from pipeline.data.images import read_images, write_images
from pipeline.errors import PipelineError
from pipeline.files import write_csv
from pipeline.params.file import read_params
from pipeline.tuning import arm_search as arm_search_module
from pipeline.tuning import search as search_module
from pipeline.tuning.arm_search import ArmSearch
from pipeline.tuning.criteria import choose
from pipeline.tuning.outcomes import Done, Outcome
from pipeline.tuning.search import Search, sampled
from pipeline.tuning.space import Space
from pipeline.tuning.trial import Trial, is_hopeless, run_trial
from pipeline.tuning.variants import Variants
from tests.dask_cluster import Cluster
from tests.forked import Fork, Forked
from tests.shipped import write
from tests.tuning.conftest import ARM, QUICK, SEVERAL, SPACE, Searched, SearchOf, arm_index, arm_pixels, dpa


class Here:
    """Runs trials in this process, in reverse order, so that tests need not wait for others to start."""

    def __init__(self, count: int, *_: Any) -> None:
        self.count = count

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Callable[[Trial], Any], trial: Trial) -> Any:
        from concurrent.futures import Future

        future: Future[Any] = Future()
        future.set_result(function(trial))
        return future


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm_search_module, "worker_pool", Here)
    monkeypatch.setattr(search_module, "time", None)  # alone, a search waits for nobody


def tables(searched: Searched, scratch: str = ".cache/tuning") -> tuple[pd.DataFrame, pd.DataFrame]:
    return searched.search(scratch).run()


@pytest.mark.usefixtures("arm", "here")
def test_every_member_of_a_grid_is_tried_with_its_folds_and_seeds(search_of: SearchOf) -> None:
    trials, scores = tables(search_of(seed=3))
    assert trials["trial"].tolist() == [0, 1, 2, 3]
    assert list(zip(trials["latent"], trials["rate"], strict=True)) == [
        ("two", "low"),
        ("two", "high"),
        ("four", "low"),
        ("four", "high"),
    ]
    assert (trials["state"] == "complete").all()
    for fold in range(3):
        assert (trials[f"seed_{fold}"] == 3 + fold).all()
        assert (trials[f"iterations_{fold}"] == 4).all()
    for name in ("roc_auc", "loss", "aucp"):
        folds = trials[[f"{name}_{fold}" for fold in range(3)]]
        np.testing.assert_allclose(trials[name], folds.mean(axis=1), atol=2e-6)
    judged = scores[(scores["fold"] == "1") & scores["kind"].isin(["", "Mass"])]
    assert trials["roc_auc_1"].iloc[2] == pytest.approx(roc_auc_score(judged["label"], judged["trial_2"]), abs=1e-6)


@pytest.mark.usefixtures("arm", "here")
def test_every_image_has_a_score_of_every_trial(search_of: SearchOf) -> None:
    """With the perceptual loss, whose statistics are measured anew in each fold."""
    perceptual = dpa(grow=False, schedule={"16": {"stable": 4}})
    _, scores = tables(search_of(common=perceptual))
    index = read_images(Path("data/prepared") / ARM).index
    assert sorted(scores["id"]) == sorted(index["id"])
    assert (scores["split"] == "test").equals(scores["fold"] == "test")
    assert scores[[f"trial_{k}" for k in range(4)]].notna().all(axis=None)


@pytest.mark.usefixtures("arm", "here")
@pytest.mark.parametrize("changed", [{}, SEVERAL], ids=["one detector", "several"])
def test_nothing_is_chosen_by_test_images(search_of: SearchOf, changed: dict[str, Any]) -> None:
    """Images, labels and findings of the test split are replaced by others; folds, figures and choice stay."""
    before, scores = tables(search_of(**changed))
    images = read_images(Path("data/prepared") / ARM)
    pixels, index = np.array(images.pixels), images.index.copy()
    test = (index["split"] == "test").to_numpy()
    pixels[test] = np.random.default_rng(0).integers(0, 256, pixels[test].shape, np.uint8)
    index.loc[test, "label"] = 1 - index.loc[test, "label"]
    write_images(Path("data/prepared") / ARM, [pixels], index, images.preparation)
    after, corrupted = tables(search_of(**changed), ".cache/other")
    pd.testing.assert_frame_equal(before, after)
    assert choose(before) == choose(after)
    columns = [f"trial_{k}" for k in before["trial"]]
    assert corrupted.loc[corrupted["fold"] != "test", columns].equals(scores.loc[scores["fold"] != "test", columns])
    assert not corrupted.loc[corrupted["fold"] == "test", columns].equals(scores.loc[scores["fold"] == "test", columns])


@pytest.mark.usefixtures("arm", "here")
def test_detectors_are_tried_with_their_own_settings_and_share_features(search_of: SearchOf) -> None:
    trials, scores = tables(search_of(**SEVERAL))
    assert trials["detector"].tolist() == [
        "knn, neighbours 1, by cosine",
        "knn, neighbours 3, by cosine",
        "mahalanobis",
    ]
    assert scores[["trial_0", "trial_1", "trial_2"]].notna().all(axis=None)
    assert scores["trial_2"].max() > 4 > scores["trial_1"].max()  # a squared distance; one of features of length 1
    # of three folds and the test: what is learnt from and what is scored, once for both detectors that see alike
    assert len(list(Path(".cache/features").glob("*.npy"))) == 3 * 3 + 2


@pytest.mark.usefixtures("arm", "here")
def test_a_finished_search_is_not_run_again(search_of: SearchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tables(search_of())
    monkeypatch.setattr(search_module, "run_trial", None)
    for one, same in zip(first, tables(search_of()), strict=True):
        pd.testing.assert_frame_equal(one, same)


@pytest.mark.usefixtures("arm", "here")
def test_other_weights_under_the_same_name_are_another_search(
    search_of: SearchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"weights": {"given": dpa(weights="given.pth")}}
    tried: list[int] = []
    monkeypatch.setattr(
        search_module, "run_trial", lambda trial: tried.append(trial.number) or Outcome([], "not whole")
    )
    for content, count in ((b"one", 1), (b"one", 1), (b"other", 2)):
        Path("given.pth").write_bytes(content)
        with pytest.raises(PipelineError, match="no trial of demo_xrays came to its end"):
            search_of(space=given).search().run()
        assert len(tried) == count
    Path("given.pth").unlink()
    with pytest.raises(
        PipelineError, match=r"^arms/demo_xrays\.yaml: detectors\.dpa\.weights names given\.pth, but there"
    ):
        search_of(space=given).search()


@pytest.mark.usefixtures("arm", "here")
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_sampler_tries_so_many_and_none_twice(search_of: SearchOf, sampler: str) -> None:
    trials, _ = tables(search_of(sampler=sampler, trials=4, batch=2))
    assert len(trials[["latent", "rate"]].drop_duplicates()) == 4


def done(number: int, space: Space, *areas: float, state: str = "complete") -> Done:
    folds = [{"scores": [], "iterations": 1, "roc_auc": area, "loss": 1.0, "aucp": 0.5} for area in areas]
    return Done(number, space.members[number % 4].options, folds, state)


def test_tpe_learns_from_what_is_known(search_of: SearchOf) -> None:
    space = search_of().space
    known = [done(k, space, 0.9 if k % 4 == 2 else 0.5) for k in range(40)]
    found = [sampled(space, "tpe", seed, known) for seed in range(20)]
    assert sum(options == space.members[2].options for options in found) > 10
    blind = [sampled(space, "random", seed, known) for seed in range(20)]
    assert sum(options == space.members[2].options for options in blind) < 10


def searching(searched: Searched) -> Search:
    return Search(
        ARM,
        searched.arm.search,
        searched.space,
        lambda _: Path(),
        [],
        np.ones(1, bool),
        searched.params.compute,
        Path(),
    )


def test_a_proposal_depends_on_earlier_batches_only(search_of: SearchOf) -> None:
    search, space = searching(search_of(sampler="tpe", trials=4, batch=2)), search_of().space
    earlier = [done(0, space, 0.9), done(1, space, 0.5)]
    one = search._proposal(3, earlier)
    assert one == search._proposal(3, [*earlier, done(2, space, 0.99)])
    assert one == search._proposal(3, earlier)


def test_a_trial_is_given_up_by_optunas_median_rule() -> None:
    earlier = [[0.8, 0.8, 0.8]] * 5
    assert is_hopeless([0.5], earlier)
    assert not is_hopeless([0.9], earlier)
    assert not is_hopeless([0.5], earlier[:4])  # Optuna waits for five
    assert is_hopeless([0.5, 0.5, 0.6], earlier)


@pytest.mark.usefixtures("arm", "here")
def test_a_hopeless_trial_ends_after_its_first_fold(search_of: SearchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    def hopeless_if_high(trial: Trial) -> Any:
        perfect = [[1.1] * 3] * 5 if trial.known is not None and trial.number == 2 else []
        return run_trial(Trial(**{**trial.__dict__, "earlier": perfect}))

    monkeypatch.setattr(search_module, "run_trial", hopeless_if_high)
    trials, scores = tables(search_of(prune=True))
    assert trials["state"].tolist() == ["complete", "complete", "pruned", "complete"]
    assert trials["roc_auc_1"].isna().tolist() == [False, False, True, False]
    assert scores.loc[scores["fold"] != "0", "trial_2"].isna().all()
    assert scores.loc[scores["fold"] == "test", ["trial_0", "trial_1", "trial_3"]].notna().all(axis=None)


@pytest.mark.usefixtures("arm", "here")
def test_a_trial_that_diverges_is_named_and_the_others_go_on(search_of: SearchOf) -> None:
    mad = {"low": SPACE["rate"]["low"], "mad": dpa(learning_rate=1e30)}
    trials, scores = tables(search_of(space={"rate": mad}))
    assert trials["state"].tolist() == ["complete", "failed"]
    assert trials["reason"].iloc[1].startswith("the loss is ")
    assert choose(trials) == dict.fromkeys(("weakly_supervised", "unsupervised", "label_free"), 0)
    assert "trial_1" not in scores


@pytest.mark.usefixtures("arm", "here")
def test_a_search_without_a_whole_trial_is_an_error(search_of: SearchOf) -> None:
    mad = {"mad": dpa(learning_rate=1e30)}
    with pytest.raises(PipelineError, match="no trial of demo_xrays came to its end; the first because: the loss is"):
        tables(search_of(space={"rate": mad}))


@pytest.mark.usefixtures("arm", "here")
def test_a_trial_that_fails_on_all_normals_is_not_chosen(search_of: SearchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_test(trial: Trial) -> Outcome:
        return run_trial(trial) if trial.known is not None or trial.number else Outcome([], "the loss is inf")

    monkeypatch.setattr(search_module, "run_trial", failing_test)
    trials, scores = tables(search_of())
    assert trials["state"].tolist() == ["failed", "complete", "complete", "complete"]
    assert scores.loc[scores["fold"] == "test", "trial_0"].isna().all()


@pytest.mark.usefixtures("arm")
def test_the_key_follows_what_trials_depend_on_and_nothing_else(search_of: SearchOf) -> None:
    def key(searched: Searched) -> str:
        return searched.search()._key

    params, arm = search_of()
    cropped = Arm(ARM, {**arm.content, "equalize_xrays": {**arm.content["equalize_xrays"], "crop_size": 200}})
    assert key(Searched(params, cropped)) != key(search_of())
    assert key(search_of(seed=1)) != key(search_of())
    assert key(search_of(at_once=4)) == key(search_of())
    assert key(search_of(few_anomalies={"numbers": [9], "kinds": [1], "draws": 9})) == key(search_of())
    assert key(search_of(storage="elsewhere.log")) == key(search_of())


@pytest.mark.usefixtures("arm")
def test_images_that_a_preprocessing_leaves_out_are_no_silent_difference(search_of: SearchOf) -> None:
    space = {"equalization": {"clahe": {"equalize_xrays": {"equalization": "clahe"}}}}
    searched = search_of(space=space)
    variants = Variants(searched.arm, searched.params.compute, Path("variants"))
    (member,) = searched.space.members
    index = arm_index()[:-1]
    write_images(variants.folder(member), [arm_pixels(index)], index, {})
    with pytest.raises(PipelineError, match="the preprocessing of equalization: clahe leaves out other images"):
        variants.prepare(searched.space)


def search_or_join(scratch: str, what: str) -> None:
    """Search the arm of the working folder and write the tables into a folder, or join a search."""
    search = ArmSearch(read_params(), read_arm(ARM), Path(scratch))
    if what == "join":
        search_module.POLL = 0.05  # so that the lead, which begins at once, has not done all meanwhile
        search.join("helper")
    else:
        for name, table in zip(("trials", "scores"), search.run(), strict=True):
            write_csv(Path(what) / f"{name}.csv", table)


ONE_FOLD = {"folds": 2, "cross_validate": False}


@pytest.fixture
def start(arm: Path, search_of: SearchOf, fork: Fork) -> Callable[..., Forked]:
    """Starts a search in a process of its own, with real worker processes."""

    def start(*arguments: str, at_once: int = 1, **changed: Any) -> Forked:
        params, searched = search_of(at_once, **changed)
        write({"params.yaml": params.model_dump(mode="json"), f"arms/{ARM}.yaml": searched.content}, arm)
        return fork(search_or_join, *arguments)

    return start


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@pytest.mark.slow
def test_a_search_that_was_killed_ends_in_the_same_tables_whatever_runs_at_once(
    start: Callable[..., Forked],
) -> None:
    settings = {"sampler": "tpe", "trials": 4, "batch": 2, **ONE_FOLD}
    assert start(".cache/a", "whole", at_once=1, **settings).wait() == 0
    killed = start(".cache/b", "killed", at_once=2, **settings)
    lines = [killed.stdout.readline() for _ in range(3)]  # in the midst of the second batch
    os.kill(killed.pid, signal.SIGKILL)  # it alone: its workers end with it
    killed.wait()
    assert all("trial" in line for line in lines)
    assert not Path("killed").exists()
    resumed = start(".cache/b", "killed", at_once=2, **settings)
    output, _ = resumed.communicate()
    assert resumed.returncode == 0
    assert "trial 0: roc_auc" not in output
    assert files("whole") == files("killed")


@pytest.mark.slow
def test_two_machines_share_a_search_and_find_what_one_finds(start: Callable[..., Forked]) -> None:
    longer = {"detectors": {"dpa": QUICK["detectors"]["dpa"] | {"schedule": {"16": {"stable": 40}}}}}
    settings = {"common": longer, **ONE_FOLD}
    assert start(".cache/alone", "alone", **settings).wait() == 0
    shared = {"storage": "shared.log", **settings}
    helper = start(".cache/helper", "join", **shared)
    while not Path("shared.log").exists():  # the lead is fast: a helper that comes later finds nothing left to do
        assert helper.poll() is None
        time.sleep(0.1)
    lead = start(".cache/lead", "both", **shared)
    by_lead, _ = lead.communicate()
    by_helper, _ = helper.communicate()
    assert (lead.returncode, helper.returncode) == (0, 0)
    assert by_lead.count("roc_auc") + by_helper.count("roc_auc") == 4
    assert by_helper.count("roc_auc") > 0
    assert files("alone") == files("both")


def killed_by_the_third(trial: Trial) -> Outcome:
    if trial.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_trial(trial)


@pytest.mark.slow
@pytest.mark.usefixtures("arm")
def test_trials_on_a_cluster_give_the_same_tables_and_one_that_kills_its_workers_is_named(
    search_of: SearchOf, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for _ in range(2):
            cluster.add_worker()
        with monkeypatch.context() as patch:
            patch.setenv(SCHEDULER, cluster.address)
            by_workers = tables(search_of())
            patch.setattr(search_module, "run_trial", killed_by_the_third)
            with pytest.raises(PipelineError, match=r"^demo_xrays: a worker process was killed, .* on trial 2: start"):
                tables(search_of(), ".cache/killed")
    finally:
        cluster.stop()
    monkeypatch.setattr(arm_search_module, "worker_pool", Here)
    for one, same in zip(by_workers, tables(search_of(), ".cache/here"), strict=True):
        pd.testing.assert_frame_equal(one, same)
