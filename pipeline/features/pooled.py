"""What is done with pooled features before a distance."""

import numpy as np


def unit_length(features: np.ndarray) -> np.ndarray:
    """Divide each row by its Euclidean length: float32 (N, D) to the same; a row of zeros stays."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    divided: np.ndarray = np.divide(features, length, out=np.zeros_like(features), where=length > 0)
    return divided
