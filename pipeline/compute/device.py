"""The one place that knows about devices: which one, its precision, its memory, threads and determinism."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from pipeline.compute.processes import Processes, is_launched, joined
from pipeline.compute.remembered import Remembered
from pipeline.errors import PipelineError
from pipeline.layout import FEATURES
from pipeline.params.compute import Compute

GIB = 2**30

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Workplace:
    """Where a detector computes.

    Attributes:
        device: The device.
        room: Bytes that training images and their features may take there.
        compiles: Whether torch compiles what a training step computes.
        processes: Those that train together.
        features: Folder where features of frozen networks are kept for others that see alike; None keeps none.
        remembered: What frozen networks answered to single images, for whoever fits to parts of them again and again;
            None remembers nothing.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    room: int = 6 * GIB
    compiles: bool = False
    processes: Processes = field(default_factory=Processes)
    features: Path | None = None
    remembered: Remembered | None = None

    def precision(self, wanted: str) -> torch.dtype:
        """The precision of a frozen network in training: the wanted one where the device is fast in it."""
        return torch.bfloat16 if wanted == "bfloat16" and _fast_in_bfloat16(self.device) else torch.float32

    def compiled(self, function: Function) -> Function:
        """Return a function as torch compiles it, if it is to; afresh for every phase, whose shapes differ."""
        if not self.compiles:
            return function
        torch.compiler.reset()
        return cast(Function, torch.compile(function, dynamic=False))

    def of_first(self, content: bytes) -> bytes:
        """Return the bytes that the first of the processes which train together has."""
        return self.processes.first_bytes(content, self.device)

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else f"{self.device.type}"
        return name if self.processes.count == 1 else f"{self.processes.count} processes on {name}"

    def memory(self) -> str:
        """Say how much of a GPU was needed at most; nothing elsewhere."""
        if self.device.type != "cuda":
            return ""
        return f", {torch.cuda.max_memory_allocated(self.device) / GIB:.1f} GiB of GPU memory at most"


@contextmanager
def workplace(compute: Compute) -> Iterator[Workplace]:
    """Prepare the device for training and join the processes that train together, if there are several.

    Raises:
        PipelineError: If torchrun started another number of processes, there are fewer GPUs than processes on this
            machine, or torch shall compile for another device than CUDA.
    """
    device, started = prepare_device(compute), int(os.environ.get("WORLD_SIZE", "1"))
    if is_launched() and started != compute.processes:
        raise PipelineError(
            f"torchrun started {started} processes, but this training takes {compute.processes}: nodes times processes "
            "of a node have to be compute.processes of params.yaml, and 1 for a detector that cannot share its batches"
        )
    if compute.compile:
        if device.type != "cuda":
            raise PipelineError(f"params.yaml: compute.compile is for CUDA, and this is {device.type}: set it to false")
        torch.use_deterministic_algorithms(True, warn_only=True)  # tells the compiler, too
    if compute.processes > 1 and device.type != "cpu":
        here = int(os.environ.get("LOCAL_WORLD_SIZE", compute.processes))  # fewer than all with several nodes
        if device.type == "mps" or torch.cuda.device_count() < here:
            raise PipelineError(
                f"params.yaml: compute.processes is {compute.processes}, but this machine has "
                f"{torch.cuda.device_count()} CUDA devices for {here} processes: each needs one of its own"
            )
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    with joined(device) as processes:
        yield Workplace(device, int(compute.memory * GIB), compute.compile, processes, FEATURES)


def prepare_device(compute: Compute) -> torch.device:
    """Choose the device and make repeated runs on it give the same numbers.

    On a CPU the number of threads is fixed, since sums are split among threads. On CUDA a few operations (the backward
    pass of bilinear upsampling, for one) have no deterministic form; torch warns when one is used.

    Args:
        compute: Device, threads.

    Returns:
        The device.

    Raises:
        PipelineError: If the device that was asked for is not there.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(compute.threads)
    # As use_deterministic_algorithms(warn_only=True), which imports the compiler for two seconds.
    torch.set_deterministic_debug_mode("warn")
    torch.backends.cudnn.benchmark = False
    # What is said to be float32 shall be: no rounding of factors to 10 bits.
    torch.backends.cudnn.allow_tf32 = False
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name = next(n for n, there in present.items() if there) if compute.device == "auto" else compute.device
    if not present[name]:
        raise PipelineError(
            f"params.yaml: compute.device is {name}, which this machine does not offer; use auto or cpu"
        )
    return torch.device(name)


def device_of_worker(compute: Compute, number: int) -> torch.device:
    """Choose the device of one of several processes that train apart; see :func:`prepare_device`.

    Args:
        compute: Device, threads.
        number: The process's, counted from any number; on CUDA they take turns with the GPUs.
    """
    device = prepare_device(compute)
    return torch.device("cuda", number % torch.cuda.device_count()) if device.type == "cuda" else device


def _fast_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False
