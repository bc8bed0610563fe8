"""Training in several processes, one per GPU: plain data parallelism with an unchanged global batch."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import torch
from torch import Tensor, distributed, nn
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.nn.parallel import DistributedDataParallel

from pipeline.errors import INTERRUPTED, PipelineError

# Tells a process whose it is, since its imports take longer than the life of some parents.
PARENT = "PIPELINE_PARENT"


@dataclass(frozen=True)
class Processes:
    """The processes of one training, as one of them sees them.

    Attributes:
        rank: Number of this process, from 0; the first one writes files and speaks to the user.
        count: Number of processes.
    """

    rank: int = 0
    count: int = 1

    def share(self, batches: Tensor) -> Tensor:
        """Take this process's part of each batch, (…, n); all processes draw the same batches."""
        return batches[..., self.rank :: self.count]

    def mean(self, value: Tensor) -> Tensor:
        """Average a tensor over the processes."""
        if self.count > 1:
            value = value.clone()
            distributed.all_reduce(value)
            value /= self.count
        return value

    def first(self, value: Tensor) -> Tensor:
        """Return the first process's tensor in all of them."""
        if self.count > 1:
            value = value.clone()
            distributed.broadcast(value, 0)
        return value

    def first_bytes(self, content: bytes, device: torch.device) -> bytes:
        """Return the first process's bytes in all of them, which need not have any; by way of their device."""
        if self.count == 1:
            return content
        length = int(self.first(torch.tensor(len(content), device=device)))
        own = bytearray(content if self.rank == 0 else length)
        return self.first(torch.tensor(own, dtype=torch.uint8, device=device)).cpu().numpy().tobytes()

    def parallel(self, network: nn.Module) -> nn.Module:
        """Return the network with gradients averaged over the processes."""
        # Blocks that a step leaves out get no gradient.
        return DistributedDataParallel(network, find_unused_parameters=True) if self.count > 1 else network


def is_launched() -> bool:
    """Whether this process was started by torchrun."""
    return "LOCAL_RANK" in os.environ


def launch(count: int, module: str, *arguments: str) -> None:
    """Run a stage in several processes by torchrun; whoever stops this process stops them all.

    Raises:
        PipelineError: If one of them was killed.
        KeyboardInterrupt: If this process was told to stop.
        SystemExit: If one of them failed, which has said why.
    """
    from torch.distributed import run  # noqa: PLC0415  (takes a while to import, and few need it)

    logging.disable()  # a page of each failure
    try:
        run.main(["--standalone", f"--nproc-per-node={count}", "-m", module, *arguments])
    except SignalException as error:
        raise KeyboardInterrupt from error
    except ChildFailedError as error:
        if any(failure.exitcode < 0 for failure in error.failures.values()):
            raise PipelineError(
                f"{module} {' '.join(arguments)}: one of {count} processes was killed, most likely for want of memory: "
                "lower compute.processes or the batch_size and run again; training goes on where it was"
            ) from error
        sys.exit(1)


def end_with_parent() -> None:
    """End this process soon after the one that started it, however that ended: what is killed cannot say goodbye.

    Else it would train on beside the process that the user starts next.
    """
    parent = int(os.environ.pop(PARENT, os.getppid()))  # not for the processes that this one starts
    Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started; alone without torchrun.

    Raises:
        PipelineError: If another one is gone.
    """
    if not is_launched():
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", device_id=device)
    else:
        distributed.init_process_group("gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    except KeyboardInterrupt:
        # At once: torch's threads, which wait for the others, may abort a process that ends, with a word of theirs.
        os._exit(INTERRUPTED)
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise PipelineError(
            "another process of this training, or its machine, is gone: run again, on every node; training goes on "
            "where it was"
        ) from None
    # Not after an error: it would wait for the others, which wait for this one.
    distributed.destroy_process_group()
