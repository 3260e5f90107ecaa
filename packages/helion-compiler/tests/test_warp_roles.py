"""Kernels whose warps have roles: which have them, what their configs may be, and what becomes of them without a GPU.

That they are right shows on a GPU alone: ``integration_tests/gpu/test_warp_roles_on_a_gpu.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import helion
import helion.language as hl
from helion.autotuner import EnumFragment
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest
from helion_compiler.scheduling.warp_roles import warp_roles
from helion_compiler.space.warp_specialization import warp_specialization

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HOPPER = parse_target("sm_90")
WARPS = "range_warp_specializes[columns]"


def weighed(
    x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, weigh: Callable[..., Any]
) -> torch.Tensor:
    """``weigh`` makes weights of products, of the author's accumulator, and of positions."""
    _, _, size = (hl.specialize(one.size(1)) for one in (x, y, z))
    out = torch.empty([x.size(0), size], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(y.size(0)):
            products = hl.dot(own, y[columns, :].T)
            weights, acc = weigh(products, acc, rows, columns, x)
            acc = hl.dot(weights.to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc.to(out.dtype)
    return out


def squares(products: Any, acc: Any, *_: Any) -> Any:
    return products * products / 32, acc


def halves(*shape: int) -> torch.Tensor:
    return torch.randn(shape).to(torch.bfloat16)


def bind(
    function: Any = weighed, *more: Any, dtype: torch.dtype = torch.bfloat16, **settings: Any
) -> Any:
    """The specialization for 500 rows of 64, for Hopper."""
    arguments = [torch.randn(500, 64).to(dtype) for _ in range(3)]
    kernel = helion.kernel(**settings)(function)
    return BuildRequest(kernel, (*arguments, *(more or (squares,)))).bind(HOPPER)


def config(**changes: Any) -> helion.Config:
    roles = {"range_warp_specializes": [None, True], "num_warps": 8}
    return helion.Config(**{"block_sizes": [128, 64], **roles, **changes})


def test_what_becomes_of_each_op() -> None:
    program = bind().program
    roles = warp_roles(program, {op.name for op in program.accesses()})
    (turn,) = roles.turns
    assert roles.rows.name == "rows"
    assert roles.kept.name == "x@load"
    assert [operand.load.name for operand in turn.copied] == ["y@load", "z@load"]
    assert [len(operand.moves) for operand in turn.copied] == [1, 0]
    assert not turn.rescale
    assert [store.name for store in roles.matrices] == ["out@store"]


def _rescaled(products: Any, acc: Any, *_: Any) -> Any:
    return products, acc * products.amax(-1)[:, None]


def test_what_the_accumulator_is_multiplied_by_comes_behind_the_front() -> None:
    program = bind(weighed, _rescaled).program
    (turn,) = warp_roles(program, {op.name for op in program.accesses()}).turns
    assert [str(op.operator) for op in turn.rescale] == ["aten.mul.Tensor"]


def _of_accumulator(products: Any, acc: Any, *_: Any) -> Any:
    return products + acc.sum(-1)[:, None], acc


def _along_rows(products: Any, acc: Any, *_: Any) -> Any:
    return products - products.amax(0)[None, :], acc


def _loading(products: Any, acc: Any, rows: Any, columns: Any, x: Any) -> Any:
    return products * x[columns, 0][None, :], acc


@pytest.mark.parametrize(
    ("weigh", "reason"),
    [
        (_of_accumulator, "uses its accumulator for more than the second product"),
        (_along_rows, "reduced along the rows"),
        (_loading, "no place for Load"),
    ],
)
def test_other_weights_leave_warps_as_they_are(weigh: Any, reason: str) -> None:
    (told,) = [item for item in bind(weighed, weigh).space.excluded if WARPS[:22] in item.what]
    assert reason in told.reason


def rounded_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """As PyTorch's Helion has it: scores are rounded to the type of queries and keys."""
    _, length, size = q.size()
    keys, size = k.transpose(1, 2), hl.specialize(size)
    out = torch.empty_like(q)
    for head, rows in hl.tile([q.size(0), length]):
        top = hl.full([head, rows], float("-inf"), dtype=torch.float32)
        total = torch.full_like(top, 1.0)
        acc = hl.zeros([head, rows, size], dtype=torch.float32)
        query = q[head, rows, :]
        for columns in hl.tile(k.size(1)):
            scores = torch.bmm(query, keys[head, :, columns])
            raised = torch.maximum(top, torch.amax(scores, -1))
            weights, worth = torch.exp2(scores - raised[:, :, None]), torch.exp2(top - raised)
            total, top = total * worth + torch.sum(weights, -1), raised
            value = v[head, columns, :]
            acc = torch.baddbmm(acc * worth[:, :, None], weights.to(value.dtype), value)
        out[head, rows, :] = (acc / total[:, :, None]).to(out.dtype)
    return out


def test_products_may_be_rounded() -> None:
    arguments = tuple(torch.empty(16, 512, 64, dtype=torch.bfloat16) for _ in range(3))
    bound = BuildRequest(helion.kernel()(rounded_attention), arguments).bind(HOPPER)
    default = bound.space.default_config()
    assert default["range_warp_specializes"] == (None, True)
    assert bound.build(default, HOPPER).image.entry.num_warps in (8, 12)
    assert "dot_1 = dot.to(tl.bfloat16)" in bound.lower(default).emitted.source


def test_other_factors_and_other_gpus_do_so_too() -> None:
    with pytest.raises(InvalidConfig, match="not of bfloat16 or float16"):
        bind(dtype=torch.float32).point(config())
    arguments = (*(halves(500, 64) for _ in range(3)), squares)
    for target in ("sm_80", "sm_100", "gfx942"):
        bound = BuildRequest(helion.kernel()(weighed), arguments).bind(parse_target(target))
        with pytest.raises(InvalidConfig, match="Hopper"):
            bound.point(config())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_warps": 4}, "4 for each 64 rows"),
        ({"block_sizes": [256, 64], "num_warps": 16}, "4 for each 64 rows"),
        ({"block_sizes": [128, 512]}, "16 to 256 rows and columns"),
        ({"num_stages": 1}, "2 buffers at least"),
        ({"block_sizes": [128, 256], "num_stages": 8}, "of shared memory"),
    ],
)
def test_configs_that_do_not_fit_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidConfig, match=reason):
        bind().point(config(**changes))


def of_a_computed_half(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, _: Any) -> torch.Tensor:
    """Which half of ``y`` is read is a number of the device's."""
    _, _, size = (hl.specialize(one.size(1)) for one in (x, y, z))
    halved = y.view(2, y.size(0) // 2, size)
    out = torch.empty([x.size(0), size], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        own, half = x[rows, :], hl.full([], 1, dtype=torch.int32) * 1
        for columns in hl.tile(halved.size(1)):
            weights = hl.dot(own, halved[half, columns, :].T) * 2
            acc = hl.dot(weights.to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc.to(out.dtype)
    return out


def handed(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, what: str) -> torch.Tensor:
    """The accumulator is multiplied, or weights are replaced, by what the turn before handed on."""
    _, _, size = (hl.specialize(one.size(1)) for one in (x, y, z))
    out = torch.empty([x.size(0), size], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        most = hl.full([rows], 1.0, dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(y.size(0)):
            weights = hl.dot(own, y[columns, :].T)
            if what == "before":
                acc = acc * most[:, None]
            most = torch.maximum(most, weights.amax(-1))
            if what == "behind":
                acc = acc * most[:, None]
            acc = hl.dot(weights.to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = (acc + most[:, None]).to(out.dtype)
    return out


def test_what_a_turn_was_handed_is_kept_for_its_end() -> None:
    for what, kept in (("before", True), ("behind", False)):
        source = re.sub(r"\n *#.*", "", bind(handed, what).lower(config()).emitted.source)
        turn = source.partition("for turn in")[2].partition("mbarrier.arrive(kept_free")[0]
        handed_on, by = turn.index("most = maximum"), re.findall(r"acc \* (\w+)\[:, None\]", turn)
        assert len(by) == 1
        assert (f"{by[0]} = most\n" in turn[:handed_on]) == kept


def test_the_copying_warp_computes_no_positions() -> None:
    with pytest.raises(InvalidConfig, match="where something is copied from is computed"):
        bind(of_a_computed_half).point(config())


def first_rows(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, last: int) -> torch.Tensor:
    """Weights of the first rows of ``y`` and ``z`` alone, which need no mask: those of zeros are zero."""
    _, _, size = (hl.specialize(one.size(1)) for one in (x, y, z))
    out = torch.empty([x.size(0), size], dtype=x.dtype, device=x.device)
    end = hl.specialize(last)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(end):
            weights = hl.dot(own, y[columns, :].T) * 2
            acc = hl.dot(weights.to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc.to(out.dtype)
    return out


@pytest.mark.parametrize(("last", "fits"), [(64, True), (128, True), (100, False), (500, True)])
def test_blocks_read_nothing_behind_the_end_of_a_loop(last: int, fits: bool) -> None:
    bound = bind(first_rows, last)
    if fits:
        bound.point(config())
    else:
        with pytest.raises(InvalidConfig, match="end where the tensor or the tile loop does"):
            bound.point(config())


def test_what_triton_loops_are_told_is_left_aside() -> None:
    bound = bind()
    plain = config()
    other = config(range_num_stages=[0, 3], maxnreg=64, range_flattens=[True, None])
    assert bound.point(plain) == bound.point(other)
    assert bound.point(config(range_warp_specializes=[None, False])) != bound.point(plain)


def powers(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, _: Any) -> torch.Tensor:
    """Weights of which a config chooses the power."""
    _, _, size = (hl.specialize(one.size(1)) for one in (x, y, z))
    power = hl.register_tunable("power", EnumFragment((2, 3)))
    out = torch.empty([x.size(0), size], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(y.size(0)):
            weights = hl.dot(own, y[columns, :].T) ** power
            acc = hl.dot(weights.to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc.to(out.dtype)
    return out


def test_what_the_author_lets_a_config_choose_is_not() -> None:
    bound = bind(powers)
    two, three = (bound.lower(config(power=power)).emitted.source for power in (2, 3))
    assert two != three
    assert "warp_specialize" in two
    assert "warp_specialize" in three


def test_points_differ_in_their_source() -> None:
    bound = bind()
    draws, sources = np.random.default_rng(0), {}
    while len(sources) < 12:
        point = bound.space.space.sample(draws)
        if point[WARPS]:
            lowered = bound.lower(bound.space.config(point))
            sources[point] = lowered.emitted.source, str(lowered.schedule.compile_options)
    assert len(set(sources.values())) == len(sources)


@pytest.mark.parametrize("dynamic", [False, True])
def test_binaries_overlap_both_products(dynamic: bool) -> None:
    bound = bind(static_shapes=not dynamic)
    built = bound.build(config(pid_type="persistent_interleaved"), HOPPER)
    # Four warps for each group, and four of which one copies.
    assert built.image.entry.num_warps == 12
    roles = warp_specialization(
        bound.program, {op.name for op in bound.program.accesses()}, HOPPER.traits
    )
    assert roles.roles is not None
    kept, rings = 128 * 64, 2 * (64 * 64 + 64 * 64)
    assert 0 <= built.image.entry.shared - 2 * (kept + rings) <= 256


def test_the_interpreter_tells_no_warps_apart() -> None:
    arguments = (halves(70, 32), halves(90, 32), halves(90, 32), squares)
    kernel = helion.kernel(config=config())(weighed)
    x, y, z = (one.float() for one in arguments[:3])  # type: ignore[attr-defined]  # the function comes last
    expected = ((x @ y.T).square() / 32 @ z).to(torch.bfloat16)
    torch.testing.assert_close(kernel(*arguments), expected, rtol=2e-2, atol=0.3)


def test_they_run_untuned_on_hopper_and_nowhere_else(golden_sources: ModuleType) -> None:
    arguments = tuple(torch.empty(16, 4096, 128, dtype=torch.float16) for _ in range(3))
    request = BuildRequest(helion.kernel()(golden_sources.causal_attention), arguments)
    default = request.bind(HOPPER).space.default_config()
    assert default["range_warp_specializes"] == (None, True, None)
    assert default["block_sizes"] == (1, 128, 128, 128)
    assert (
        "range_warp_specializes" not in request.bind(parse_target("sm_80")).space.default_config()
    )


def test_a_loop_of_unmasked_blocks_has_no_comparisons(golden_sources: ModuleType) -> None:
    source = golden_sources.SOURCES["warps_with_roles"].text()
    loops = re.split(r"\n +for turn\w* in range", source.partition("_copying(")[0])[1:]
    assert len(loops) == 2
    assert [" >= " in loop.partition("kept_free")[0] for loop in loops] == [False, True]
