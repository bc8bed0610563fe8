import pytest
import torch

from pipeline.compute import device
from pipeline.compute.device import Workplace, device_of_worker, prepare_device, workplace
from pipeline.compute.processes import Processes
from pipeline.errors import PipelineError
from pipeline.params.compute import Compute


def compute(name: str = "cpu", threads: int = 2, processes: int = 1) -> Compute:
    return Compute(device=name, threads=threads, processes=processes, memory=1.0, compile=False, workers=1, trials=1)


@pytest.fixture(autouse=True)
def threads_as_before() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_number_of_threads_is_the_given_one() -> None:
    assert prepare_device(compute(threads=1)) == torch.device("cpu")
    assert torch.get_num_threads() == 1


def test_algorithms_are_deterministic_and_float32_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    prepare_device(compute())
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32


def pretend(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(1, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_is_the_fastest_device_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, chosen: str
) -> None:
    pretend(monkeypatch, cuda, mps)
    assert prepare_device(compute("auto")).type == chosen


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(PipelineError, match=r"compute\.device is cuda"):
        prepare_device(compute("cuda"))


def test_there_must_be_a_gpu_for_every_process_that_trains_but_not_to_score(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=2, mps=False)
    three = compute("auto", processes=3)
    with (
        pytest.raises(PipelineError, match=r"compute\.processes is 3, but this machine has 2 CUDA devices"),
        workplace(three),
    ):
        pass
    assert prepare_device(three) == torch.device("cuda")


def test_on_several_nodes_each_has_gpus_for_its_own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=1, mps=False)
    for name, value in {"LOCAL_RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(PipelineError, match=r"compute\.processes is 4, but this machine has 1 CUDA devices for 2 proc"),
        workplace(compute("auto", processes=4)),
    ):
        pass


def test_torchrun_has_to_start_as_many_processes_as_the_parameter_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with (
        pytest.raises(PipelineError, match=r"torchrun started 3 processes, but this training takes 2: nodes times"),
        workplace(compute(processes=2)),
    ):
        pass


def test_compiling_is_refused_where_it_is_slower() -> None:
    settings = compute().model_copy(update={"compile": True})
    with pytest.raises(PipelineError, match=r"compute\.compile is for CUDA, and this is cpu"), workplace(settings):
        pass


@pytest.mark.parametrize(
    ("capabilities", "wanted", "expected"),
    [
        ({"avx512_bf16": True}, "bfloat16", torch.bfloat16),
        ({"amx_bf16": True}, "bfloat16", torch.bfloat16),
        ({"avx512_f": True}, "bfloat16", torch.float32),
        ({"avx512_bf16": True}, "float32", torch.float32),
    ],
)
def test_the_perceptual_network_is_short_only_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], wanted: str, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert Workplace().precision(wanted) == expected


def test_on_a_gpu_the_memory_that_was_needed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda where: 3 * device.GIB)
    assert Workplace(torch.device("cuda")).memory() == ", 3.0 GiB of GPU memory at most"
    assert Workplace().memory() == ""


def test_a_workplace_is_named_in_words() -> None:
    assert str(Workplace()) == "cpu"
    assert str(Workplace(processes=Processes(1, 2))) == "2 processes on cpu"


def test_processes_that_train_apart_take_turns_with_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_of_worker(compute(), 5) == torch.device("cpu")
    monkeypatch.setattr("pipeline.compute.device.prepare_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [device_of_worker(compute(), number).index for number in range(1, 5)] == [1, 0, 1, 0]
