import pytest
import torch

from pipeline.detectors.device import prepare_device
from pipeline.errors import PipelineError
from pipeline.params.compute import Compute


def test_the_number_of_threads_is_the_given_one() -> None:
    before = torch.get_num_threads()
    assert prepare_device(Compute(device="cpu", threads=1, workers=1)) == torch.device("cpu")
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)


def test_algorithms_are_deterministic_where_there_is_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    prepare_device(Compute(device="cpu", threads=2, workers=1))
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_is_the_fastest_device_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, chosen: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert prepare_device(Compute(device="auto", threads=2, workers=1)).type == chosen


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(PipelineError, match=r"compute\.device is cuda"):
        prepare_device(Compute(device="cuda", threads=1, workers=1))
