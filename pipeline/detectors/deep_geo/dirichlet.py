"""Dirichlet distributions of softmax answers: their maximum likelihood, and how normal others are under them."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import polygamma, psi

BLUNTEST, SHARPEST = 1e-9, 1e9  # sums of parameters: answers that are all alike would make one without end
NEWTON_STEPS = 5  # digits double in each; more change nothing
SMALLEST = 1e-6  # added to answers before their logarithm


def most_likely(mean_log: np.ndarray) -> np.ndarray:
    """Return the parameters α of the Dirichlet distribution under which samples are most likely.

    They solve ψ(α_k) = ψ(Σα) + mean log p_k (Minka 2000, *Estimating a Dirichlet distribution*). A sum s on the right
    gives every α_k on the left; what is sought is the one s that is the sum of these. Minka's fixed-point iteration
    goes there by s ← Σα_k(s), the slower the larger s is; a bracketed search always arrives.

    Args:
        mean_log: Mean of the samples' log p, all that their likelihood depends on, float64 (K,).

    Returns:
        float64 (K,), whose sum is at most :data:`SHARPEST`.
    """

    def parameters(log_sum: float) -> np.ndarray:
        return inverse_psi(psi(np.exp(log_sum)) + mean_log)

    def excess(log_sum: float) -> float:
        return float(np.log(parameters(log_sum).sum()) - log_sum)

    low, high = np.log(BLUNTEST), np.log(SHARPEST)
    return parameters(high if excess(high) > 0 else brentq(excess, low, high))


def inverse_psi(y: np.ndarray) -> np.ndarray:
    """Return x > 0 with ψ(x) = y, by Newton's method from Minka's first guess."""
    x = np.where(y >= -2.22, np.exp(y) + 0.5, -1 / (np.minimum(y, -2.22) - psi(1)))
    for _ in range(NEWTON_STEPS):
        x -= (psi(x) - y) / polygamma(1, x)
    return np.asarray(x)


def normality(alpha: np.ndarray, p: np.ndarray) -> np.ndarray:
    """How likely answers are: the logarithm of the density, less what is the same for all answers.

    Args:
        alpha: (…, K).
        p: Answers in [0, 1], float64 (…, K); such as are 0 count as :data:`SMALLEST`.

    Returns:
        float64 (…).
    """
    return np.asarray(((alpha - 1) * np.log(p + SMALLEST)).sum(-1))
