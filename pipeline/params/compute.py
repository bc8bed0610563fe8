"""The section ``compute``."""

from typing import Literal

from pipeline.params.base import Processes, Settings, Weight


class Compute(Settings):
    """Where and how wide the work runs."""

    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: Processes
    processes: Processes
    memory: Weight
    compile: bool
    workers: Processes
    trials: Processes
