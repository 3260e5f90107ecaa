"""A Gaussian process over a space whose parameters act one by one and in pairs.

In: points of a space with one value each. Out: mean and standard deviation at other points. The logarithm of a time is
mostly a sum of what each parameter adds and of what pairs of them do together, so the kernel is the sum of one kernel
per parameter and of the products of any two: few trials teach it much, even in twenty dimensions. Each parameter's
kernel falls exponentially with the parameter's own distance. Weights of parameters, of pairs, the range and the noise
are those of the highest marginal likelihood on a small grid, parameter by parameter.
Source: D. Duvenaud, H. Nickisch, C. E. Rasmussen, "Additive Gaussian Processes", NIPS 2011.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from helion_autotune.json_values import canonical_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.parameters import Parameter
    from helion_autotune.point import Point
    from helion_autotune.space import Space

    Array = NDArray[np.float64]

#: Ranges tried, in units of a parameter's whole extent.
RANGES = (0.3, 0.8, 2.0)
#: The share of the variance that pairs may have, and that of the noise.
PAIRS = (0.2, 0.6)
NOISES = (0.003, 0.03)
#: Weights tried for each parameter, relative to what it has.
FACTORS = (0.25, 4.0)
LIGHTEST, HEAVIEST = 1e-3, 1e2
#: Parameters of up to this many values get a table of their distances; of others, coordinates are compared.
TABULATED = 64


@attrs.frozen
class Settings:
    """What likelihood decides. ``weights``: one for each parameter."""

    length: float
    pairs: float
    noise: float
    weights: tuple[float, ...]


@attrs.frozen(eq=False, slots=False)
class Distances:
    """Distances of points of one space, parameter by parameter."""

    space: Space

    @cached_property
    def _parameters(self) -> list[tuple[str, Parameter]]:
        """Those that have a choice."""
        return [(name, one) for name, one in self.space.parameters.items() if one.cardinality > 1]

    @property
    def count(self) -> int:
        """How many parameters there are to tell points apart by."""
        return len(self._parameters)

    @cached_property
    def _tables(self) -> list[tuple[dict[str, int], Array] | None]:
        import numpy as np

        tables: list[tuple[dict[str, int], Array] | None] = []
        for _, parameter in self._parameters:
            if parameter.cardinality > TABULATED:
                tables.append(None)
                continue
            values = list(parameter.values())
            places = {canonical_text(value): place for place, value in enumerate(values)}
            table = np.asarray([[parameter.distance(a, b) for b in values] for a in values])
            tables.append((places, table))
        return tables

    def features(self, points: Sequence[Point]) -> list[Array]:
        """For each parameter: the place of each point's value in its table, or its coordinates (points x width)."""
        import numpy as np

        found: list[Array] = []
        for (name, parameter), table in zip(self._parameters, self._tables, strict=True):
            if table is None:
                found.append(np.asarray([parameter.encode(point[name]) for point in points]))
            else:
                found.append(np.asarray([table[0][canonical_text(p[name])] for p in points]))
        return found

    def between(self, a: list[Array], b: list[Array]) -> Array:
        """The distances of each pair of points: parameters x points of ``a`` x points of ``b``."""
        import numpy as np

        layers = []
        for one, other, table in zip(a, b, self._tables, strict=True):
            if table is None:
                layers.append(np.abs(one[:, None, :] - other[None, :, :]).mean(axis=2))
            else:
                layers.append(table[1][one][:, other])
        return np.stack(layers)


@attrs.frozen(eq=False)
class AdditiveProcess:
    """A fitted process; made by :func:`fit`."""

    distances: Distances
    settings: Settings
    features: list[Array]
    values: Array
    inverse: Array  # of the kernel matrix with noise
    mean: float
    scale: float

    def predict(self, points: Sequence[Point]) -> tuple[Array, Array]:
        """The mean at each point, and the covariance of each pair of them."""
        features = self.distances.features(points)
        cross = _kernel(self.distances.between(features, self.features), self.settings)
        prior = _kernel(self.distances.between(features, features), self.settings)
        weights = self.inverse @ ((self.values - self.mean) / self.scale)
        covariance = self.scale**2 * (prior - cross @ self.inverse @ cross.T)
        return self.mean + self.scale * (cross @ weights), covariance

    def mean_at(self, points: Sequence[Point]) -> Array:
        """The mean at each point alone, which is cheaper."""
        cross = _kernel(
            self.distances.between(self.distances.features(points), self.features), self.settings
        )
        weights = self.inverse @ ((self.values - self.mean) / self.scale)
        return self.mean + self.scale * (cross @ weights)


def fit(
    distances: Distances,
    points: Sequence[Point],
    values: Array,
    settings: Settings | None = None,
) -> AdditiveProcess:
    """The process for ``values`` at ``points``, at least two; ``settings`` are where the likelihood climbs from."""
    import numpy as np

    features = distances.features(points)
    mean, scale = float(np.mean(values)), float(np.std(values)) or 1.0
    between = distances.between(features, features)
    start = settings or Settings(RANGES[1], PAIRS[0], NOISES[1], (1.0,) * distances.count)
    chosen = _climbed(between, (values - mean) / scale, start)
    matrix = _kernel(between, chosen) + chosen.noise * np.eye(len(points))
    inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    return AdditiveProcess(distances, chosen, features, values, inverse, mean, scale)


def _climbed(between: Array, standard: Array, start: Settings) -> Settings:
    """One round of coordinate ascent of the likelihood: the shared settings, then each parameter's weight."""
    import numpy as np

    layers = {length: np.exp(-between / length) for length in {*RANGES, start.length}}

    def likelihood(settings: Settings, sums: Sums) -> float:
        return _likelihood(sums.kernel(settings.pairs), standard, settings.noise)

    best, sums = start, Sums.of(layers[start.length], start.weights)
    height = likelihood(best, sums)
    for length in RANGES:
        others = Sums.of(layers[length], start.weights)
        for pairs in PAIRS:
            for noise in NOISES:
                other = attrs.evolve(start, length=length, pairs=pairs, noise=noise)
                if (reached := likelihood(other, others)) > height:
                    best, sums, height = other, others, reached
    for place, weight in enumerate(start.weights):
        here = best, sums
        for factor in FACTORS:
            changed = min(max(weight * factor, LIGHTEST), HEAVIEST)
            weights = (*here[0].weights[:place], changed, *here[0].weights[place + 1 :])
            other = attrs.evolve(here[0], weights=weights)
            others = here[1].changed(layers[other.length][place], weight, changed)
            if (reached := likelihood(other, others)) > height:
                best, sums, height = other, others, reached
    return best


def _likelihood(kernel: Array, standard: Array, noise: float) -> float:
    """The logarithm of the marginal likelihood, but for a constant."""
    import numpy as np
    from scipy.linalg import solve_triangular

    try:
        factor = np.linalg.cholesky(kernel + noise * np.eye(len(standard)))
    except np.linalg.LinAlgError:
        return -np.inf
    half = solve_triangular(factor, standard, lower=True, check_finite=False)
    return float(-0.5 * half @ half - np.log(np.diag(factor)).sum())


@attrs.frozen(eq=False)
class Sums:
    """Sums of kernels and of their squares: one weight is changed without adding up the others again."""

    first: Array  # sum of weight x kernel
    second: Array  # sum of (weight x kernel) squared
    total: float  # of the weights
    squares: float  # of the squared weights

    @classmethod
    def of(cls, layers: Array, weights: Sequence[float]) -> Sums:
        """From parameters x n x m kernels, each with 1 where points are equal."""
        import numpy as np

        own = np.asarray(weights)
        return cls(
            np.tensordot(own, layers, axes=1),
            np.tensordot(own**2, layers**2, axes=1),
            float(own.sum()),
            float((own**2).sum()),
        )

    def changed(self, layer: Array, before: float, after: float) -> Sums:
        """With another weight for one parameter, whose kernel is ``layer``."""
        step, square = after - before, after**2 - before**2
        return Sums(
            self.first + step * layer,
            self.second + square * layer**2,
            self.total + step,
            self.squares + square,
        )

    def kernel(self, pairs: float) -> Array:
        """The covariance of each pair of points, of variance 1."""
        alone = self.first / self.total
        most = self.total**2 - self.squares  # twice the sum of the products of two weights
        if most < 1e-9 * self.total**2:
            return alone
        together = (self.first**2 - self.second) / most  # Newton's identity
        return (1.0 - pairs) * alone + pairs * together


def _kernel(between: Array, settings: Settings) -> Array:
    """The covariance of each pair: parameters x n x m distances in, n x m out."""
    import numpy as np

    return Sums.of(np.exp(-between / settings.length), settings.weights).kernel(settings.pairs)
