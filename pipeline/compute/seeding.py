"""Random generators that depend on a seed and stable names only."""

import hashlib

import numpy as np


def derived_seed(seed: int, *names: str) -> int:
    """Return a 63-bit seed for one purpose of one item.

    Drawing from (seed, name) instead of from one shared stream keeps every item's draw independent of the
    order of a listing, the number of workers and the presence of other items.

    Args:
        seed: The seed from the parameters.
        *names: Stable names, such as the purpose and a slide's file name.

    Returns:
        An integer in [0, 2**63).
    """
    text = "\0".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a numpy generator seeded by :func:`derived_seed`.

    Example:
        >>> first, second = (generator(0, "tiles", "normal_001").integers(100) for _ in range(2))
        >>> bool(first == second)
        True
    """
    return np.random.default_rng(derived_seed(seed, *names))
