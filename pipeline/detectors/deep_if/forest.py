"""An isolation forest as arrays (Liu, Ting & Zhou 2008), so that it is read without unpickling anything."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.tree import DecisionTreeRegressor


@dataclass(frozen=True)
class Forest:
    """Trees whose nodes stand one after the other; scores are those of scikit-learn.

    Attributes:
        start: The root of each tree, int64 (trees,).
        left: Where a node's lower side goes on, int64 (nodes,); −1 at a leaf.
        right: Where its other side goes on.
        feature: Which feature it cuts.
        threshold: Where; the lower side holds what is at most that, float64 (nodes,).
        length: What a leaf adds to the path of a sample that ends there: its depth, and the mean depth of a tree of
            as many training samples as ended there, float64 (nodes,).
        samples: Training samples of each tree, int64 (1,).
    """

    start: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    length: np.ndarray
    samples: np.ndarray

    @classmethod
    def grown(cls, features: np.ndarray, trees: int, samples: int, seed: int) -> Self:
        """Grow a forest.

        Args:
            features: float32 (N, D).
            trees: How many.
            samples: Rows that each is grown on, at most.
            seed: Of all draws.
        """
        size = min(samples, len(features))
        forest = IsolationForest(n_estimators=trees, max_samples=size, random_state=seed).fit(features)
        counts = [tree.tree_.node_count for tree in forest.estimators_]
        start = np.cumsum([0, *counts[:-1]])
        nodes = [_nodes(tree, first) for tree, first in zip(forest.estimators_, start, strict=True)]
        left, right, feature, threshold, length = (np.concatenate(values) for values in zip(*nodes, strict=True))
        return cls(start, left, right, feature, threshold, length, np.array([size]))

    def score(self, features: np.ndarray) -> np.ndarray:
        """How easily samples are isolated.

        Args:
            features: float32 (N, D).

        Returns:
            float64 (N,), 2^(−E(h)/c(n)) in (0, 1): equation 2 of Liu, Ting & Zhou, the negative of scikit-learn's
            ``score_samples``.
        """
        path, rows = np.zeros(len(features)), np.arange(len(features))
        for root in self.start:
            node = np.full(len(features), root)
            while (inner := self.left[node] >= 0).any():
                at = node[inner]
                low = features[rows[inner], self.feature[at]] <= self.threshold[at]
                node[inner] = np.where(low, self.left[at], self.right[at])
            path += self.length[node]
        return np.asarray(2 ** (-path / (len(self.start) * mean_path_length(self.samples)[0])))

    def check(self, features: int) -> None:
        """Check that each path from a root leads to a leaf, which it does where children stand behind their parents.

        Args:
            features: How many a sample has.

        Raises:
            ValueError: If one leads elsewhere, or trees were grown on less than two samples.
        """
        nodes, inner = np.arange(len(self.left)), self.left >= 0
        onward = [((nodes < child) & (child < len(nodes)))[inner] for child in (self.left, self.right)]
        known = [(at >= 0) & (at < most) for at, most in ((self.start, len(nodes)), (self.feature, features))]
        if self.samples[0] < 2 or not np.concatenate([*onward, *known]).all():
            raise ValueError("these are no trees")

    def arrays(self) -> dict[str, np.ndarray]:
        """What :class:`Forest` is made of, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def mean_path_length(samples: np.ndarray) -> np.ndarray:
    """Mean depth of an unsuccessful search in a binary tree of n samples, c(n) of equation 1 (Liu, Ting & Zhou)."""
    n = np.asarray(samples, np.float64)
    above = np.maximum(n, 3) - 1
    long = 2 * (np.log(above) + np.euler_gamma) - 2 * above / (above + 1)
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, long))


def _nodes(tree: DecisionTreeRegressor, start: int) -> tuple[np.ndarray, ...]:
    """Left, right, feature, threshold and length of a tree's nodes, which stand from ``start`` on."""
    grown = tree.tree_
    leaf = grown.children_left < 0
    depth = np.zeros(grown.node_count)
    for node in np.flatnonzero(~leaf):  # parents stand before their children
        depth[[grown.children_left[node], grown.children_right[node]]] = depth[node] + 1
    left, right = (
        np.where(leaf, -1, child + start).astype(np.int64) for child in (grown.children_left, grown.children_right)
    )
    length = np.where(leaf, depth + mean_path_length(grown.n_node_samples), 0.0)
    return left, right, np.maximum(grown.feature, 0).astype(np.int64), grown.threshold.astype(np.float64), length
