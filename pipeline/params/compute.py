"""The section ``compute``."""

from typing import Literal

from pipeline.params.base import Positive, Settings


class Compute(Settings):
    """Where and how wide the work runs."""

    device: Literal["auto", "cpu", "cuda", "mps"]
    threads: Positive
    workers: Positive
