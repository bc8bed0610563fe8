import json

import pytest

from pipeline.detectors.dpa.settings import DpaSettings, EarlyStopping
from tests.detectors.conftest import with_loss


def test_processes_share_each_batch_evenly_and_no_critic(tiny_train: DpaSettings) -> None:
    tiny_train.check_processes(4)
    with_loss(tiny_train, adversarial=0.1).check_processes(1)
    with pytest.raises(ValueError, match=r"schedule: the batch_size 8 at 8 px is not divided by compute\.processes, 3"):
        tiny_train.check_processes(3)
    with pytest.raises(ValueError, match=r"loss\.adversarial needs compute\.processes 1"):
        with_loss(tiny_train, adversarial=0.1).check_processes(2)


def test_a_final_training_lasts_as_long_as_the_folds_did_on_average(tiny_train: DpaSettings) -> None:
    stopping = EarlyStopping(patience=1, least_improvement=0.0)
    stopped = tiny_train.model_copy(update={"early_stopping": stopping})
    # 6 iterations at 8 px and 4 of the transition come before the last stable phase
    assert stopped.lasting([20, 31]) == {"schedule": {"last": {"stable": 16}}, "grow": True, "early_stopping": None}
    assert stopped.lasting([3]) == {"schedule": {"last": {"stable": 1}}, "grow": True, "early_stopping": None}
    alone = stopped.model_copy(update={"grow": False})
    assert alone.lasting([20, 31]) == {"schedule": {"last": {"stable": 26}}, "grow": False, "early_stopping": None}


def test_without_early_stopping_a_final_training_lasts_as_the_settings_say(tiny_train: DpaSettings) -> None:
    assert tiny_train.lasting([20, 31]) == {}


def test_settings_are_written_without_the_words_of_reports(tiny_train: DpaSettings) -> None:
    assert set(json.loads(tiny_train.model_dump_json())) == set(DpaSettings.model_fields)
    assert set(tiny_train.files) < set(DpaSettings.model_fields)
