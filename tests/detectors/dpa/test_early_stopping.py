import torch
from torch import nn

from pipeline.detectors.dpa.early_stopping import Best
from pipeline.detectors.dpa.settings import EarlyStopping

SETTINGS = EarlyStopping(patience=2, least_improvement=0.1)


def network(value: float) -> nn.Module:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def test_training_is_over_when_more_than_patience_reports_brought_nothing_better() -> None:
    best = Best(SETTINGS)
    over = []
    for report, loss in enumerate((1.0, 0.8, 0.75, 0.9, 0.71), 1):
        best.see(loss, network(loss), 10 * report)
        over.append(best.is_over)
    assert over == [False, False, False, False, True]
    assert best.iteration == 20


def test_the_best_weights_come_back_and_not_those_of_a_smaller_improvement() -> None:
    best, last = Best(SETTINGS), network(0.75)
    for loss in (1.0, 0.8, 0.75):
        best.see(loss, network(loss), 10)
    best.restore(last)
    assert last.get_parameter("weight").item() == torch.tensor(0.8).item()


def test_without_early_stopping_nothing_is_remembered() -> None:
    best, last = Best(None), network(3.0)
    for loss in (1.0, 2.0, 2.0, 2.0, 2.0):
        best.see(loss, network(loss), 10)
    best.restore(last)
    assert not best.is_over
    assert last.get_parameter("weight").item() == 3


def test_it_goes_on_from_its_state() -> None:
    best = Best(SETTINGS)
    for loss in (1.0, 2.0, 2.0):
        best.see(loss, network(loss), 10)
    other = Best(SETTINGS)
    other.load_state(best.state())
    other.see(2.0, network(2.0), 40)
    assert other.is_over
    assert (other.loss, other.iteration) == (1.0, 10)
