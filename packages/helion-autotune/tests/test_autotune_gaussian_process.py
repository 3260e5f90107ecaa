"""The model behind the surrogate-guided search: it interpolates, it knows where it knows nothing."""

import numpy as np
import pytest

from helion_autotune.strategies.gaussian_process import fit, refit


def smooth(rows):
    return np.sin(3 * rows[:, 0]) + rows[:, 1] ** 2


def test_it_predicts_a_smooth_function_between_the_points():
    rng = np.random.default_rng(0)
    rows, others = rng.random((60, 2)), rng.random((40, 2))
    mean, deviation = fit(rows, smooth(rows)).predict(others)
    assert np.max(np.abs(mean - smooth(others))) < 0.2
    assert np.sqrt(np.mean((mean - smooth(others)) ** 2)) < 0.05
    assert np.all(deviation > 0)


def test_it_is_sure_where_it_has_been_and_unsure_elsewhere():
    rows = np.asarray([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [0.1, 0.1]])
    _, deviation = fit(rows, smooth(rows)).predict(np.asarray([[0.05, 0.05], [1.0, 1.0]]))
    assert deviation[0] < 0.5 * deviation[1]


def test_refitting_adds_a_point_under_the_same_settings():
    rng = np.random.default_rng(1)
    rows = rng.random((12, 2))
    process = fit(rows[:-1], smooth(rows)[:-1])
    again = refit(process, rows, smooth(rows))
    assert (again.length, again.noise) == (process.length, process.noise)
    before = process.predict(rows[-1:])[1][0]
    after = again.predict(rows[-1:])[1][0]
    assert after < before


def test_equal_values_are_no_trouble():
    rows = np.asarray([[0.0], [1.0]])
    mean, _ = fit(rows, np.asarray([3.0, 3.0])).predict(np.asarray([[0.5]]))
    assert mean[0] == pytest.approx(3.0)
