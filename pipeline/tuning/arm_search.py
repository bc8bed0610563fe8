"""The search of an arm from its prepared images to its tables."""

from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from pipeline.arms import Arm
from pipeline.compute.device import Workplace, prepare_device
from pipeline.compute.scratch import scratch_key
from pipeline.compute.workers import Workers, worker_pool
from pipeline.errors import PipelineError
from pipeline.files import md5
from pipeline.params.file import Params
from pipeline.tuning.folds import final_fold, kinds, known_anomalies, make_folds
from pipeline.tuning.outcomes import Done
from pipeline.tuning.search import Search
from pipeline.tuning.space import Space
from pipeline.tuning.study import LEAD, SharedStudy
from pipeline.tuning.tables import score_table, trial_table
from pipeline.tuning.variants import Variants


class ArmSearch:
    """Chooses first, by folds of training and validation images; then trains every whole trial again and tests it.

    Args:
        params: What runs.
        scratch: A folder outside the graph.

    Raises:
        PipelineError: If the space is impossible, the images do not allow the folds, or a file that settings name is
            missing, before anything is trained.
    """

    def __init__(self, params: Params, arm: Arm, scratch: Path) -> None:
        self._arm, self._settings = arm.name, arm.search
        self._space = Space(arm, params.compute)
        self._variants = Variants(arm, params.compute, scratch / "variants")
        index = self._variants.index
        self._kind = kinds(index, arm.data.whole)
        known = known_anomalies(index, self._kind, self._settings, arm.name)
        self._folds = make_folds(index, known, self._settings, arm.name)
        self._test = final_fold(index, self._settings.seed)
        self._search = Search(
            arm.name,
            self._settings,
            self._space,
            self._variants.folder,
            self._folds,
            known,
            params.compute,
            scratch / "trials",
        )
        members, contents = self._trained()
        compute = params.compute.model_copy(update={"trials": 1, "workers": 1})
        place = Workplace(prepare_device(compute))
        facts = (self._settings.searched, members, compute, str(place), place.precision("bfloat16"), version("optuna"))
        self._key = scratch_key(*facts, contents, self._variants.data_key())
        self._storage = self._settings.storage or str(scratch / f"{self._key}.log")

    def run(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Search, or go on with a search that was interrupted.

        Returns:
            The tables of :mod:`pipeline.tuning.tables`: trials and scores.
        """
        self._variants.prepare(self._space)
        with self._pool() as pool:  # one, since a process begins by importing for seconds
            done = self._search.run(self._study("", LEAD), pool)
            tested = self._test_all([trial for trial in done if trial.state == "complete"], pool)
        failed = {number: of.reason for number, of in tested.items() if of.reason}
        done = [
            replace(trial, state="failed", reason=failed[trial.number]) if trial.number in failed else trial
            for trial in done
        ]
        if not any(trial.state == "complete" for trial in done):
            raise PipelineError(f"no trial of {self._arm} came to its end; the first because: {done[0].reason}")
        tested = {number: of for number, of in tested.items() if not of.reason}
        scores = score_table(self._variants.index, self._kind, self._folds, done, self._test, tested)
        return trial_table(done, self._folds), scores

    def _test_all(self, whole: list[Done], pool: Workers) -> dict[int, Done]:
        """Train whole trials on all normals and score the test images: trial to what came out."""
        study = self._study(" tests", LEAD)
        for trial in whole[study.proposed() :]:
            study.propose(trial.options)
        self._search.testing(self._test).work(study, pool, lambda: len(study.done()) == len(whole))
        study.end()
        return {trial.number: tested for trial, tested in zip(whole, study.done(), strict=True)}

    def join(self, helper: str) -> None:
        """Help with a search that another machine leads, until it has ended."""
        self._variants.prepare(self._space)
        study, tests = self._study("", helper), self._study(" tests", helper)
        with self._pool() as pool:
            self._search.work(study, pool, study.has_ended)
            self._search.testing(self._test).work(tests, pool, tests.has_ended)

    def _pool(self) -> AbstractContextManager[Workers]:
        return worker_pool(self._search.compute.trials, f"{self._arm}: trials", "compute.trials")

    def _trained(self) -> tuple[list[object], dict[str, str]]:
        """The settings of all members, and the checksums of the files that they name, since these can change."""
        settings, files = [], set()
        for member in self._space.members:
            member.arm.check_files(member.detector)
            own = member.arm.detector(member.detector)
            settings.append((member.detector, own, member.arm.data))
            files |= {*own.named_files.values()}
        return [*settings], {str(file): md5(file) for file in sorted(files)}

    def _study(self, suffix: str, owner: str) -> SharedStudy:
        return SharedStudy(self._storage, self._arm + suffix, self._key, self._space.choices, owner)
