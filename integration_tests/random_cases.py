"""Randomly drawn calls of four kernels, each run with a random config and compared with the oracle.

In: the number of a case, which seeds it, and how large its sizes may be. Out: what differed, if anything.
The same numbers give the same cases everywhere; the interpreter runs them on the CPU with small sizes, a GPU
with larger ones.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np
import torch

import helion
import helion.language as hl
from helion_compiler.tuning.oracle import Inexactness, Oracle, multiplies_in_tf32
from helion_runtime.errors import SharedMemoryError
from integration_tests.poisoned import run_poisoned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_compiler.tuning.comparing import Mismatch

Function: TypeAlias = "Callable[..., torch.Tensor]"


# The kernels of the README, as plain functions: cases decorate them with static and with dynamic shapes.


def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def matmul_epilogue(
    x: torch.Tensor, y: torch.Tensor, epilogue: Callable[..., torch.Tensor]
) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = epilogue(acc, (tile_m, tile_n))
    return out


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x, y = torch.broadcast_tensors(x, y)
    out = torch.empty(x.shape, dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile in hl.tile(out.size()):
        out[tile] = x[tile] + y[tile]
    return out


def softmax(x: torch.Tensor) -> torch.Tensor:
    n, _ = x.size()
    out = torch.empty_like(x)
    for tile_n in hl.tile(n):
        out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    return out


def _decorated(function: Function, *, static_shapes: bool) -> helion.Kernel[..., torch.Tensor]:
    decorate = helion.kernel(static_shapes=static_shapes)
    kernel: helion.Kernel[..., torch.Tensor] = decorate(function)
    return kernel


KERNELS = {
    (function.__name__, static): _decorated(function, static_shapes=static)
    for function in (matmul, matmul_epilogue, add, softmax)
    for static in (True, False)
}
NAMES = ("matmul", "add", "softmax", "matmul_epilogue")
LOW = (torch.float16, torch.bfloat16, torch.float32)
DTYPES = {
    "matmul": LOW,  # it sums in float32, which is not enough for float64
    "matmul_epilogue": LOW,
    "add": (*LOW, torch.float64),
    "softmax": (*LOW, torch.float64),
}
LAYOUTS = ("dense", "dense", "dense", "transposed", "sliced", "shifted", "expanded")


@attrs.frozen
class Limits:
    """How large a case may get: sizes of a matrix product, a row, a sum; steps of the interpreter."""

    matrix: int = 72
    row: int = 300
    pointwise: int = 40
    iterations: float = 10


INTERPRETED = Limits()
ON_GPU = Limits(matrix=700, row=9000, pointwise=300, iterations=math.inf)


@attrs.frozen
class Case:
    """One call, fully determined by its fields: a failing test prints them."""

    number: int
    kernel: str
    static_shapes: bool
    dtypes: tuple[torch.dtype, ...]
    shapes: tuple[tuple[int, ...], ...]
    layouts: tuple[str, ...]
    limits: Limits = attrs.field(repr=False)

    def arguments(self, device: str) -> tuple[Any, ...]:
        """The kernel's arguments on ``device``, the same numbers each time."""
        generator = torch.Generator().manual_seed(self.number)
        tensors = [
            lay_out(torch.randn(shape, generator=generator).to(device, dtype), layout)
            for shape, dtype, layout in zip(self.shapes, self.dtypes, self.layouts, strict=True)
        ]
        if self.kernel != "matmul_epilogue":
            return tuple(tensors)
        x, y, bias = tensors
        return x, y, lambda acc, tiles: torch.relu(acc + bias[tiles[1]])

    def bind(self, arguments: tuple[Any, ...]) -> SpecializedKernel:
        """The specialization of the case's kernel."""
        bound: Any = KERNELS[self.kernel, self.static_shapes].bind(arguments)
        implementation: SpecializedKernel = bound._implementation.specialized
        return implementation

    def point(self, bound: SpecializedKernel, attempt: int = 0) -> Mapping[str, Any]:
        """A random point of the config space that runs in few enough steps."""
        rng = np.random.default_rng([self.number, attempt])
        space = bound.space.space
        tried = []
        for _ in range(100):
            point = space.sample(rng)
            steps = iterations(bound, point)
            if steps <= self.limits.iterations:
                return point
            tried.append((steps, point))
        return min(tried, key=lambda pair: pair[0])[1]


def draw(number: int, limits: Limits = INTERPRETED) -> Case:
    """Case ``number``: kernels take turns, everything else is random."""
    rng = np.random.default_rng([7, number])
    kernel = NAMES[number % len(NAMES)]
    dtype = _pick(rng, DTYPES[kernel])
    shapes = SHAPES[kernel](rng, limits)
    dtypes = tuple(dtype for _ in shapes)
    if kernel == "add" and rng.random() < 0.3:
        dtypes = (dtype, _pick(rng, DTYPES[kernel]))
    return Case(
        number=number,
        kernel=kernel,
        static_shapes=bool(rng.random() < 0.6),
        dtypes=dtypes,
        shapes=shapes,
        layouts=tuple(_pick(rng, LAYOUTS) for _ in shapes),
        limits=limits,
    )


def check(case: Case, device: str) -> str | None:
    """Run a case on poisoned outputs; what is wrong, with the config that it is wrong for."""
    arguments = case.arguments(device)
    bound = case.bind(arguments)
    config, result = _run_one_that_fits(case, bound, arguments)
    definition = bound.definition
    tf32 = device == "cuda" and multiplies_in_tf32(bound.program, definition.settings)
    oracle = Oracle.by_reference(
        definition.function, arguments, definition.settings, inexact=Inexactness(tf32=tf32)
    )
    mismatch: Mismatch | None = oracle.check(result, arguments)
    return None if mismatch is None else f"{case}\n{config!r}\n{mismatch}"


def _run_one_that_fits(
    case: Case, bound: SpecializedKernel, arguments: tuple[Any, ...]
) -> tuple[helion.Config, Any]:
    """The first drawn config that the device does not refuse, before it runs, for its shared memory."""
    refusals = []
    for attempt in range(20):
        config = bound.space.config(case.point(bound, attempt))
        try:
            return config, run_poisoned(bound, config, bound.call.leaves_of(arguments))
        except SharedMemoryError as refusal:
            refusals.append(refusal)
    raise AssertionError(f"every config drawn was refused: {refusals}")


def iterations(bound: SpecializedKernel, point: Mapping[str, Any]) -> float:
    """How many times the innermost bodies of a kernel run at a point, roughly."""
    steps = 1.0
    for block in bound.program.blocks:
        lanes = block.fixed or point[f"block_sizes[{block.name}]"]
        steps *= math.ceil(block.size_hint / lanes)
    for number, axis in enumerate(bound.program.whole_axes()):
        lanes = point.get(f"reduction_loops[whole_{number}]")
        if lanes is not None:
            steps *= 3 * math.ceil(bound.program.example(axis.extent) / lanes)
    return steps


# Sizes, shapes and layouts.


def sizes_up_to(largest: int) -> list[int]:
    """0, 1, primes, powers of two and their neighbours."""
    powers = [1 << p for p in range(1, 20)]
    wanted = {0, 1, 3, 7, 13, 31, 37, 61, 97, 251, 509, 1021, 4093, 8191, largest}
    wanted |= {power + delta for power in powers for delta in (-1, 0, 1)}
    return sorted(size for size in wanted if size <= largest)


def _pick(rng: np.random.Generator, choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _size(rng: np.random.Generator, largest: int) -> int:
    """Mostly an interesting size, 0 and 1 now and then, anything at times."""
    if rng.random() < 0.25:
        return int(rng.integers(1, largest + 1))
    return int(_pick(rng, sizes_up_to(largest)))


def _matmul_shapes(rng: np.random.Generator, limits: Limits) -> tuple[tuple[int, ...], ...]:
    m, n, k = (_size(rng, limits.matrix) for _ in range(3))
    return (m, k), (k, n)


def _epilogue_shapes(rng: np.random.Generator, limits: Limits) -> tuple[tuple[int, ...], ...]:
    left, right = _matmul_shapes(rng, limits)
    return left, right, (right[1],)


def _add_shapes(rng: np.random.Generator, limits: Limits) -> tuple[tuple[int, ...], ...]:
    rank = int(rng.integers(1, 4))
    shape = tuple(_size(rng, limits.pointwise) for _ in range(rank))
    shorter = shape[int(rng.integers(0, rank)) :]
    other = tuple(1 if rng.random() < 0.25 else size for size in shorter)
    return (shape, other) if rng.random() < 0.5 else (other, shape)


def _softmax_shapes(rng: np.random.Generator, limits: Limits) -> tuple[tuple[int, ...], ...]:
    return ((_size(rng, limits.pointwise), _size(rng, limits.row)),)


SHAPES: dict[str, Callable[[np.random.Generator, Limits], tuple[tuple[int, ...], ...]]] = {
    "matmul": _matmul_shapes,
    "matmul_epilogue": _epilogue_shapes,
    "add": _add_shapes,
    "softmax": _softmax_shapes,
}


def lay_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """The same values elsewhere in memory; an expanded tensor repeats the first of them."""
    if layout == "transposed" and tensor.ndim >= 2:
        order = list(reversed(range(tensor.ndim)))
        return tensor.permute(order).contiguous().permute(order)
    if layout == "sliced" and tensor.ndim:
        wide = tensor.new_full((*tensor.shape[:-1], 2 * tensor.shape[-1] + 1), math.nan)
        inner = wide[..., 1::2]
        return inner.copy_(tensor)
    if layout == "shifted":  # one element past an address that is a multiple of 16
        memory = tensor.new_full((tensor.numel() + 1,), math.nan)
        return memory[1:].view(tensor.shape).copy_(tensor)
    if layout == "expanded" and tensor.ndim and tensor.shape[0]:
        return tensor[:1].expand(tensor.shape)
    return tensor


def batches(total: int, count: int) -> list[range]:
    """The numbers below ``total`` in ``count`` ranges."""
    edges = [total * i // count for i in range(count + 1)]
    return [range(first, last) for first, last in itertools.pairwise(edges)]
