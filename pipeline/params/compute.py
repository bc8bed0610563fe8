"""The section ``compute``."""

from typing import Literal, Self

from pydantic import Field

from pipeline.params.base import Processes, Settings, Weight


class Compute(Settings):
    """Where and how wide the work runs."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field(description="`auto` takes CUDA, then MPS, then the CPU.")
    threads: Processes = Field(
        description="Threads of a training process on a CPU; fixed, since sums depend on it in the last digits. More "
        "than 1 is for an idle machine: threads wait for each other by spinning."
    )
    processes: Processes = Field(
        description="Processes of one training, one per GPU (started by torchrun); each batch is shared among them, so "
        "it stays as large as it is. A detector that cannot share its batches trains in one of them."
    )
    memory: Weight = Field(
        description="GiB of images and perceptual features that a training keeps on its device; images beyond that are "
        "read from the file for each batch, features computed anew."
    )
    compile: bool = Field(
        description="Whether torch compiles the training step; on CUDA only, since it is slower on a few CPU cores."
    )
    workers: Processes = Field(
        description="Processes for slides and X-rays; changes no byte. The environment variable `PIPELINE_WORKERS` "
        "overrides it on one machine; with `PIPELINE_SCHEDULER` a cluster's workers take their place, see scaling.md."
    )
    trials: Processes = Field(
        description="Trainings of a search at once, each on one thread, or on the GPUs in turn; changes no byte."
    )

    @property
    def alone(self) -> Self:
        """The same for one process."""
        return self.model_copy(update={"processes": 1})
