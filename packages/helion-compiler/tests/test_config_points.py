"""Every point of a config space is a program of its own, and computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from helion_compiler.building import make_variant
from helion_compiler.building.specialization import specialize

if TYPE_CHECKING:
    from types import ModuleType

    import helion
    from helion_autotune import Point, Space

NAMES = ("add", "softmax", "matmul", "attention", "jagged_sums", "column_sums", "plane_sums")
DRAWS = 60
WALKS = 6
PATIENCE = 3000
LEAST_BLOCK = 8
"""Smaller blocks than these take the interpreter too long."""


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest, config_kernels: ModuleType) -> Any:
    return config_kernels.CASES[request.param]


def made(bound: Any, config: helion.Config) -> tuple[str, str, str]:
    """All that a config can change: the source, what Triton is told, and the programs of the launch."""
    specialized = getattr(bound, "_implementation", bound).specialized
    lowered = specialized.lower(config)
    facts = specialize(lowered.program, lowered.emitted, specialized.aligned)
    variant = make_variant(lowered.schedule, lowered.emitted, facts, "kernel", specialized.aligned)
    options = lowered.schedule.compile_options
    return lowered.emitted.source, repr(options), repr(variant.launches[0].grid)


def test_every_kernel_is_tried(config_kernels: ModuleType) -> None:
    assert set(config_kernels.CASES) == set(NAMES)


BINDINGS = {
    "static": lambda case: case.bind(),
    "dynamic": lambda case: case.bind(static=False),
    "amd": lambda case: case.bind_for("gfx942"),
}


@pytest.mark.parametrize("binding", BINDINGS)
def test_points_that_differ_are_programs_that_differ(case: Any, binding: str) -> None:
    """In several parameters: random points. In one: all that are a step away from some of them."""
    bound = BINDINGS[binding](case)
    spec, rng = bound.config_spec, np.random.default_rng(0)
    points = [spec.space.sample(rng) for _ in range(DRAWS)]
    for point in points[:WALKS]:
        points += spec.space.neighbours(point)
    found: dict[tuple[str, str, str], Point] = {}
    for point in dict.fromkeys(points):
        other = found.setdefault(made(bound, spec.config(point)), point)
        difference = {
            name: (point[name], other[name]) for name in point if point[name] != other[name]
        }
        assert not difference, f"nothing changes by {difference} in {point}"


def test_every_parameter_is_alive(case: Any) -> None:
    """Each parameter is active somewhere, and changes something there."""
    bound = case.bind()
    spec, rng = bound.config_spec, np.random.default_rng(1)
    for name in spec.space.parameters:
        for _ in range(PATIENCE):
            point = spec.space.sample(rng)
            others = [other for other in spec.space.neighbours(point) if other[name] != point[name]]
            if name in spec.space.active(point) and others:
                break
        else:
            pytest.fail(f"no point has {name}")
        assert made(bound, spec.config(point)) != made(bound, spec.config(others[0])), name


@pytest.mark.parametrize("binding", ["static", "amd"])
def test_every_parameter_leaves_the_result(case: Any, binding: str) -> None:
    """Points that together have every choice but blocks away from its default, in the interpreter."""
    bound = BINDINGS[binding](case)
    spec = bound.config_spec
    arguments = case.make()
    expected = case.expected(*arguments)
    for point in _covering(spec.space, np.random.default_rng(2)):
        config = spec.config(point)
        torch.testing.assert_close(
            bound.compile_config(config)(*arguments),
            expected,
            rtol=1e-2,
            atol=1e-2,
            msg=lambda text, config=config: f"{config}: {text}",
        )


def _covering(space: Space, rng: np.random.Generator) -> list[Point]:
    open_ = {name for name in space.parameters if not name.startswith("block_sizes[")}
    chosen: list[Point] = []
    for _ in range(PATIENCE):
        point = space.sample(rng)
        if not _is_quick(space, point):
            continue
        away = {name for name in open_ if point[name] != space.parameters[name].default}
        if away:
            chosen.append(point)
            open_ -= away
        if not open_:
            break
    assert not open_, f"no quick point has {open_} away from its default"
    return chosen


def _is_quick(space: Space, point: Point) -> bool:
    """Whether every block is as large as the interpreter wants it, or as it may be."""
    return all(
        point[name] >= min(LEAST_BLOCK, max(space.parameters[name].values()))
        for name in point
        if name.startswith("block_sizes[")
    )
