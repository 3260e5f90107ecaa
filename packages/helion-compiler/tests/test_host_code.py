"""Host code that computes, writes and reads: it means on every call what Python means."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import helion
import helion.language as hl
from helion import reference
from helion_compiler.building import make_variant
from helion_compiler.building.poison import poison
from helion_compiler.building.specialization import specialize
from helion_compiler.interpreted import metadata_of
from helion_runtime import Dispatcher
from helion_runtime.entries import CallStep, OpEntry
from helion_runtime.entry_check import check_op
from helion_runtime.entry_json import op_from_json, op_to_json
from helion_runtime.execution import execute
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_runtime.entries import VariantEntry


def copied(value: Any) -> Any:
    """The same arguments in memory of their own, laid out alike."""
    if isinstance(value, torch.Tensor):
        copy = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        return copy.copy_(value)
    return type(value)(map(copied, value)) if isinstance(value, tuple | list) else value


def agree(function: Callable[..., Any], *calls: tuple[Any, ...], **options: Any) -> Any:
    """Call a kernel of ``function`` again and again, and compare with its Python in reference mode: what
    it returns, and what it does to its arguments. Returns the kernel."""
    kernel = helion.kernel(**options)(function)
    for arguments in calls:
        ours, theirs = copied(arguments), copied(arguments)
        torch.manual_seed(0)
        expected = reference.run(function, theirs).outputs
        torch.manual_seed(0)
        found = kernel(*ours)
        same(found, expected)
        same(ours, theirs)
    return kernel


def same(found: Any, expected: Any) -> None:
    """Equal in structure, types, dtypes and, but for rounding, values."""
    assert type(found) is type(expected)
    if isinstance(found, dict):
        assert list(found) == list(expected)
        same(list(found.values()), list(expected.values()))
    elif isinstance(found, tuple | list):
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            same(ours, theirs)
    elif isinstance(found, torch.Tensor):
        torch.testing.assert_close(found, expected, equal_nan=True)
    elif isinstance(found, float):
        assert math.isclose(found, expected, rel_tol=1e-5, abs_tol=1e-6) or math.isnan(found)
    else:
        assert found == expected


def specializations(kernel: Any) -> int:
    return sum(len(family.bound) for family in kernel._implementation._families.values())


def matrices(*shape: int, count: int = 3) -> list[tuple[torch.Tensor]]:
    return [(torch.randn(*shape),) for _ in range(count)]


# Before the loop.


def prepared(x: torch.Tensor) -> torch.Tensor:
    doubled = (x * 2).contiguous().float()
    columns = torch.arange(x.size(1), device=x.device)
    padded = torch.nn.functional.pad(x, (1, 2), value=5)
    twice = torch.cat([x, x.flip(0)], 0)
    flat = x.t().reshape(-1)
    out = torch.empty_like(doubled)
    for tile in hl.tile(x.size()):
        out[tile] = doubled[tile] + columns[tile[1]] + padded[tile] + twice[tile] + flat[tile[1]]
    return out


@pytest.mark.parametrize("static_shapes", [True, False])
def test_operators_before_the_loop(static_shapes: bool) -> None:
    calls = [*matrices(5, 7), *matrices(3, 7), (torch.randn(5, 14)[:, ::2],)]
    agree(prepared, *calls, (torch.randn(5, 7).half(),), static_shapes=static_shapes)


def test_writes_before_and_behind_the_loop() -> None:
    def kernel(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(x)
        out[0] = 1
        out[1:, :2] = weight
        out[..., -1] += 3
        weight.mul_(2)
        for tile in hl.tile(x.size()):
            out[tile] += x[tile]
        x.zero_()
        out[:, 0].add_(x[:, 0] + 1)
        return out

    agree(kernel, *((torch.randn(5, 4), torch.randn(4, 2)) for _ in range(3)))


def test_indexing_of_the_host_is_torchs() -> None:
    def kernel(x: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        picked = x[order][:, [2, 0]]
        picked[order > 1] = 7
        corner = x[-1, None, 1:2]
        out = torch.empty_like(picked)
        for tile in hl.tile(out.size()):
            out[tile] = picked[tile] + corner[0, 0]
        return out[:, torch.tensor([1, 0], device=x.device)]

    agree(kernel, *((torch.randn(4, 3), torch.randint(0, 4, (5,))) for _ in range(3)))


def test_complex_numbers_and_views_of_other_dtypes() -> None:
    def kernel(x: torch.Tensor, bits: torch.Tensor) -> Any:
        parts = torch.view_as_real(torch.fft.fft(x))
        numbers = bits.view(torch.float32)
        out = torch.empty_like(parts)
        for tile in hl.tile(parts.size()):
            out[tile] = parts[tile] * 2
        for_bits = numbers + 1
        return torch.view_as_complex(out), out.view(torch.int32), for_bits, x.to(torch.complex64)

    agree(kernel, *((torch.randn(6, 4), torch.randint(0, 99, (3,)).int()) for _ in range(3)))


def test_what_shares_memory_is_written_through() -> None:
    def kernel(bits: torch.Tensor) -> torch.Tensor:
        numbers = bits.view(torch.float32)
        for tile in hl.tile(numbers.size()):
            numbers[tile] = numbers[tile] * 2
        return numbers

    agree(kernel, *((torch.randn(6).view(torch.int32),) for _ in range(3)))


def test_random_numbers_are_drawn_on_each_call() -> None:
    def kernel(x: torch.Tensor) -> Any:
        noise = torch.rand_like(x)
        order = torch.randperm(x.size(0), device=x.device)
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] + noise[tile]
        return out, order, torch.nn.functional.dropout(out, 0.5)

    made = agree(kernel, *matrices(5, 7))
    x = torch.zeros(5, 7)
    assert not torch.equal(made(x)[0], made(x)[0])


def test_constants_made_by_the_host() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        table = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=x.device)
        shift = torch.tensor(5, device=x.device, dtype=x.dtype)
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * table[tile]
        return out + shift

    agree(kernel, *matrices(2, 2))


def test_asserts_and_prints_run_while_tracing(capsys: pytest.CaptureFixture[str]) -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        assert x.ndim == 1, "one dimension"
        print("tracing", tuple(x.shape))
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile]
        return out

    made = helion.kernel()(kernel)
    for _ in range(3):
        made(torch.zeros(4))
    assert capsys.readouterr().out.count("tracing (4,)") == 1
    with pytest.raises(AssertionError, match="one dimension"):
        made(torch.zeros(4, 4))

    def picky(x: torch.Tensor) -> torch.Tensor:
        if x.size(0) > 3:
            raise ValueError(
                "at most three",
            )
        return kernel(x)

    with pytest.raises(ValueError, match="at most three"):
        helion.kernel()(picky)(torch.zeros(4))


# Behind the loop.


def test_results_behind_the_loop() -> None:
    def kernel(x: torch.Tensor) -> Any:
        out = torch.empty_like(x, dtype=torch.float32)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile].float() * 2
        total = out.sum(0).to(x.dtype)
        values, places = out.max(1)
        halves = out.split(2, dim=1)
        return {
            "mean": out.mean(),
            "parts": (total, [values, places], halves),
            "views": (out.t(), out[1:, 0]),
            "number": out.sum().item(),
            "rows": x.size(0),
            "positive": bool((out > 0).any()) if x.size(0) > 99 else None,
            "name": "result",
            "same": x,
        }

    calls = [*matrices(5, 7), (torch.randn(3, 4).half(),)]
    agree(kernel, *calls)
    agree(kernel, *calls, static_shapes=False)


def test_arguments_are_returned_as_they_are() -> None:
    def kernel(x: torch.Tensor, y: torch.Tensor) -> Any:
        for tile in hl.tile(x.size()):
            x[tile] += y[tile]
        y.add_(x)
        return x, [y]

    made = helion.kernel()(kernel)
    x, y = torch.randn(4), torch.randn(4)
    found = made(x, y)
    assert found[0] is x
    assert found[1][0] is y
    agree(kernel, *((torch.randn(4), torch.randn(4)) for _ in range(2)))


# Numbers read from tensors.


def rows_up_to(x: torch.Tensor, lengths: torch.Tensor) -> Any:
    longest = int(lengths.max().item())
    shortest = lengths.min().item()
    out = torch.zeros([longest, x.size(1)], dtype=x.dtype, device=x.device)
    for tile in hl.tile([longest, x.size(1)]):
        out[tile] = x[tile] * shortest
    return out, longest, longest * 2 - 1


@pytest.mark.parametrize("static_shapes", [True, False])
def test_a_number_read_is_a_size_a_bound_and_a_factor(static_shapes: bool) -> None:
    lengths = ([3, 4], [4, 8], [8, 2], [0, 0], [1, 0], [9, 9], [2, 6], [5, 3])
    calls = [(torch.randn(9, 7), torch.tensor(pair)) for pair in lengths]
    kernel = agree(rows_up_to, *calls, *calls, static_shapes=static_shapes)
    assert specializations(kernel) < len(lengths)


def test_branches_on_numbers_read_before_the_loop() -> None:
    def kernel(x: torch.Tensor, flags: torch.Tensor) -> Any:
        y = x * 3 if flags.any() else x - 1
        count = int(flags.sum())
        if x.max() > 2 and count != 1:
            y = y + count
        for _ in range(count):
            y = y * 2
        out = torch.empty_like(y)
        for tile in hl.tile(x.size()):
            out[tile] = y[tile]
        return out, count

    flags = [torch.tensor(pair) for pair in ([True, False], [False, False], [True, True])]
    calls = [(torch.randn(4, 5) * size, flag) for size in (0.1, 9) for flag in flags]
    kernel = agree(kernel, *calls, *calls[::-1])
    assert specializations(kernel) <= len(calls)


def test_numbers_read_after_writes_and_draws_are_returned() -> None:
    def kernel(x: torch.Tensor) -> Any:
        x.add_(1)
        total = x.sum().item()
        drawn = torch.rand((), device=x.device).item()
        count = (x > 0).sum().item()
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * 2
        return out + total, drawn, count + 1, [total * 2]

    agree(kernel, *matrices(4, 5))


def test_numbers_of_odd_values() -> None:
    def kernel(x: torch.Tensor) -> Any:
        value = x[0].item()
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * value
        return out, value

    for values in ([math.nan, 1.0], [math.inf, 2.0], [-0.0, 3.0], [1.0, 2.0], [2.5, 3.0]):
        agree(kernel, (torch.tensor(values),), (torch.tensor(values),))
    agree(kernel, *((torch.tensor([n, 2]),) for n in (-5, 0, 1, 7, 2**40)))


# Random host code.


def cut(t: torch.Tensor) -> torch.Tensor:
    return t[: int((t > 0).sum().clamp(1, t.size(0)).item())]


def written(t: torch.Tensor) -> torch.Tensor:
    copy = t.clone()
    copy[0] = 1
    copy[:, -1:] = t[:, :1] + 1
    return copy


PROLOGUES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "double": lambda t: t * 2,
    "turn": lambda t: t.t(),
    "contiguous": lambda t: t.contiguous(),
    "round": lambda t: t.half().float(),
    "strided": lambda t: t[:, ::2],
    "last row": lambda t: t[-1:],
    "pad": lambda t: torch.nn.functional.pad(t, (1, 2)),
    "twice": lambda t: torch.cat([t, t], 0),
    "flat": lambda t: t.reshape(1, -1),
    "centre": lambda t: t - t.mean(0, keepdim=True),
    "sort": lambda t: t.sort(1).values,
    "reverse": lambda t: t[torch.arange(t.size(0) - 1, -1, -1)],
    "count": lambda t: t + torch.arange(t.size(1)),
    "expand": lambda t: t[:1].expand(2, -1),
    "write": written,
    "cut": cut,
    "branch": lambda t: t + 1 if t.sum() > 0 else t - 1,
    "largest": lambda t: t * t.max().item(),
    "softmax": lambda t: torch.softmax(t, 1),
    "mask": lambda t: torch.where(t > 0, t, torch.zeros_like(t)),
}
EPILOGUES: dict[str, Callable[[torch.Tensor], Any]] = {
    "all": lambda t: t,
    "sum": lambda t: t.sum(0),
    "mean": lambda t: t.mean(),
    "half": lambda t: t.to(torch.float16),
    "view": lambda t: t.t()[1:],
    "in place": lambda t: t.add_(1),
    "number": lambda t: t.sum().item(),
    "whole": lambda t: (t > 0).sum().item() * 2,
    "question": lambda t: (t > 0).any().item(),
    "several": lambda t: list(t.max(1)),
    "named": lambda t: {"low": t.amin(), "high": (t.amax(), None)},
}


def around(x: torch.Tensor, before: tuple[str, ...], after: tuple[str, ...]) -> Any:
    prepared = x
    for name in before:
        prepared = PROLOGUES[name](prepared)
    out = torch.empty_like(prepared, memory_format=torch.contiguous_format)
    for tile in hl.tile(out.size()):
        out[tile] = prepared[tile] * 2 + 1
    results = []
    for name in after:
        results.append(EPILOGUES[name](out))
    return out, results


sizes = st.integers(1, 6)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    before=st.lists(st.sampled_from(sorted(PROLOGUES)), max_size=4),
    after=st.lists(st.sampled_from(sorted(EPILOGUES)), max_size=3),
    shape=st.tuples(sizes, sizes),
    static_shapes=st.booleans(),
)
@example(
    before=["cut", "branch", "largest"],
    after=["number", "named"],
    shape=(5, 3),
    static_shapes=True,
)
@example(
    before=["cut", "cut"], after=["in place", "all", "question"], shape=(6, 2), static_shapes=False
)
def test_random_host_code(
    before: list[str], after: list[str], shape: tuple[int, int], static_shapes: bool
) -> None:
    draw = [torch.randn(shape) for _ in range(3)]
    names = (tuple(before), tuple(after))
    calls = [(x, *names) for x in (*draw, draw[0] * 0, draw[0].abs(), draw[1])]
    kernel = agree(around, *calls, static_shapes=static_shapes)
    for call in calls:
        specialized = kernel.bind(call)._implementation.specialized
        compare_ways_to_run(specialized, specialized.call.leaves_of(call))


def compare_ways_to_run(specialized: Any, leaves: tuple[Any, ...]) -> None:
    """The straight-line code of a prepared call does what the step by step execution does; both from what
    a bundle would hold. What the kernel writes is left out."""
    entry = host_part(specialized)
    expected = execute(entry, metadata_of(leaves), torch.device("cpu"), None)
    dispatcher = Dispatcher("op", specialized.call.names, driver=RecordingDriver([]))
    dispatcher.add(entry, {})
    for _ in range(2):
        same(dispatcher(*leaves), expected)


def host_part(specialized: Any) -> VariantEntry:
    """The variant of a specialization without its launch, poisoned, the long way through JSON."""
    lowered = specialized.lower(specialized.space.default_config())
    known = specialize(specialized.program, lowered.emitted, specialized.aligned)
    variant = make_variant(lowered.schedule, lowered.emitted, known, "k", specialized.aligned)
    variant = replace(poison(variant), launches=())
    op = OpEntry("op", specialized.call.names, (variant,))
    read = op_from_json(json.loads(json.dumps(op_to_json(op))))
    check_op(read, {})
    return read.variants[0]


def test_only_what_computes_is_a_call() -> None:
    """Kernels whose host code only allocates and views keep plans without a step that runs operators."""

    def plain(x: torch.Tensor) -> Any:
        out = torch.zeros([x.size(0), 3], device=x.device)
        turned = x.t().contiguous() if not x.is_contiguous() else x
        for tile in hl.tile(x.size()):
            out[tile] = turned[tile] * 2
        return out.t(), out[1:].view(-1), turned

    program = helion.kernel()(plain).bind((torch.randn(4, 3),))._implementation.specialized.program
    assert not any(isinstance(step, CallStep) for step in program.steps)
    agree(plain, *matrices(4, 3))


# Floats.


def scaled_by(x: torch.Tensor, factor: float) -> Any:
    out = torch.full(x.shape, factor, dtype=x.dtype, device=x.device)
    for tile in hl.tile(x.size()):
        out[tile] += x[tile] * factor + factor / 4
    return out, factor, factor * 2, factor > 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_specialization_serves_every_float(dtype: torch.dtype) -> None:
    factors = (0.5, 2.5, -1.0, 0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1e-30, 3.1)
    kernel = agree(scaled_by, *((torch.randn(5, 7, dtype=dtype), f) for f in factors))
    assert specializations(kernel) == 1
    if dtype is torch.float64:
        agree(scaled_by, *((torch.randn(5, 7, dtype=dtype), f) for f in (1e300, 1e-300)))


def test_floats_that_are_no_numbers_share_a_specialization_each() -> None:
    kernel = agree(scaled_by, *((torch.randn(4, 3), f) for f in (math.nan, math.inf) * 3))
    assert specializations(kernel) == 2


def test_floats_are_fixed_only_where_something_depends_on_them() -> None:
    def branching(x: torch.Tensor, factor: float) -> torch.Tensor:
        shift = factor - 1 if factor > 1 else -factor
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = torch.where(x[tile] > factor, x[tile], shift) ** 2
        return out

    kernel = agree(branching, *((torch.randn(5, 7), f) for f in (0.5, 2.5, -1.0, 4.0, 0.25)))
    assert specializations(kernel) == 2

    def sized(x: torch.Tensor, factor: float) -> torch.Tensor:
        out = torch.empty([int(factor * 2)], device=x.device)
        for tile in hl.tile(out.size()):
            out[tile] = x[tile] * math.sqrt(factor)
        return out

    kernel = agree(sized, *((torch.randn(9), f) for f in (2.5, 3.0, 2.5, 4.25)))
    assert specializations(kernel) == 3


def test_operators_take_open_floats() -> None:
    def kernel(x: torch.Tensor, factor: float) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            y = torch.clamp(x[tile], -factor, factor)
            y = torch.nn.functional.leaky_relu(y, factor)
            y = torch.lerp(y, x[tile], factor) + hl.full([tile[0], tile[1]], factor)
            y = torch.nn.functional.softplus(y, beta=factor)
            out[tile] = torch.add(y, x[tile].abs() ** factor, alpha=factor)
        return out

    for dtype in (torch.float32, torch.float64):
        agree(kernel, *((torch.randn(5, 7, dtype=dtype), f) for f in (0.75, 0.25, 3.0)))


def test_constants_stay_constants() -> None:
    def kernel(x: torch.Tensor, factor: hl.constexpr, other: float) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * factor + other
        return out

    made = agree(kernel, *((torch.randn(5, 7), f, o) for f in (0.5, 0.25) for o in (1.5, 2.5)))
    assert specializations(made) == 2


# Between loops.


def test_host_code_between_loops_that_does_not_depend_on_them() -> None:
    def kernel(x: torch.Tensor, y: torch.Tensor) -> Any:
        first = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            first[tile] = x[tile] * 2
        halves = (y * 0.5).contiguous()
        halves[0] = 7
        count = (y > 0).sum().item()
        second = torch.zeros_like(halves)
        turned = second.t()
        for tile in hl.tile(halves.size()):
            second[tile] = halves[tile] + count
        return first.sum(0), turned, second.mean(), count

    agree(kernel, *((torch.randn(5, 3), torch.randn(4, 6)) for _ in range(3)))
    agree(kernel, *((torch.randn(n, 3), torch.randn(4, n)) for n in (5, 7)), static_shapes=False)


@pytest.mark.parametrize(
    "between",
    [
        lambda x, out: out * 2,
        lambda x, out: out[1:].sum(),
        lambda x, out: out.view(torch.int32) + 1,
        lambda x, out: out.sum().item(),
        lambda x, out: out.zero_(),
        lambda x, out: x.add_(1),
        lambda x, out: torch.cat([x, out]),
    ],
)
def test_host_code_between_loops_that_depends_on_them(between: Callable[..., Any]) -> None:
    def kernel(x: torch.Tensor) -> Any:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * 2
        between(x, out)
        other = torch.empty_like(x)
        for tile in hl.tile(other.size()):
            other[tile] = 1
        return out, other

    with pytest.raises(
        helion.exc.TopLevelStatementBetweenLoops, match="between outermost"
    ) as caught:
        helion.kernel()(kernel)(torch.randn(5, 3))
    assert "test_host_code.py" in str(caught.value)


def test_conversions_leave_numbers_open() -> None:
    def kernel(x: torch.Tensor, lengths: torch.Tensor, scale: float) -> Any:
        count = int(lengths.sum())
        root = math.sqrt(scale)
        ratio = 1 / math.sqrt(x.size(1))
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * root + float(count) * ratio
        return out, count, float(lengths[0]), root, int(scale * 3)

    calls = [
        (torch.randn(3, size), torch.tensor([a, b]), scale)
        for size, a, b, scale in ((5, 3, 4, 0.5), (5, 7, 9, 2.5), (7, 2, 6, 4.0), (9, 8, 8, 0.75))
    ]
    assert specializations(agree(kernel, *calls, static_shapes=False)) == 1


def test_questions_about_tensors() -> None:
    def kernel(x: torch.Tensor, y: torch.Tensor) -> Any:
        out = torch.empty_like(x)
        scale = 2 if torch.equal(x, y) else 3 if torch.allclose(x, y, atol=1) else 4
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * scale
        return out, torch.equal(x, x[1:]), x.tolist(), len(x)

    x = torch.arange(3.0)
    agree(kernel, (x, x + 0), (x, x + 0.5), (x, x + 9), (x, x + 0), (torch.zeros(3), x))


def test_autocast_and_gradients_around_a_kernel_change_nothing() -> None:
    def kernel(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        product = x @ weight
        out = torch.empty_like(product)
        for tile in hl.tile(product.size()):
            out[tile] = product[tile] + 1
        return out @ weight

    x, weight = torch.randn(4, 4, requires_grad=True), torch.randn(4, 4)
    expected = (x @ weight + 1) @ weight
    for first in (True, False):
        made = helion.kernel()(kernel)
        for enabled in (first, not first):
            with torch.autocast("cpu", enabled=enabled, dtype=torch.bfloat16):
                found = made(x, weight)
            torch.testing.assert_close(found, expected.detach())
            assert not found.requires_grad


def first_ones(x: torch.Tensor, count: torch.Tensor) -> tuple[torch.Tensor, int]:
    n = int(count.item())
    out = x.new_empty([n])
    for tile in hl.tile(n):
        out[tile] = x[tile] + n
    return out, int(count.item() * 2)


def scaled_down(x: torch.Tensor, factor: float) -> torch.Tensor:
    n = int(x.size(0) * factor)
    out = x.new_empty([n])
    for tile in hl.tile(n):
        out[tile] = x[tile] * n
    return out


def total_of_what_was_written(x: torch.Tensor) -> tuple[torch.Tensor, int]:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    return out, int(out.sum().item() / 4)


def test_whole_parts_of_floats_are_sizes_and_numbers_for_the_device() -> None:
    x = torch.arange(8.0)
    config = helion.Config(block_sizes=[2])
    kernel = helion.kernel(first_ones, config=config)
    for count in (4.0, 5.9, 3.2, 1.0, 0.5):
        out, twice = kernel(x, torch.tensor(count))
        assert torch.equal(out, x[: int(count)] + int(count))
        assert twice == int(torch.tensor(count).item() * 2)
    smaller = helion.kernel(scaled_down, config=config)
    for factor in (0.5, 0.7, 0.99, 0.05):
        n = int(8 * factor)
        assert torch.equal(smaller(x, factor), x[:n] * n)
    out, total = helion.kernel(total_of_what_was_written, config=config)(x)
    assert (torch.equal(out, x * 2), total) == (True, 14)
