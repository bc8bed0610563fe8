"""The patches that stand for all others: greedy k-centre (Sener & Savarese 2018) in a random projection."""

import numpy as np
import torch
from torch import Tensor

ACTIVE = 1024  # points among which is chosen: few enough for a processor's cache


def even_sample(
    images: int, first: int, last: int, positions: int, most: int, draws: np.random.Generator
) -> list[np.ndarray]:
    """Draw which positions of some images are candidates.

    Args:
        images: All training images.
        first: The first one that is drawn for.
        last: The one after the last.
        positions: Of each image.
        most: Candidates of all images together, at most; images give equally many, or one more or less.
        draws: Where the draws come from.

    Returns:
        For each image the positions int64, rising.
    """
    most = min(most, images * positions)
    counts = np.diff([number * most // images for number in range(first, last + 1)])
    return [np.sort(draws.choice(positions, count, replace=False)) for count in counts]


def projected(points: np.ndarray, dimension: int, draws: np.random.Generator) -> np.ndarray:
    """Project points float32 (m, D) to fewer numbers, which nearly keeps their distances; few enough stay.

    Returns:
        float32 (m, dimension).
    """
    columns = points.shape[1]
    if columns <= dimension:
        return points
    directions = draws.uniform(-1, 1, (columns, dimension)) / np.sqrt(columns)
    # By torch, whose threads are set: how many there are decides about the last digits.
    return (torch.from_numpy(points) @ torch.from_numpy(directions).float()).numpy()


def k_centre(points: np.ndarray, count: int, first: int, device: torch.device) -> tuple[np.ndarray, float]:
    """Choose points so that no other is far from all chosen ones: each is the farthest from those before it.

    The distance of a point to the chosen ones only falls, so what it was some choices ago is a bound. Only those whose
    bounds are highest are brought up to date, for many choices at once; among these the farthest is chosen for as long
    as it is beyond the bounds of all others.

    Args:
        points: float32 (m, D).
        count: How many to choose, at most m.
        first: The one to begin with.
        device: Where to compute.

    Returns:
        Their numbers in the order of choice, int64 (count,), and the largest distance of any point to the nearest.
    """
    rows = torch.from_numpy(points - points.mean(0)).to(device)  # far from the origin, products lose digits
    chosen = torch.empty(count + 1, dtype=torch.int64, device=device)  # and the one that would be next
    chosen[0], done = first, 1
    bounds = _squared_distances(rows, rows[chosen[:1]])[:, 0]
    bounds[first] = farthest = -torch.inf  # never again, even where all others are its equals
    known = torch.ones(len(rows), dtype=torch.int64, device=device)  # how many choices a bound knows of
    while done <= min(count, len(rows) - 1):
        highest, active = bounds.topk(min(ACTIVE, len(rows)))
        others = float(highest[-1]) if len(active) < len(rows) else -torch.inf
        unknown, mine = rows[chosen[int(known[active].min()) : done]], rows[active]
        near = torch.minimum(highest, _squared_distances(mine, unknown).amin(1)) if len(unknown) else highest
        while done <= min(count, len(rows) - 1) and not (farthest := float(near.max())) < others:  # true of NaN, too
            at = near.argmax()
            chosen[done], done = active[at], done + 1
            near = torch.minimum(near, _squared_distances(mine, mine[at : at + 1])[:, 0])
            near[at] = -torch.inf
        bounds[active], known[active] = near, done
    return chosen[:count].cpu().numpy(), max(farthest, 0.0) ** 0.5 if count < len(rows) else 0.0


def _squared_distances(rows: Tensor, others: Tensor) -> Tensor:
    """(n, m) of rows (n, D) and others (m, D)."""
    lengths = rows.square().sum(1, keepdim=True) + others.square().sum(1)
    return torch.addmm(lengths, rows, others.T, alpha=-2)
