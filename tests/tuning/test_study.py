from pathlib import Path

import optuna
import pytest

from pipeline.errors import PipelineError
from pipeline.tuning import study as study_module
from pipeline.tuning.outcomes import Outcome
from pipeline.tuning.study import SharedStudy

CHOICES = {"latent": ("4", "16"), "rate": ("low", "high")}
OPTIONS = [{"latent": latent, "rate": rate} for latent in CHOICES["latent"] for rate in CHOICES["rate"]]


@pytest.fixture(params=["journal", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "study.log") if request.param == "journal" else f"sqlite:///{tmp_path / 'study.db'}"


def opened(storage: str, owner: str = "lead", key: str = "k") -> SharedStudy:
    return SharedStudy(storage, "arm", key, CHOICES, owner)


def outcome(*areas: float, reason: str = "") -> Outcome:
    folds = [{"scores": [0.1, 0.25], "iterations": 7, "roc_auc": a, "loss": 0.5, "aucp": 0.6} for a in areas]
    return Outcome(folds, reason)


def test_trials_are_claimed_in_the_order_of_proposals_and_once(storage: str) -> None:
    lead, helper = opened(storage), opened(storage, "helper")
    for options in OPTIONS[:3]:
        lead.propose(options)
    assert lead.proposed() == 3
    assert [lead.claim(), helper.claim(), lead.claim()] == [(k, OPTIONS[k]) for k in range(3)]
    assert (lead.claim(), helper.claim()) == (None, None)


def test_what_came_out_is_kept_whole(storage: str) -> None:
    study = opened(storage)
    for options in OPTIONS[:2]:
        study.propose(options)
        assert study.claim() is not None
    study.finish(1, outcome(0.5), folds=3)
    study.finish(0, outcome(0.6, 0.7, 0.8), folds=3)
    whole, pruned = opened(storage).done()
    assert (whole.number, whole.options, whole.state) == (0, OPTIONS[0], "complete")
    assert whole.folds == outcome(0.6, 0.7, 0.8).folds
    assert whole.means() == pytest.approx([0.6, 0.65, 0.7])
    assert (pruned.number, pruned.state) == (1, "pruned")


def test_a_trial_that_failed_is_done_too_and_says_why(storage: str) -> None:
    study = opened(storage)
    for options in OPTIONS[:2]:
        study.propose(options)
        study.claim()
    study.finish(0, outcome(reason="the loss is inf"), folds=3)
    study.finish(1, outcome(0.7, reason="the loss is nan"), folds=3)
    first, second = opened(storage).done()
    assert (first.state, first.reason, first.folds) == ("failed", "the loss is inf", [])
    assert (second.state, second.reason, second.means()) == ("failed", "the loss is nan", [0.7])


def test_optuna_itself_sees_values_parameters_and_states(storage: str) -> None:
    study = opened(storage)
    study.propose(OPTIONS[2])
    study.claim()
    study.finish(0, outcome(0.6, 0.8), folds=2)
    (trial,) = study._study.trials
    assert trial.params == OPTIONS[2]
    assert (trial.value, trial.intermediate_values) == (pytest.approx(0.7), {0: 0.6, 1: pytest.approx(0.7)})
    assert trial.state == optuna.trial.TrialState.COMPLETE


def test_a_lead_that_was_killed_takes_its_trials_up_again_and_no_others(storage: str) -> None:
    killed, helper = opened(storage), opened(storage, "helper")
    for options in OPTIONS[:2]:
        killed.propose(options)
    assert killed.claim() == (0, OPTIONS[0])
    assert helper.claim() == (1, OPTIONS[1])
    again = opened(storage)
    assert again.claim() == (0, OPTIONS[0])
    assert again.claim() is None


def test_a_lead_that_was_killed_before_it_signed_its_trial_waits_for_a_moment(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper could be about to sign it."""
    killed = opened(storage)
    killed.propose(OPTIONS[0])
    (trial,) = killed._study.trials
    killed._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.RUNNING)
    assert opened(storage).claim() is None
    monkeypatch.setattr(study_module, "SIGNING", -1.0)
    assert opened(storage, "helper").claim() is None
    assert opened(storage).claim() == (0, OPTIONS[0])


def test_a_trial_of_a_helper_that_went_silent_is_taken_over(storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, helper = opened(storage), opened(storage, "helper")
    lead.propose(OPTIONS[0])
    assert helper.claim() == (0, OPTIONS[0])
    assert lead.claim() is None
    monkeypatch.setattr(study_module, "SILENCE", -1.0)
    assert lead.claim() == (0, OPTIONS[0])
    lead.finish(0, outcome(0.6), folds=1)
    helper.beat()
    helper.finish(0, outcome(0.6), folds=1)  # it was only slow
    assert len(lead.done()) == 1


def test_helpers_are_told_when_nothing_more_will_come(storage: str) -> None:
    lead, helper = opened(storage), opened(storage, "helper")
    assert not helper.has_ended()
    lead.end()
    assert helper.has_ended()


def test_a_storage_of_another_search_is_refused(storage: str) -> None:
    opened(storage).propose(OPTIONS[0])
    with pytest.raises(PipelineError, match="holds another search of 'arm', with other settings, data or code"):
        opened(storage, key="other")
    assert opened(storage).proposed() == 1


def test_the_lock_of_a_process_that_was_killed_is_broken(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_module, "LOCKED", 3)
    opened("folder/study.log").propose(OPTIONS[0])
    Path("folder/study.log.lock").symlink_to((in_folder / "folder/study.log").absolute())
    assert opened("folder/study.log").claim() == (0, OPTIONS[0])


def test_half_a_line_of_a_process_that_was_killed_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    opened(str(path)).propose(OPTIONS[0])
    with path.open("a") as file:
        file.write('{"op_code":8,"worker_id":"x","tri')
    study = opened(str(path))
    study.propose(OPTIONS[1])
    assert study.claim() == (0, OPTIONS[0])
    assert opened(str(path)).proposed() == 2


@pytest.mark.parametrize("content", ["garbage\n", '{"op": "none"}\n'])
def test_a_file_that_is_no_journal_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "study.log"
    path.write_text(content)
    with pytest.raises(PipelineError, match=r"study\.log cannot be opened as a storage of Optuna \("):
        opened(str(path))


def test_a_url_is_named_without_its_password() -> None:
    with pytest.raises(PipelineError, match=r"nosuch://…host/db cannot be opened as a storage") as found:
        opened("nosuch://user:secret@host/db")
    assert "secret" not in str(found.value)
