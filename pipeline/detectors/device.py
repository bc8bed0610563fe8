"""The one place that knows about devices, threads and determinism."""

import os

import torch

from pipeline.errors import PipelineError
from pipeline.params.compute import Compute


def prepare_device(compute: Compute) -> torch.device:
    """Choose the device and make repeated runs on it give the same numbers.

    On a CPU the number of threads is fixed, since sums are split among threads. On CUDA a few backward passes
    (nearest upsampling among them) have no deterministic form; torch warns when one is used.

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
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name = next(n for n, there in present.items() if there) if compute.device == "auto" else compute.device
    if not present[name]:
        raise PipelineError(
            f"params.yaml: compute.device is {name}, which this machine does not offer; use auto or cpu"
        )
    return torch.device(name)
