"""The trials of a search in a storage of Optuna's, which machines can share and a killed search goes on from."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import PipelineError
from pipeline.tuning.outcomes import Done, Outcome
from pipeline.tuning.space import Options

LEAD = "lead"  # the process that proposes trials; there is one per search
LOCKED = 30  # seconds after which the lock of a killed process on a journal is broken
SIGNING = 10.0  # seconds that a claim may take until its owner is known
SILENCE = 300.0  # seconds after which a trial of another machine counts as abandoned
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


class Journal(JournalFileBackend):
    """A journal that survives a process which was killed while writing: Optuna's own stumbles over its half line."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines, after removing a last one without an end."""
        self._lock.acquire()
        try:
            with Path(self._file_path).open("rb+") as file:
                if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) and file.read(1) != b"\n":
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
        finally:
            self._lock.release()
        super().append_logs(logs)


class SharedStudy:
    """A study that is worked on by one lead and any number of helpers.

    Args:
        storage: A URL of a database, or the path of a journal file.
        name: The study's name.
        key: Everything that its results depend on.
        choices: Dimension to options.
        owner: Who works on it: :data:`LEAD`, or a helper's own name.

    Raises:
        PipelineError: If the storage cannot be opened, or holds a study of this name with another key.
    """

    def __init__(
        self, storage: str, name: str, key: str, choices: Mapping[str, Sequence[str]], owner: str = LEAD
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.choices, self.owner = choices, owner
        self._mine: dict[int, optuna.Trial] = {}
        try:
            self._storage = _open(storage)
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
            )
            stored_key = self._study.user_attrs.setdefault("key", key)
            self._study.set_user_attr("key", stored_key)
        except (ValueError, OSError, ImportError, KeyError, StorageInternalError, SQLAlchemyError) as error:
            raise PipelineError(
                f"{_nameless(storage)} cannot be opened as a storage of Optuna ({type(error).__name__}): name a "
                "journal file, or the URL of a database whose driver is installed"
            ) from error
        if stored_key != key:
            raise PipelineError(
                f"{_nameless(storage)} holds another search of {name!r}, with other settings, data or code: name "
                "another storage in the arm's file, or remove this one"
            )

    def propose(self, options: Options) -> None:
        """Add a trial that somebody may claim."""
        self._study.enqueue_trial(dict(options))

    def proposed(self) -> int:
        """How many trials there are."""
        return len(self._study.get_trials(deepcopy=False))

    def claim(self) -> tuple[int, Options] | None:
        """Take a trial that nobody works on, or that its worker has abandoned: its number and options."""
        for frozen in self._study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING)):
            with suppress(UpdateFinishedTrialError):  # another machine has just finished it
                if frozen.number not in self._mine and self._take(frozen):
                    trial = optuna.Trial(self._study, frozen._trial_id)
                    trial.set_user_attr("owner", self.owner)
                    trial.set_user_attr("alive", time.time())
                    options = {name: trial.suggest_categorical(name, of) for name, of in self.choices.items()}
                    self._mine[trial.number] = trial
                    return trial.number, options
        return None

    def beat(self) -> None:
        """Tell other machines that the claimed trials are worked on."""
        for trial in self._mine.values():
            with suppress(UpdateFinishedTrialError):  # taken over and finished while this machine stood still
                trial.set_user_attr("alive", time.time())

    def finish(self, number: int, outcome: Outcome, folds: int) -> None:
        """Write down what came out of a claimed trial.

        Args:
            number: The trial's.
            outcome: What came out.
            folds: How many there are; a trial with fewer was pruned.
        """
        trial, whole = self._mine.pop(number), len(outcome.folds) == folds
        state = TrialState.FAIL if outcome.reason else TrialState.COMPLETE if whole else TrialState.PRUNED
        judged = [fold for fold in outcome.folds if "roc_auc" in fold]
        means = Done(number, {}, judged, "").means()
        value = None if state != TrialState.COMPLETE else means[-1] if means else 0.0
        with suppress(UpdateFinishedTrialError):  # another machine took it for abandoned; the result is the same
            trial.set_user_attr("folds", outcome.folds)
            trial.set_user_attr("reason", outcome.reason)
            for fold, mean in enumerate(means):
                trial.report(mean, fold)
            self._study.tell(trial, value, state, skip_if_finished=True)

    def done(self) -> list[Done]:
        """The trials that have ended, by number."""
        return list(self._done())

    def end(self) -> None:
        """Tell the helpers that nothing more will come."""
        self._study.set_user_attr("ended", value=True)

    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return bool(self._study.user_attrs.get("ended"))

    def _done(self) -> Iterator[Done]:
        for trial in self._study.get_trials(deepcopy=False, states=tuple(STATES)):
            facts = trial.user_attrs
            yield Done(trial.number, dict(trial.params), facts["folds"], STATES[trial.state], facts["reason"])

    def _take(self, frozen: FrozenTrial) -> bool:
        if frozen.state == TrialState.WAITING:
            return bool(self._storage.set_trial_state_values(frozen._trial_id, TrialState.RUNNING))
        started: datetime | None = frozen.datetime_start
        seen = max(frozen.user_attrs.get("alive", 0.0), started.timestamp() if started else 0.0)
        silent = time.time() - seen
        if self.owner != LEAD or frozen.user_attrs.get("owner", LEAD) != LEAD:
            return bool(silent > SILENCE)
        # The lead is one process: what it claimed in an earlier life was interrupted. What has no owner may have one in
        # a moment.
        return bool("owner" in frozen.user_attrs or silent > SIGNING)


def _open(storage: str) -> BaseStorage:
    if "://" in storage:
        return RDBStorage(storage)
    # Absolute: Optuna's lock is a link to it, and what a killed process leaves of a relative one is waited for forever.
    path = Path(storage).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(Journal(str(path), JournalFileSymlinkLock(str(path), LOCKED)))


def _nameless(storage: str) -> str:
    """A storage as it may be printed: a URL can hold a password."""
    head, separator, rest = storage.partition("://")
    return f"{head}://…{rest.rpartition('@')[2]}" if separator else storage
