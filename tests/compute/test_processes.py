import torch

from pipeline.compute.processes import Processes


def test_processes_share_every_batch_evenly() -> None:
    batch = torch.arange(6)
    shares = [Processes(rank, 2).share(batch).tolist() for rank in range(2)]
    assert shares == [[0, 2, 4], [1, 3, 5]]


def test_alone_nothing_is_shared_or_averaged() -> None:
    alone, network = Processes(), torch.nn.Linear(1, 1)
    assert alone.share(torch.arange(3)).tolist() == [0, 1, 2]
    assert alone.mean(torch.tensor(2.0)).item() == 2
    assert alone.parallel(network) is network
