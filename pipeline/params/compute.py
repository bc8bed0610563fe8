"""The section ``compute``."""

from typing import Literal

from pipeline.params.base import Positive, Settings, Weight


class Compute(Settings):
    """Where and how wide the work runs."""

    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: Positive
    processes: Positive
    memory: Weight
    compile: bool
    workers: Positive
    trials: Positive
