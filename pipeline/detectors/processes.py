"""Training in several processes, one per GPU: plain data parallelism with an unchanged global batch."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


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

    def parallel(self, network: nn.Module) -> nn.Module:
        """Return the network with gradients averaged over the processes."""
        # During growth some blocks wait for their resolution and get no gradient.
        return DistributedDataParallel(network, find_unused_parameters=True) if self.count > 1 else network


def is_launched() -> bool:
    """Whether this process was started by torchrun."""
    return "LOCAL_RANK" in os.environ


def launch(count: int, module: str, *arguments: str) -> NoReturn:
    """Become torchrun, which runs a stage in several processes; so whoever stops this process stops them all."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    os.execv(sys.executable, [*torchrun, "-m", module, *arguments])  # noqa: S606  (our own stage)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started; alone without torchrun."""
    if not is_launched():
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        distributed.init_process_group("nccl", device_id=device)
    else:
        distributed.init_process_group("gloo")
    yield Processes(distributed.get_rank(), distributed.get_world_size())
    # Not after an error: it would wait for the others, which wait for this one.
    distributed.destroy_process_group()
