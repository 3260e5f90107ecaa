"""Around the tile loop: specializations, captures, arguments of every kind, outputs, empty and odd tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl

if TYPE_CHECKING:
    from collections.abc import Callable

SCALE = 2.0
BIAS = torch.ones(5)


def scaled(x: torch.Tensor, factor: float = 3.0, *, offset: int = 0) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * factor + offset
    return out


def specializations(kernel: Any) -> int:
    """How many Programs a kernel has traced."""
    implementation = kernel._implementation
    return sum(len(family.bound) for family in implementation._families.values())


def test_static_shapes_specialise_on_every_shape() -> None:
    kernel = helion.kernel()(scaled)
    for size in (4, 5, 4, 6, 5):
        x = torch.randn(size)
        torch.testing.assert_close(kernel(x), x * 3)
    assert specializations(kernel) == 3


def test_dynamic_shapes_specialise_on_classes_of_shapes() -> None:
    """Sizes of 0 and 1 and multiples of 16 are classes of their own; every other size shares one Program."""
    kernel = helion.kernel(static_shapes=False)(scaled)
    for size in (5, 7, 100, 33, 2, 3):
        x = torch.randn(size)
        torch.testing.assert_close(kernel(x), x * 3)
    assert specializations(kernel) == 1
    for size in (16, 32, 48, 1024):
        x = torch.randn(size)
        torch.testing.assert_close(kernel(x), x * 3)
    assert specializations(kernel) == 2
    for size in (0, 1):
        x = torch.randn(size)
        torch.testing.assert_close(kernel(x), x * 3)
    assert specializations(kernel) == 4


def test_dynamic_rows_specialise_on_the_block_that_holds_them() -> None:
    @helion.kernel(static_shapes=False)
    def sums(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile, :].sum(-1)
        return out

    for columns in (9, 13, 15, 9):
        x = torch.randn(3, columns)
        torch.testing.assert_close(sums(x), x.sum(1))
    assert specializations(sums) == 1
    for columns in (17, 31, 33, 5):
        x = torch.randn(3, columns)
        torch.testing.assert_close(sums(x), x.sum(1))
    assert specializations(sums) == 4


def test_other_dtypes_ranks_and_strides_are_other_specializations() -> None:
    kernel = helion.kernel(static_shapes=False)(scaled)
    for x in (torch.randn(6, 5), torch.randn(5, 6).t(), torch.randn(6, 5).double(), torch.randn(6)):
        torch.testing.assert_close(kernel(x), x * 3)
    assert specializations(kernel) == 4


def test_keyword_and_default_arguments() -> None:
    kernel = helion.kernel()(scaled)
    x = torch.randn(7)
    torch.testing.assert_close(kernel(x), x * 3)
    torch.testing.assert_close(kernel(x, 2.0), x * 2)
    torch.testing.assert_close(kernel(x, factor=0.5), x * 0.5)
    torch.testing.assert_close(kernel(x=x, offset=4), x * 3 + 4)
    torch.testing.assert_close(kernel(x, offset=-1), x * 3 - 1)
    with pytest.raises(TypeError):
        kernel(x, wrong=1)


def test_numbers_of_each_kind_keep_their_type() -> None:
    kernel = helion.kernel()(scaled)
    x = torch.arange(1, 6)
    assert kernel(x, 2).tolist() == [2, 4, 6, 8, 10]
    assert kernel(x, factor=True).tolist() == [1, 2, 3, 4, 5]
    torch.testing.assert_close(kernel(x.float(), 2), x * 2.0)


@pytest.mark.parametrize("shape", [(7,), (3, 5)])
def test_flattened_views_may_be_all_of_an_allocation(shape: tuple[int, ...]) -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out, other = torch.empty_like(x), torch.empty_like(x)
        flat_in, flat_out, flat_other = x.view(-1), out.view(-1), other.view(-1)
        for tile in hl.tile(flat_in.size(0)):
            flat_out[tile] = flat_in[tile] * 2
            flat_other[tile] = flat_in[tile] * 3
        return out, other

    x = torch.randn(shape)
    doubled, tripled = kernel(x)
    torch.testing.assert_close(doubled, x * 2)
    torch.testing.assert_close(tripled, x * 3)


# Captures.


def capturing(bias: torch.Tensor) -> tuple[Any, Callable[[torch.Tensor], None]]:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] + bias[tile]
        return out

    def rebind(other: torch.Tensor) -> None:
        nonlocal bias
        bias = other

    return kernel, rebind


def test_captured_tensors_are_read_on_each_call() -> None:
    x, bias = torch.randn(6), torch.randn(6)
    kernel, rebind = capturing(bias)
    torch.testing.assert_close(kernel(x), x + bias)
    bias.fill_(5)
    torch.testing.assert_close(kernel(x), x + 5)
    rebind(torch.ones(6))
    torch.testing.assert_close(kernel(x), x + 1)
    rebind(torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(kernel(x), x + 1)
    assert specializations(kernel) == 2


CONSTANT: Any = None


def tag(value: Any) -> int:
    """A number for a constant and its type."""
    return len(repr(value)) * 100 + sum(map(ord, repr(value)))


def positional(default: Any) -> Callable[..., Any]:
    def function(value: Any, tile: Any, factor: Any = default) -> Any:
        return value * (factor if isinstance(factor, int | float) else factor[tile])

    return function


def keyword(default: Any) -> Callable[..., Any]:
    def function(value: Any, tile: Any, *, factor: Any = default) -> Any:
        return value * (factor if isinstance(factor, int | float) else factor[tile])

    return function


def in_a_list(default: Any) -> Callable[..., Any]:
    def function(value: Any, _tile: Any, factors: Any = [default]) -> Any:  # noqa: B006  # as authors do
        return value * factors[0]

    return function


def full(number: int) -> torch.Tensor:
    return torch.full([5], float(number))


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        *((function, kind) for function in (positional, keyword) for kind in (int, float, full)),
        (in_a_list, int),
        (in_a_list, float),
    ],
)
def test_functions_have_the_defaults_of_this_call(written: Any, kind: Any) -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor, function: Callable[..., torch.Tensor]) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = function(x[tile], tile)
        return out

    x = torch.randn(5)
    for number in (2, 3, 2):
        torch.testing.assert_close(kernel(x, written(kind(number))), x * number)


def test_defaults_of_functions_keep_their_types_and_may_be_dimensions() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor, function: Callable[..., torch.Tensor]) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = function(x[tile, :])
        return out

    def summed(dims: Any, power: object) -> Callable[..., torch.Tensor]:
        return lambda value, along=dims, *, by=power: (
            (value.float() ** by).sum(along).to(value.dtype)
        )

    x = torch.arange(12).view(3, 4)
    assert torch.equal(kernel(x, summed((-1,), 2)), (x**2).sum(1))
    assert torch.equal(kernel(x, summed([1], 1)), x.sum(1))
    assert torch.equal(kernel(x, summed((1,), power=True)), x.sum(1))
    assert specializations(kernel) == 3


def test_global_numbers_are_read_on_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] * SCALE
        return out

    x = torch.randn(5)
    torch.testing.assert_close(kernel(x), x * 2)
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    torch.testing.assert_close(kernel(x), x * 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (torch.float16, torch.bfloat16),
        ("to", "fro"),
        ((1,), (0,)),
        ((0, (1, 2)), (0, (1, 3))),
        (None, 1.5),
        (1, True),
        (2, 2.0),
    ],
)
def test_global_constants_are_read_on_each_call(
    before: Any, after: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one it was is what the kernel returns."""

    @helion.kernel()
    def kernel(x: torch.Tensor) -> tuple[torch.Tensor, Any]:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile]
        return out, tag(CONSTANT)

    found = []
    for value in (before, after, before):
        monkeypatch.setitem(globals(), "CONSTANT", value)
        found.append(kernel(torch.randn(5))[1])
    assert found == [tag(before), tag(after), tag(before)]


def test_global_tuples_may_be_dimensions(monkeypatch: pytest.MonkeyPatch) -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile, :, :].sum(CONSTANT)
        return out

    x = torch.randn(4, 5, 6)
    monkeypatch.setitem(globals(), "CONSTANT", (1, 2))
    torch.testing.assert_close(kernel(x), x.sum((1, 2)))


def scaled_and_shifted(value: torch.Tensor, tile: hl.Tile) -> torch.Tensor:
    return value * SCALE + BIAS[tile]


def test_globals_of_helpers_are_read_on_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = scaled_and_shifted(x[tile], tile)
        return out

    x = torch.randn(5)
    torch.testing.assert_close(kernel(x), x * 2 + 1)
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    monkeypatch.setitem(globals(), "BIAS", torch.zeros(5))
    torch.testing.assert_close(kernel(x), x * 4)


def power(value: torch.Tensor, exponent: int) -> torch.Tensor:
    return value if exponent == 1 else value * power(value, exponent - 1)


def test_helpers_may_call_themselves() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = power(x[tile], 3)
        return out

    x = torch.randn(5)
    torch.testing.assert_close(kernel(x), x**3)


@helion.kernel()
def mapped(x: torch.Tensor, function: Callable[..., torch.Tensor]) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = function(x[tile], tile)
    return out


def test_function_arguments_of_one_code_share_a_program() -> None:
    def adding(bias: torch.Tensor) -> Callable[..., torch.Tensor]:
        return lambda value, tile: value + bias[tile]

    mapped.reset()
    x = torch.randn(6)
    for bias in (torch.randn(6), torch.randn(6)):
        torch.testing.assert_close(mapped(x, adding(bias)), x + bias)
    assert specializations(mapped) == 1


def test_function_arguments_with_other_numbers_do_not() -> None:
    def times(factor: float) -> Callable[..., torch.Tensor]:
        return lambda value, tile: value * factor

    mapped.reset()
    x = torch.randn(6)
    for factor in (2.0, 3.0, 2.0):
        torch.testing.assert_close(mapped(x, times(factor)), x * factor)
    assert specializations(mapped) == 2


def test_functions_that_call_functions() -> None:
    def inner(value: torch.Tensor) -> torch.Tensor:
        return torch.relu(value)

    x = torch.randn(6)
    torch.testing.assert_close(mapped(x, lambda value, tile: inner(value) + 1), torch.relu(x) + 1)


# Outputs and arguments that are written.


def test_tuples_numbers_and_views_are_returned() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> Any:
        first, second = torch.empty_like(x), torch.zeros_like(x)
        for tile in hl.tile(x.size()):
            first[tile] = x[tile] + 1
        return first.t(), [second, x.size(0)], (first[1:], None), x

    x = torch.randn(4, 3)
    turned, (zeros, rows), (rest, nothing), same = kernel(x)
    torch.testing.assert_close(turned, (x + 1).t())
    torch.testing.assert_close(rest, x[1:] + 1)
    assert rest.untyped_storage().data_ptr() == turned.untyped_storage().data_ptr()
    assert not zeros.any()
    assert (rows, nothing) == (4, None)
    assert same is x


@pytest.mark.parametrize("view", [lambda x: x, lambda x: x.t(), lambda x: x[::2, 1:]])
def test_arguments_are_written_in_place(view: Callable[[torch.Tensor], torch.Tensor]) -> None:
    @helion.kernel()
    def increment(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size()):
            x[tile] += 1

    memory = torch.randn(6, 5)
    expected = memory.clone()
    view(expected).add_(1)
    assert increment(view(memory)) is None
    torch.testing.assert_close(memory, expected)


def test_views_made_by_the_host_are_written() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros([x.size(0) + 2, x.size(1)], dtype=x.dtype, device=x.device)
        middle, turned = out[1:-1].t(), x.t()
        for tile in hl.tile(middle.size()):
            middle[tile] = turned[tile]
        return out

    x = torch.randn(4, 3)
    out = kernel(x)
    torch.testing.assert_close(out[1:-1], x)
    assert not out[0].any()
    assert not out[-1].any()


# Bounds, empty and odd tensors.


@pytest.mark.parametrize("static_shapes", [True, False])
def test_numbers_that_stay_on_the_host_are_all_alike(static_shapes: bool) -> None:
    """Whether they are multiples of 16, or fit 32 bits, matters to what the device computes with alone."""

    def tagged(x: torch.Tensor, tag: int, shift: int) -> tuple[torch.Tensor, int]:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = x[tile] + shift
        return out, tag * 2

    kernel = helion.kernel(static_shapes=static_shapes)(tagged)
    x = torch.randn(30)
    for tag in (7, 16, 48, 2**40, 33):
        out, doubled = kernel(x, tag, 5)
        assert doubled == tag * 2
        torch.testing.assert_close(out, x + 5)
    assert specializations(kernel) == 1
    for shift in (16, 2**40):
        torch.testing.assert_close(kernel(x, 3, shift)[0], x + shift)
    assert specializations(kernel) == 3


@pytest.mark.parametrize("static_shapes", [True, False])
def test_integers_are_loop_bounds(static_shapes: bool) -> None:
    @helion.kernel(static_shapes=static_shapes)
    def partial_sum(x: torch.Tensor, begin: int, end: int) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            acc = hl.zeros([tile])
            for other in hl.tile(begin, end):
                acc += x[tile, other].sum(-1)
            out[tile] = acc
        return out

    x = torch.randn(3, 40)
    for begin, end in ((0, 40), (0, 1), (3, 37), (5, 5), (7, 40), (38, 40), (0, 0)):
        torch.testing.assert_close(partial_sum(x, begin, end), x[:, begin:end].sum(1))


@pytest.mark.parametrize("static_shapes", [True, False])
@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (0, 0), (3, 0, 2), (1,), (1, 1)])
def test_empty_and_single_elements(shape: tuple[int, ...], static_shapes: bool) -> None:
    kernel = helion.kernel(static_shapes=static_shapes)(scaled)
    x = torch.randn(shape)
    torch.testing.assert_close(kernel(x), x * 3)


@pytest.mark.parametrize("pid_type", ["flat", "persistent_blocked", "persistent_interleaved"])
def test_empty_grids_launch_nothing(pid_type: str) -> None:
    kernel = helion.kernel(config=helion.Config(block_sizes=[4], pid_type=pid_type))(scaled)
    assert kernel(torch.empty(0)).shape == (0,)


def test_rows_without_columns() -> None:
    @helion.kernel()
    def sums(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile, :].sum(-1)
        return out

    assert sums(torch.empty(5, 0)).tolist() == [0.0] * 5


@pytest.mark.parametrize("indexing", ["pointer", "tensor_descriptor"])
def test_unaligned_tensors(indexing: str) -> None:
    """A descriptor cannot start between multiples of 16 bytes: such tensors are loaded by pointers."""
    memory = torch.randn(4 * 32 + 1)
    aligned, unaligned = memory[:-1].view(4, 32), memory[1:].view(4, 32)
    assert unaligned.data_ptr() % 16 != 0
    kernel = helion.kernel(config=helion.Config(block_sizes=[4, 32], indexing=indexing))(scaled)
    for x in (aligned, unaligned, aligned):
        torch.testing.assert_close(kernel(x), x * 3)
    assert specializations(kernel) == 2


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(1, 6).expand(5, 6),
        torch.randn(6, 5).t(),
        torch.randn(10, 12)[::2, ::3],
        torch.randn(2, 3, 4).permute(2, 0, 1),
        torch.tensor(3.0).expand(4),
    ],
    ids=["expanded", "transposed", "strided", "permuted", "scalar"],
)
@pytest.mark.parametrize("static_shapes", [True, False])
def test_strides(x: torch.Tensor, static_shapes: bool) -> None:
    kernel = helion.kernel(static_shapes=static_shapes)(scaled)
    torch.testing.assert_close(kernel(x), x * 3)


def test_a_config_is_not_run_on_other_shapes() -> None:
    from helion_runtime.errors import NoVariantError

    kernel = helion.kernel()(scaled)
    bound = kernel.bind((torch.randn(8),))
    run = bound.compile_config(bound.config_spec.default_config())
    with pytest.raises(NoVariantError, match="no variant for these arguments"):
        run(torch.randn(9))


def test_branches_and_loops_of_the_host() -> None:
    @helion.kernel()
    def kernel(xs: list[torch.Tensor], squared: bool, power: int) -> torch.Tensor:
        out = torch.empty_like(xs[0])
        for tile in hl.tile(out.size()):
            total = xs[0][tile]
            for x in xs[1:]:
                total = total + x[tile]
            if squared:
                total = total * total
            for _ in range(power):
                total = total * 2
            out[tile] = total
        return out

    xs = [torch.randn(5) for _ in range(3)]
    torch.testing.assert_close(kernel(xs, squared=False, power=0), sum(xs))
    torch.testing.assert_close(kernel(xs, squared=True, power=1), sum(xs) ** 2 * 2)
    torch.testing.assert_close(kernel(xs[:2], squared=False, power=1), (xs[0] + xs[1]) * 2)


def test_in_place_operators() -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=torch.float32, device=x.device)
        for tile in hl.tile(x.size(0)):
            acc = hl.zeros([tile])
            copy = acc.clone()
            for other in hl.tile(x.size(1)):
                acc += x[tile, other].sum(-1)
                acc *= 2
            copy -= 1
            out[tile] = acc + copy
        return out

    x = torch.randn(4, 8, dtype=torch.float64)
    bound = kernel.bind((x,))
    run = bound.compile_config(helion.Config(block_sizes=[4, 4]))
    expected = (x[:, :4].sum(1) * 2 + x[:, 4:].sum(1)) * 2 - 1
    torch.testing.assert_close(run(x), expected.float())


def test_bound_kernels_are_called_like_kernels() -> None:
    """Defaults and keywords work on a bound kernel and on a compiled config, too."""

    def scaled(x: torch.Tensor, factor: int = 3) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile] * factor
        return out

    x = torch.randn(20)
    bound = helion.kernel(scaled).bind((x,))
    torch.testing.assert_close(bound(x), x * 3)
    torch.testing.assert_close(bound.compile_config(helion.Config(block_sizes=[8]))(x=x), x * 3)


def test_an_inner_loop_starts_afresh_each_time() -> None:
    """What starts a carried value outside of the outer loop must survive the inner one."""

    def row_sums(x: torch.Tensor) -> torch.Tensor:
        m, n = x.size()
        out = torch.empty([m], dtype=x.dtype, device=x.device)
        for tile_m in hl.tile(m):
            zero = hl.zeros([tile_m], dtype=torch.float32)
            total = hl.zeros([tile_m], dtype=torch.float32)
            for _ in hl.tile(2, block_size=1):
                part = zero
                for tile_n in hl.tile(n):
                    part = part + x[tile_m, tile_n].sum(-1)
                total = total + part
            out[tile_m] = total
        return out

    x = torch.randn(9, 20)
    kernel = helion.kernel(row_sums, config=helion.Config(block_sizes=[4, 8]))
    torch.testing.assert_close(kernel(x), 2 * x.sum(-1), rtol=1e-4, atol=1e-4)
