"""Running a search: trials are proposed in batches, run in parallel, and come out the same however many run at once."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import optuna

from pipeline.compute.seeding import derived_seed, generator
from pipeline.compute.workers import WorkerKilledError, Workers
from pipeline.files import remove
from pipeline.params.compute import Compute
from pipeline.params.tune import Tune
from pipeline.tuning.criteria import Figures
from pipeline.tuning.folds import Fold
from pipeline.tuning.outcomes import Done, Outcome
from pipeline.tuning.space import Member, Options, Space
from pipeline.tuning.study import SharedStudy
from pipeline.tuning.trial import Trial, run_trial

BEAT = 60.0  # seconds between two signs of life
POLL = 2.0  # seconds between two looks at what other machines do
ATTEMPTS = 20  # at a proposal that was not tried before


@dataclass(frozen=True)
class Search:
    """The search of one arm.

    Attributes:
        settings: The arm's section ``tune``.
        space: What may be chosen.
        images: Combination to the folder of its prepared images.
        folds: What trials are trained on and judged by.
        known: Which images are the anomalies that may choose, bool (N,).
        compute: Where to compute, and how many trainings at once.
        scratch: Folder for the states of unfinished trainings.
    """

    arm: str
    settings: Tune
    space: Space
    images: Callable[[Member], Path]
    folds: list[Fold]
    known: np.ndarray
    compute: Compute
    scratch: Path

    def run(self, study: SharedStudy, pool: Workers) -> list[Done]:
        """Propose all trials and wait until they are done, working on them as well with a pool of processes."""
        count, batch = self.settings.trial_count, self.settings.batch
        for start in range(0, count, batch):
            stop = min(start + batch, count)
            for number in range(study.proposed(), stop):
                study.propose(self._proposal(number, study.done()))
            self.work(study, pool, partial(_has, study, stop))
        study.end()
        return study.done()

    def work(self, study: SharedStudy, pool: Workers, is_over: Callable[[], bool]) -> None:
        """Run trials that nobody works on, several at a time, until something is the case.

        Raises:
            WorkerKilledError: If the process of a trial was killed.
        """
        running: dict[Future[Outcome], int] = {}
        try:
            while running or not is_over():
                while len(running) < pool.count and (claimed := study.claim()):
                    number, options = claimed
                    running[pool.submit(run_trial, self._trial(number, options, study))] = number
                if not running:  # others work on all that is left
                    time.sleep(POLL)
                done, _ = wait(running, BEAT, FIRST_COMPLETED)
                for future in done:
                    outcome, number = future.result(), running.pop(future)
                    study.finish(number, outcome, len(self.folds))
                    remove(self.scratch / str(number))
                    print(_line(self.arm, number, outcome, len(self.folds)), flush=True)
                study.beat()
        except BrokenExecutor as error:
            killed = sorted(number for future, number in running.items() if future.done() and future.exception())
            raise WorkerKilledError(
                f"{self.arm}: a worker process was killed, most likely for want of memory, at work on trial "
                f"{', '.join(map(str, killed))}: {pool.advice}; finished trials are kept"
            ) from error

    def testing(self, fold: Fold) -> "Search":
        """The same trials, trained on the training split and scored on the test split, which nothing is chosen by."""
        return replace(self, folds=[fold], known=np.empty(0, bool), scratch=self.scratch.with_name("tests"))

    def _trial(self, number: int, options: Options, study: SharedStudy) -> Trial:
        member, searching = self.space.member(options), len(self.known) > 0
        earlier = self._earlier(number, study.done()) if searching and self.settings.prune else []
        return Trial(
            number,
            self.images(member),
            member.detector,
            member.arm.detector(member.detector),
            self.folds,
            self.known if searching else None,
            self.compute,
            self.scratch / str(number),
            [trial.means() for trial in earlier if trial.state == "complete"],
        )

    def _earlier(self, number: int, done: list[Done]) -> list[Done]:
        """The trials of earlier batches: what a trial may know, whoever is faster in its own batch."""
        return [trial for trial in done if trial.number < number // self.settings.batch * self.settings.batch]

    def _proposal(self, number: int, done: list[Done]) -> Options:
        """What to try next: a function of the seed, the number and earlier batches."""
        if self.settings.sampler == "grid":
            return self.space.members[number].options
        known = self._earlier(number, done)
        tried = [trial.options for trial in known]
        for earlier in range(len(known), number):  # of this batch, so that nothing is tried twice
            tried.append(self._untried(earlier, known, tried))
        return self._untried(number, known, tried)

    def _untried(self, number: int, known: list[Done], tried: list[Options]) -> Options:
        for attempt in range(ATTEMPTS):
            seed = derived_seed(self.settings.seed, self.arm, str(number), str(attempt)) % 2**32
            options = sampled(self.space, self.settings.sampler, seed, known)
            if options not in tried:
                return options
        left = [member.options for member in self.space.members if member.options not in tried]
        return left[int(generator(self.settings.seed, self.arm, str(number), "left").integers(len(left)))]


def sampled(space: Space, sampler: str, seed: int, known: list[Done]) -> Options:
    """Ask one of Optuna's samplers.

    Args:
        space: What may be chosen.
        sampler: ``random`` or ``tpe``.
        seed: The sampler's.
        known: The trials that it may learn from.
    """
    distributions = {
        name: optuna.distributions.CategoricalDistribution(options) for name, options in space.choices.items()
    }
    kinds = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    study = optuna.create_study(direction="maximize", sampler=kinds[sampler](seed=seed))
    study.add_trials(
        [
            optuna.trial.create_trial(
                value=trial.means()[-1], params=dict(trial.options), distributions=dict(distributions)
            )
            for trial in known
            if trial.state == "complete"
        ]
    )
    return dict(study.ask(dict(distributions)).params)


def _has(study: SharedStudy, count: int) -> bool:
    return len(study.done()) >= count


def _line(arm: str, number: int, outcome: Outcome, folds: int) -> str:
    if outcome.reason:
        return f"{arm}: trial {number} failed: {outcome.reason}"
    if "roc_auc" not in outcome.folds[0]:
        return f"{arm}: test {number}: trained on all normals and scored"
    text = ", ".join(f"{name} {np.mean([fold[name] for fold in outcome.folds]):.4f}" for name in Figures._fields)
    done = len(outcome.folds)
    return f"{arm}: trial {number}: {text}{'' if done == folds else f', given up after {done} of {folds} folds'}"
