"""Logistic regression over sparse rows, small enough to read and the same on every run."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

Array = np.ndarray[Any, np.dtype[Any]]
_MEMORY: Final = 10  # steps that L-BFGS remembers


def fit(rows: csr_matrix, truth: Array, strength: float, weights: Array, steps: int) -> tuple[Array, float]:
    """Coefficients and intercept that minimise ``strength · Σ weight · log-loss + ½‖w‖²``; the intercept is free.

    ``truth`` may be soft, between 0 and 1. ``steps`` bounds the L-BFGS iterations.
    """
    columns = rows.T.tocsr()

    def loss(point: Array) -> tuple[float, Array]:
        coefficients, intercept = point[:-1], point[-1]
        score = rows @ coefficients.astype(np.float32) + intercept
        likelihood = np.logaddexp(0.0, score) - truth * score
        slope = strength * weights * (1.0 / (1.0 + np.exp(-score)) - truth)
        gradient = np.append(columns @ slope.astype(np.float32) + coefficients, slope.sum())
        return float(strength * (weights * likelihood).sum() + 0.5 * (coefficients * coefficients).sum()), gradient

    start = np.zeros(rows.shape[1] + 1)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": _MEMORY, "ftol": 1e-7}
    )
    return found.x[:-1], float(found.x[-1])
