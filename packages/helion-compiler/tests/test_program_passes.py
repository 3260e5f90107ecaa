"""Programs: where masks appear and where proof removes them, dead ops, rolled reductions, the verifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.passes import drop_dead_ops
from helion_compiler.program.ops import Block, Fence, Load, Loop, Mask, Pointwise, Reduce, Store
from helion_compiler.program.types import Value
from helion_compiler.program.verifier import InvalidProgram, verify_program
from helion_compiler.scheduling.roll_reductions import NotRollable, roll_reductions

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.program import Program

ROWS, COLUMNS = 5, 37


def rows(function: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype) -> Any:
    """A kernel that reduces each row of a matrix as ``function`` says, a whole row at a time."""

    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = function(x[tile, :])
        return out

    return kernel


def implementation(kernel: Any, *arguments: Any) -> Any:
    return kernel.bind(arguments)._implementation


def masks(program: Program) -> list[float | bool]:
    return [op.fill for op in program.walk() if isinstance(op, Mask)]


# What is reduced, by name: the function of a row, the fills of the masks that it needs, the result's dtype.
REDUCTIONS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], list[Any], torch.dtype]] = {
    "sum": (lambda row: row.sum(-1), [], torch.float32),
    "sum of relu": (lambda row: torch.relu(row).sum(-1), [], torch.float32),
    "sum of a product": (lambda row: (row * row).sum(-1), [], torch.float32),
    "sum of tripled": (lambda row: (row * 3).sum(-1), [], torch.float32),
    "sum of exp": (lambda row: row.exp().sum(-1), [0], torch.float32),
    "sum of successors": (lambda row: (row + 1).sum(-1), [0], torch.float32),
    "sum of sin": (lambda row: row.sin().sum(-1), [], torch.float32),
    "sum of cos": (lambda row: row.cos().sum(-1), [0], torch.float32),
    "amax": (lambda row: row.amax(-1), [-float("inf")], torch.float32),
    "amax of relu": (lambda row: torch.relu(row).amax(-1), [-float("inf")], torch.float32),
    "amin": (lambda row: row.amin(-1), [float("inf")], torch.float32),
    "prod": (lambda row: row.prod(-1), [1], torch.float32),
    "prod of cos of zeros": (lambda row: (row * 0).cos().prod(-1), [], torch.float32),
    "any": (lambda row: (row > 3).any(-1), [], torch.bool),
    "all": (lambda row: (row < -0.1).all(-1), [True], torch.bool),
    "argmax": (lambda row: row.argmax(-1), [-float("inf")], torch.int64),
    "mean of centred": (
        lambda row: (row - row.mean(-1, keepdim=True)).abs().sum(-1),
        [0],
        torch.float32,
    ),
    "permuted": (lambda row: (row.t() + 1).sum(0), [0], torch.float32),
    "logsumexp": (lambda row: torch.logsumexp(row, -1), [-float("inf"), 0], torch.float32),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_masks_are_where_padding_would_leak(name: str) -> None:
    function, expected, dtype = REDUCTIONS[name]
    assert (
        masks(implementation(rows(function, dtype), torch.zeros(ROWS, COLUMNS)).specialized.program)
        == expected
    )


@pytest.mark.parametrize("name", REDUCTIONS)
def test_no_padding_leaks(name: str) -> None:
    """Whatever the block sizes and however the row is walked; values are negative, so that a 0 would win a maximum."""
    function, _, dtype = REDUCTIONS[name]
    x = -torch.rand(ROWS, COLUMNS, generator=torch.Generator().manual_seed(0)) - 0.5
    bound = implementation(rows(function, dtype), x)
    sites = bound.config_spec.sites["reduction_loops"]
    steps = (None,) if sites[0].parameter is None else (None, 32)
    for block in (1, 4, 8):
        for step in steps:
            config = helion.Config(block_sizes=[block], reduction_loops=[step])
            torch.testing.assert_close(
                bound.compile_config(config)(x), function(x), rtol=1e-5, atol=1e-5
            )


def test_exact_tiles_have_no_masks_in_source() -> None:
    kernel = rows(lambda row: row.exp().sum(-1), torch.float32)
    exact = kernel.bind((torch.zeros(8, 64),)).to_triton_code(helion.Config(block_sizes=[4]))
    assert "mask" not in exact
    assert "tl.where" not in exact
    ragged = kernel.bind((torch.zeros(7, 64),)).to_triton_code(helion.Config(block_sizes=[4]))
    assert "tile_mask" in ragged
    assert "tl.where" not in ragged  # rows beyond the last are computed, and not stored


@helion.kernel()
def dot_of_exp(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), y.size(1)], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([x.size(0), y.size(1)]):
        acc = hl.zeros([tile_m, tile_n])
        for tile_k in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[tile_m, tile_k].exp(), y[tile_k, tile_n].exp())
        out[tile_m, tile_n] = acc
    return out


def test_dots_mask_both_operands() -> None:
    x, y = torch.randn(5, 19), torch.randn(19, 7)
    bound = implementation(dot_of_exp, x, y)
    assert masks(bound.specialized.program) == [0, 0]
    run = bound.compile_config(helion.Config(block_sizes=[16, 16, 16]))
    torch.testing.assert_close(run(x, y), x.exp() @ y.exp(), rtol=1e-5, atol=1e-5)


def accumulate(start: float) -> Any:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            acc = hl.full([tile, 8], start, dtype=torch.float32)
            for other in hl.tile(x.size(1)):
                acc = acc + x[tile, other].sum(-1)[:, None]
            out[tile] = acc.sum(-1)
        return out

    return kernel


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_carried_values_keep_only_what_every_iteration_keeps(start: float) -> None:
    x = torch.randn(3, 21)
    bound = implementation(accumulate(start), x)
    run = bound.compile_config(helion.Config(block_sizes=[2, 8]))
    torch.testing.assert_close(run(x), 8 * (x.sum(1) + start))


# Dead ops.


@helion.kernel()
def wasteful(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        unused = x[tile, :].exp()
        total = hl.zeros([tile])
        count = hl.zeros([tile])
        for other in hl.tile(x.size(1)):
            total = total + x[tile, other].sum(-1)
            count = count + unused.sum(-1)
        for other in hl.tile(x.size(1)):
            unused = unused + x[tile, other].sum(-1)[:, None]
        out[tile, :] = x[tile, :] + total[:, None]
    return out


def test_dead_ops_go() -> None:
    x = torch.randn(4, 8)
    bound = implementation(wasteful, x)
    ops = list(bound.specialized.program.walk())
    assert not any(isinstance(op, Pointwise) and "exp" in str(op.operator) for op in ops)
    (loop,) = bound.specialized.program.loops()
    assert [value.name for value in loop.results] == ["total"]
    assert len([op for op in ops if isinstance(op, Load)]) == 2
    torch.testing.assert_close(wasteful(x), x + x.sum(1, keepdim=True))


def test_dropping_twice_drops_nothing_more() -> None:
    program = implementation(wasteful, torch.randn(4, 8)).specialized.program
    again = drop_dead_ops(program)
    assert len(list(again.walk())) == len(list(program.walk()))


# Rolled reductions.


def softmax_rows(row: torch.Tensor) -> torch.Tensor:
    return torch.softmax(row, -1)[:, 0]


def whole(function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = function(x[tile, :])
        return out

    return kernel


@pytest.mark.parametrize(
    ("function", "loops"),
    [
        (lambda row: torch.softmax(row, -1), 2),
        (lambda row: row / row.sum(-1, keepdim=True), 2),
        (lambda row: row + 1, 1),
        (lambda row: row - row.amax(-1)[:, None] - row.amin(-1)[:, None], 2),
        (lambda row: row * torch.rsqrt(row.square().mean(-1, keepdim=True) + 1e-5), 2),
        (lambda row: torch.nn.functional.layer_norm(row, [100]), 3),
    ],
)
def test_one_loop_for_each_dependent_reduction(
    function: Callable[[torch.Tensor], torch.Tensor], loops: int
) -> None:
    x = torch.rand(3, 100) + 0.5  # sums without cancellation
    bound = implementation(whole(function), x)
    (axis,) = bound.specialized.program.whole_axes()
    rolled = roll_reductions(bound.specialized.program, axis, 32, 0)
    verify_program(rolled)
    assert len(rolled.loops()) == loops
    assert rolled.whole_axes() == ()
    run = bound.compile_config(helion.Config(block_sizes=[2], reduction_loops=[32]))
    torch.testing.assert_close(run(x), function(x), rtol=1e-5, atol=1e-5)


@helion.kernel()
def square_sum(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), x.size(1)], dtype=x.dtype, device=x.device)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :, :].sum(-1)
    return out


@helion.kernel()
def overwrites(x: torch.Tensor, out: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        row = x[tile, :]
        largest = row.amax(-1)
        x[tile, 0] = largest
        out[tile, :] = row - largest[:, None]


@pytest.mark.parametrize(
    ("kernel", "arguments", "reason"),
    [
        (rows(lambda row: row.argmax(-1), torch.int64), (torch.zeros(4, 64),), "argmax needs all"),
        (square_sum, (torch.zeros(4, 64, 64),), "two dimensions of its extent"),
        (overwrites, (torch.zeros(4, 64), torch.zeros(4, 64)), "both read along it and written"),
    ],
    ids=["argmax", "square", "overwritten"],
)
def test_not_rollable(kernel: Any, arguments: tuple[Any, ...], reason: str) -> None:
    bound = implementation(kernel, *arguments)
    axis = bound.specialized.program.whole_axes()[0]
    with pytest.raises(NotRollable, match=reason):
        roll_reductions(bound.specialized.program, axis, 32, 0)
    assert reason in bound.config_spec.sites["reduction_loops"][0].reason


def test_what_is_overwritten_is_read_before() -> None:
    x, out = torch.randn(4, 64), torch.empty(4, 64)
    expected = x - x.amax(1, keepdim=True)
    overwrites(x, out)
    torch.testing.assert_close(out, expected)


# The verifier.


@pytest.fixture
def program() -> Program:
    program: Program = implementation(
        dot_of_exp, torch.zeros(5, 19), torch.zeros(19, 7)
    ).specialized.program
    return program


def replaced(program: Program, old: Any, *new: Any) -> Program:
    """The same program with ``new`` where ``old`` was."""

    def block(body: Block) -> Block:
        ops: list[Any] = []
        for op in body.ops:
            if op is old:
                ops += new
            else:
                ops.append(attrs.evolve(op, body=block(op.body)) if isinstance(op, Loop) else op)
        return attrs.evolve(body, ops=tuple(ops))

    return program.with_bodies(block)


def first(program: Program, kind: type) -> Any:
    return next(op for op in program.walk() if isinstance(op, kind))


def broken_programs() -> dict[str, tuple[Callable[[Program], Program], str]]:
    def wrong_dtype(program: Program) -> Program:
        load = first(program, Load)
        type_ = attrs.evolve(load.result.type, dtype=torch.int8)
        return replaced(program, load, attrs.evolve(load, result=Value("x", type_)))

    def carried_type(program: Program) -> Program:
        (loop,) = program.loops()
        type_ = attrs.evolve(loop.results[0].type, dtype=torch.int8)
        return replaced(program, loop, attrs.evolve(loop, results=(Value("acc", type_),)))

    def out_of_its_loop(program: Program) -> Program:
        (loop,) = program.loops()
        return replaced(program, loop, *loop.body.ops, loop)

    def masked_dimension(program: Program) -> Program:
        mask = first(program, Mask)
        return replaced(program, mask, attrs.evolve(mask, dim=len(mask.operand.type.shape)))

    def evolve(kind: type, **changes: Any) -> Callable[[Program], Program]:
        def change(program: Program) -> Program:
            op = first(program, kind)
            return replaced(program, op, attrs.evolve(op, **changes))

        return change

    return {
        "missing op": (lambda p: replaced(p, first(p, Load)), "before it is defined"),
        "op twice": (
            lambda p: replaced(p, first(p, Load), first(p, Load), first(p, Load)),
            "defined twice",
        ),
        "dtype of a load": (wrong_dtype, "before it is defined|wrong dtype"),
        "subscripts": (evolve(Load, subscripts=()), "wrong rank"),
        "carried type": (carried_type, "changes its type"),
        "carried groups": (evolve(Loop, initial=()), "unequal length"),
        "tile outside": (out_of_its_loop, "outside its loop"),
        "mask": (masked_dimension, "no padding"),
        "buffers": (lambda p: attrs.evolve(p, buffers=(*p.buffers, p.buffers[0])), "one number"),
        "unknown buffer": (lambda p: attrs.evolve(p, buffers=p.buffers[1:]), "unknown buffer"),
        "yield": (
            lambda p: replaced(
                p,
                p.loops()[0],
                attrs.evolve(
                    p.loops()[0],
                    body=attrs.evolve(
                        p.loops()[0].body, yields=(Value("acc", p.loops()[0].results[0].type),)
                    ),
                ),
            ),
            "which it does not define",
        ),
    }


@pytest.mark.parametrize("name", broken_programs())
def test_verifier_refuses(name: str, program: Program) -> None:
    verify_program(program)
    break_it, reason = broken_programs()[name]
    with pytest.raises(InvalidProgram, match=reason):
        verify_program(break_it(program))


def test_every_stage_is_a_valid_program(program: Program) -> None:
    assert {Load, Loop, Mask, Store} <= {type(op) for op in program.walk()}
    assert not any(isinstance(op, Reduce) for op in program.walk())


def fences(kernel: Any, *arguments: torch.Tensor) -> int:
    return sum(
        isinstance(op, Fence)
        for op in implementation(kernel, *arguments).specialized.program.walk()
    )


def test_loops_that_follow_each_other_need_no_fence() -> None:
    @helion.kernel()
    def parts(lengths: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for row in hl.grid(x.size(0)):
            length = lengths[row]
            for tile in hl.tile(0, length):
                out[row, tile] = x[row, tile] + 1
            for tile in hl.tile(length, x.size(1)):
                out[row, tile] = x[row, tile]
        return out

    assert fences(parts, torch.arange(5), torch.zeros(5, 40)) == 0


def test_loops_whose_bound_changes_from_turn_to_turn_need_fences() -> None:
    """What one turn begins with may be what the turn before ended with."""

    @helion.kernel()
    def parts(lengths: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for row in hl.grid(x.size(0)):
            for turn in hl.grid(lengths.size(0)):
                length = lengths[turn]
                for tile in hl.tile(0, length):
                    out[row, tile] = x[row, tile] + 1
                for tile in hl.tile(length, x.size(1)):
                    out[row, tile] = x[row, tile]
        return out

    assert fences(parts, torch.arange(5), torch.zeros(5, 40)) > 0
