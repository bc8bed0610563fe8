"""The nearest of many features, exactly."""

import numpy as np
import torch
from torch import Tensor

QUERIES, BANK = 1024, 16_384  # rows of one block of distances: 64 MiB of float32
SPARE = 4  # candidates beyond k, since those that are equally near within rounding are told apart afterwards


def nearest(queries: np.ndarray, bank: np.ndarray, k: int, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest rows of a bank by Euclidean distance.

    Candidates come from float32 products, which is fast; their distances are then taken in float64 from differences, so
    that a row of the bank is at distance 0 from itself and a query's result does not depend on the others.

    Args:
        queries: float32 (n, D).
        bank: float32 (m, D), at least k rows.
        k: How many.
        device: Where to compute the products.

    Returns:
        Distances float64 (n, k), rising, and the rows of the bank int64 (n, k).
    """
    centre = bank.mean(0, dtype=np.float64).astype(np.float32)  # far from the origin, products lose digits
    rows = torch.from_numpy(bank - centre).to(device)
    lengths = (rows**2).sum(1)
    distances, indices = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), QUERIES):
        block = slice(start, start + QUERIES)
        wanted = torch.from_numpy(queries[block] - centre).to(device)
        candidates = _candidates(wanted, rows, lengths, min(k + SPARE, len(bank))).cpu().numpy()
        exact = _exact(queries[block], bank, candidates)
        order = np.lexsort((candidates, exact))[:, :k]  # of equally near ones the first of the bank
        distances[block] = np.take_along_axis(exact, order, 1)
        indices[block] = np.take_along_axis(candidates, order, 1)
    return distances, indices


def _candidates(wanted: Tensor, rows: Tensor, lengths: Tensor, count: int) -> Tensor:
    """Indices int64 (n, count) of the smallest |b|² − 2ab, which orders as |a − b|² does."""
    best, indices = wanted.new_empty((len(wanted), 0)), lengths.new_empty((len(wanted), 0), dtype=torch.int64)
    for start in range(0, len(rows), BANK):
        part = rows[start : start + BANK]
        values, found = torch.addmm(lengths[start : start + BANK], wanted, part.T, alpha=-2).topk(
            min(count, len(part)), largest=False
        )
        best, indices = torch.cat([best, values], 1), torch.cat([indices, found + start], 1)
        best, kept = best.topk(min(count, best.shape[1]), largest=False)
        indices = indices.gather(1, kept)
    return indices


def _exact(queries: np.ndarray, bank: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Distances float64 (n, count) of queries (n, D) to their candidates."""
    exact = np.empty(candidates.shape)
    for column, rows in enumerate(candidates.T):
        difference = bank[rows].astype(np.float64) - queries
        exact[:, column] = np.sqrt(np.einsum("nd,nd->n", difference, difference))
    return exact
