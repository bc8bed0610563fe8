import numpy as np
import pytest

from pipeline.evaluation.calibration import Calibration
from pipeline.evaluation.false_alarms import false_alarms


def test_the_range_of_the_false_alarm_rate_holds_what_is_found() -> None:
    draws, alpha, rates = np.random.default_rng(1), 0.1, []
    expected = false_alarms(49, alpha)
    assert expected is not None
    for _ in range(1000):
        known = Calibration(np.sort(draws.uniform(size=49)))
        threshold = known.threshold(alpha)
        assert threshold is not None
        rates.append(1 - threshold)  # of uniform scores
    assert np.mean(rates) == pytest.approx(expected.expected, abs=0.005)
    assert np.mean((np.array(rates) >= expected.low) & (np.array(rates) <= expected.high)) == pytest.approx(
        0.95, abs=0.03
    )


@pytest.mark.parametrize(("count", "there"), [(18, False), (19, True)])
def test_there_is_no_rate_where_nothing_is_ever_flagged(count: int, there: bool) -> None:
    assert (false_alarms(count, 0.05) is not None) is there
