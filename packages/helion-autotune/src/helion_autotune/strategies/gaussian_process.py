"""A small Gaussian process: predicts values with their uncertainty from a few hundred known ones.

In: points as rows in [0, 1]^d and one value each. Out: mean and standard deviation at other rows. Matern 5/2 kernel,
one length scale for all coordinates, chosen by marginal likelihood.
Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning" (2006), algorithm 2.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Length scales tried, in units of the cube's diagonal, and the variances of the noise, in units of the values'.
LENGTHS = (0.1, 0.2, 0.4, 0.8)
NOISES = (1e-3, 1e-1)


@attrs.frozen(eq=False)
class GaussianProcess:
    """A fitted process; made by :func:`fit`."""

    rows: Array
    length: float
    noise: float
    inverse: Array  # of the kernel matrix with noise
    weights: Array  # inverse @ standardised values
    mean: float
    scale: float

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and standard deviation at each row."""
        import numpy as np

        cross = _kernel(rows, self.rows, self.length)
        variance = 1.0 - np.sum((cross @ self.inverse) * cross, axis=1)
        return (
            self.mean + self.scale * (cross @ self.weights),
            self.scale * np.sqrt(np.maximum(variance, 1e-12)),
        )


def fit(rows: Array, values: Array) -> GaussianProcess:
    """The process most likely to have given ``values`` (n) at ``rows`` (n x d); n >= 2."""
    lengths = [share * math.sqrt(rows.shape[1]) for share in LENGTHS]
    fitted = [_given(rows, values, length, noise) for length in lengths for noise in NOISES]
    return max(fitted, key=lambda one: one[1])[0]


def refit(process: GaussianProcess, rows: Array, values: Array) -> GaussianProcess:
    """The process for other data, keeping the length scale and the noise."""
    return _given(rows, values, process.length, process.noise)[0]


def _given(
    rows: Array, values: Array, length: float, noise: float
) -> tuple[GaussianProcess, float]:
    """The process with these settings, and the logarithm of its likelihood but for a constant."""
    import numpy as np

    mean, scale = float(np.mean(values)), float(np.std(values)) or 1.0
    standard = (values - mean) / scale
    matrix = _kernel(rows, rows, length) + noise * np.eye(len(rows))
    inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    weights: Array = inverse @ standard
    likelihood = -0.5 * float(standard @ weights) - 0.5 * float(np.linalg.slogdet(matrix)[1])
    return GaussianProcess(rows, length, noise, inverse, weights, mean, scale), likelihood


def _kernel(a: Array, b: Array, length: float) -> Array:
    import numpy as np

    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None, :] - 2.0 * (a @ b.T)
    distance = np.sqrt(5.0 * np.maximum(squares, 0.0)) / length
    kernel: Array = (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)
    return kernel
