"""Functions on values in reference mode: creation, views, reductions, scans, random numbers, scaled products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion.language as hl
from helion.autotuner import BooleanFragment, EnumFragment, IntegerFragment, PowerOfTwoFragment
from helion.exc import (
    InvalidAPIUsage,
    InvalidConfig,
    InvalidIndexingType,
    InvalidReductionDim,
    NotInReferenceMode,
    RankMismatch,
    ReductionDimInvalidForShape,
    RegisterTunableArgTypes,
    ShapeMismatch,
    TunableNameConflict,
    UnsupportedSplitOperation,
    WrongDevice,
)
from helion.reference import run
from helion.reference.philox import normal, uniform, words

if TYPE_CHECKING:
    from collections.abc import Callable

X = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(0)) + 0.5


def in_loop(body: Callable[[], Any], precision: Any = "native") -> Any:
    """What ``body`` returns, called inside a tile loop."""

    results = []

    def kernel(x: torch.Tensor) -> None:
        for _ in hl.tile(1):
            results.append(body())

    run(kernel, (X,), precision=precision)
    return results[0]


def test_arange() -> None:
    assert in_loop(lambda: hl.arange(4)).tolist() == [0, 1, 2, 3]
    assert in_loop(lambda: hl.arange(4)).dtype is torch.int32
    assert in_loop(lambda: hl.arange(2, 9, step=3)).tolist() == [2, 5, 8]
    assert in_loop(lambda: hl.arange(3, dtype=torch.float16)).dtype is torch.float16
    with pytest.raises(WrongDevice):
        in_loop(lambda: hl.arange(3, device=torch.device("meta")))
    with pytest.raises(WrongDevice):
        in_loop(lambda: hl.zeros([3], device=torch.device("meta")))
    assert in_loop(lambda: hl.zeros([3], device=torch.device("cpu"))).tolist() == [0, 0, 0]


def test_subscript_join_and_split() -> None:
    assert in_loop(lambda: hl.subscript(X[:], [None, slice(None), None])).shape == (1, 3, 1, 5, 4)
    with pytest.raises(InvalidIndexingType):
        in_loop(lambda: hl.subscript(X[:], [0]))  # type: ignore[list-item]  # the mistake under test
    with pytest.raises(RankMismatch):
        in_loop(lambda: hl.subscript(X[0, 0], [slice(None), slice(None)]))
    joined = in_loop(lambda: hl.join(X[:], X[0].double() * 2))
    assert joined.dtype is torch.float64
    first, second = in_loop(lambda: hl.split(hl.join(X[:], X[0] * 2)))
    torch.testing.assert_close(first, X)
    torch.testing.assert_close(second, (X[0] * 2).expand(3, 5, 4))
    with pytest.raises(ShapeMismatch):
        in_loop(lambda: hl.join(X[:], X[:2]))
    with pytest.raises(UnsupportedSplitOperation):
        in_loop(lambda: hl.split(X[:]))


def _add(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a + b


def _argmax(
    left: tuple[torch.Tensor, ...], right: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    take = right[0] > left[0]
    return torch.where(take, right[0], left[0]), torch.where(take, right[1], left[1])


def _argmax_unpacked(
    value: torch.Tensor, index: torch.Tensor, other: torch.Tensor, at: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    return _argmax((value, index), (other, at))


@pytest.mark.parametrize("dim", [0, 1, 2, -1, None])
@pytest.mark.parametrize("keep", [False, True])
def test_reduce(dim: int | None, keep: bool) -> None:
    found = in_loop(lambda: hl.reduce(_add, X[:], dim, keep_dims=keep))
    expected = X.sum() if dim is None else X.sum(dim, keepdim=keep)
    if dim is None and keep:
        expected = expected.reshape(1, 1, 1)
    torch.testing.assert_close(found, expected)
    if dim is None:
        return
    index = torch.arange(X.size(dim)).reshape([-1 if at == dim % 3 else 1 for at in range(3)])
    for combine in (_argmax, _argmax_unpacked):
        value, at = in_loop(
            lambda combine=combine: hl.reduce(  # type: ignore[misc]  # mypy has no name for this lambda
                combine, (X[:], index[:].expand_as(X[:])), dim, keep_dims=keep
            )
        )
        torch.testing.assert_close(value, X.amax(dim, keepdim=keep))
        torch.testing.assert_close(at, X.argmax(dim, keepdim=keep))


def test_reducing_nothing_gives_the_neutral_element() -> None:
    assert in_loop(lambda: hl.reduce(torch.minimum, X[:, :0], 1, other=9.0)).unique().item() == 9
    first, second = in_loop(
        lambda: hl.reduce(_argmax, (X[:0], X[:0]), 0, other=(float("-inf"), 1.0))
    )
    assert (first.unique().item(), second.unique().item()) == (float("-inf"), 1)


def _affine(
    left: tuple[torch.Tensor, ...], right: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """Composition of ``a * x + b``: associative, not commutative."""
    return left[0] * right[0], left[1] * right[0] + right[1]


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("reverse", [False, True])
def test_scans(dim: int, reverse: bool) -> None:
    given = X.flip(dim) if reverse else X

    def back(result: torch.Tensor) -> torch.Tensor:
        return result.flip(dim) if reverse else result

    sums = back(given.cumsum(dim))
    torch.testing.assert_close(in_loop(lambda: hl.cumsum(X[:], dim, reverse)), sums)
    torch.testing.assert_close(in_loop(lambda: hl.associative_scan(_add, X[:], dim, reverse)), sums)
    products = in_loop(lambda: hl.cumprod(X[:], dim, reverse))
    torch.testing.assert_close(products, back(given.cumprod(dim)))
    scale, shift = in_loop(lambda: hl.associative_scan(_affine, (X[:], X[:] + 1), dim, reverse))
    torch.testing.assert_close(scale, products)
    state, states = torch.zeros_like(given.select(dim, 0)), []
    for factor in given.unbind(dim):
        state = state * factor + factor + 1
        states.append(state)
    torch.testing.assert_close(shift, back(torch.stack(states, dim)))


def test_scans_keep_dtypes_and_combine_functions_are_the_kernels_own() -> None:
    small = (X * 10).to(torch.int8)
    assert in_loop(lambda: hl.cumsum(small[:], 0)).dtype is torch.int8
    assert in_loop(lambda: hl.reduce(lambda a, b: a.double() + b, X[:], 0)).dtype is torch.float32

    def combine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a.half() + b  # at high precision, float64 all the same

    found = in_loop(lambda: hl.reduce(combine, X[:].double(), 1), precision="high")
    torch.testing.assert_close(found, X.double().sum(1), rtol=1e-15, atol=0)


def test_what_reductions_refuse() -> None:
    with pytest.raises(ReductionDimInvalidForShape):
        in_loop(lambda: hl.reduce(_add, X[:], 3))
    with pytest.raises(InvalidReductionDim):
        in_loop(lambda: hl.cumsum(X[:], (0, 1)))  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ShapeMismatch):
        in_loop(lambda: hl.associative_scan(_affine, (X[:], X[:1]), 0))


@pytest.mark.parametrize(
    ("seed", "offset", "expected"),
    [
        # The vectors that Random123 1.14 publishes for philox4x32-10, where counter words 2 and 3 are zero.
        (0, 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ],
)
def test_philox_gives_the_published_words(
    seed: int, offset: int, expected: tuple[int, ...]
) -> None:
    assert tuple(int(word) for word in words(seed, torch.tensor([offset]))) == expected


def test_random_numbers_do_not_depend_on_blocks() -> None:
    def kernel(x: torch.Tensor, seed: int) -> torch.Tensor:
        out = torch.empty([4, *x.size()])
        for tile_m, tile_n in hl.tile(x.size()):
            out[0, tile_m, tile_n] = hl.rand([tile_m, tile_n], seed)
            out[1, tile_m, tile_n] = hl.randn([tile_m, tile_n], seed)
            drawn = hl.randint([tile_m, tile_n], -3, 60, seed)
            assert drawn.dtype is torch.int32
            out[2, tile_m, tile_n] = drawn.float()
            offsets = tile_m.index.long()[:, None] * x.size(1) + tile_n.index
            first, *_ = hl.rand4x(seed, offsets)
            assert first.equal(hl.rand([], seed, offsets=offsets))
            assert first.equal(hl.rand([tile_m, tile_n], torch.tensor(seed)))
            out[3, tile_m, tile_n] = first
        return out

    x, seed = torch.empty(11, 13), (1 << 40) + 77
    found = run(kernel, (x, seed)).outputs
    offsets = torch.arange(11 * 13).reshape(11, 13)
    drawn = words(seed, offsets)
    torch.testing.assert_close(found[0], uniform(drawn[0]), rtol=0, atol=0)
    torch.testing.assert_close(found[1], normal(drawn[0], drawn[1]), rtol=0, atol=0)
    torch.testing.assert_close(found[2], (drawn[0] % 63 - 3).float(), rtol=0, atol=0)
    for blocks in (1, 4, 8):
        torch.testing.assert_close(run(kernel, (x, seed), block_sizes=blocks).outputs, found)


def test_random_numbers_of_mixed_shapes_and_loops_that_begin_late() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.full([2, 12, 3], -1.0)
        for tile in hl.tile(5, 12):
            out[0, tile, :] = hl.rand([tile, 3], 9)
            out[1, tile, :] = hl.rand([3, tile], 9).T
        return out

    expected = torch.full([2, 12, 3], -1.0)
    whole = uniform(words(9, torch.arange(36))[0])
    expected[0, 5:] = whole.reshape(12, 3)[5:]
    expected[1, 5:] = whole.reshape(3, 12).T[5:]
    for blocks in (2, 64):
        found = run(kernel, (X,), block_sizes=blocks).outputs
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_random_numbers_look_random() -> None:
    values = in_loop(lambda: torch.stack([hl.rand([100_000], 1), hl.randn([100_000], 1)]))
    assert values[0].min() >= 0
    assert values[0].max() < 1
    assert values[0].mean().item() == pytest.approx(0.5, abs=0.005)
    assert values[1].mean().item() == pytest.approx(0, abs=0.02)
    assert values[1].std().item() == pytest.approx(1, abs=0.01)
    assert in_loop(lambda: hl.rand([4], 1), precision="high").dtype is torch.float64


def test_what_random_numbers_refuse() -> None:
    with pytest.raises(InvalidAPIUsage, match=r"no integer in \[5, 5\)"):
        in_loop(lambda: hl.randint([3], 5, 5, 0))
    with pytest.raises(InvalidAPIUsage, match="seed is a float"):
        in_loop(lambda: hl.rand([3], 0.5))  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(InvalidAPIUsage, match="no integer tensor"):
        in_loop(lambda: hl.rand4x(0, X[:]))


def _packed(numbers: torch.Tensor) -> torch.Tensor:
    return numbers[..., 0::2] | (numbers[..., 1::2] << 4)


FORMATS: dict[str, Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]] = {
    "e4m3": lambda m, k: _small(m, k, torch.float8_e4m3fn),
    "e5m2": lambda m, k: _small(m, k, torch.float8_e5m2),
    "bf16": lambda m, k: _small(m, k, torch.bfloat16),
    "fp16": lambda m, k: _small(m, k, torch.float16),
    "e2m1": lambda m, k: _fours(m, k),
}


def _small(m: int, k: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.randn(m, k, generator=torch.Generator().manual_seed(m)).to(dtype)
    return numbers, numbers.double()


def _fours(m: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    codes = torch.randint(0, 16, (m, k), generator=torch.Generator().manual_seed(m)).byte()
    sign = 1 - 2.0 * (codes >> 3)
    exponent, mantissa = (codes >> 1) & 3, (codes & 1).double()
    size = torch.where(
        exponent == 0, mantissa / 2, (1 + mantissa / 2) * torch.exp2(exponent.double() - 1)
    )
    return _packed(codes), sign.double() * size


@pytest.mark.parametrize("left", [torch.int8, torch.uint8])
@pytest.mark.parametrize("right", [torch.int8, torch.uint8])
def test_products_of_small_integers_are_exact_and_wrap(
    left: torch.dtype, right: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(0, 256, (7, 513), generator=generator).to(left)
    b = torch.randint(0, 256, (513, 5), generator=generator).to(right)
    acc = torch.randint(-(2**31), 2**31 - 1, (7, 5), dtype=torch.int64, generator=generator).int()
    exact = a.int() @ b.int()

    assert torch.equal(in_loop(lambda: hl.dot(a[:], b[:], acc=acc[:])), acc + exact)
    assert torch.equal(in_loop(lambda: torch.addmm(acc[:], a[:], b[:], beta=2)), 2 * acc + exact)
    wide = torch.promote_types(left, right)
    assert torch.equal(in_loop(lambda: a[:] @ b[:]), exact.to(wide))


@pytest.mark.parametrize("left", FORMATS)
@pytest.mark.parametrize("right", FORMATS)
def test_scaled_products(left: str, right: str) -> None:
    m, n, k = 5, 3, 64
    (a, exact_a), (b, exact_b) = FORMATS[left](m, k), FORMATS[right](n, k)
    generator = torch.Generator().manual_seed(1)
    scale_a = torch.randint(120, 135, (m, 2), dtype=torch.uint8, generator=generator)
    scale_b = torch.randint(120, 135, (n, 2), dtype=torch.uint8, generator=generator)
    acc = torch.rand(m, n)
    exact_a = exact_a * torch.exp2(scale_a.double() - 127).repeat_interleave(32, 1)
    exact_b = exact_b * torch.exp2(scale_b.double() - 127).repeat_interleave(32, 1)
    exact, size = exact_a @ exact_b.T, float((exact_a.abs() @ exact_b.abs().T).max())

    def product(acc: torch.Tensor | None, dtype: torch.dtype | None) -> torch.Tensor:
        given = None if acc is None else acc[:]
        return hl.dot_scaled(a[:], scale_a[:], left, b[:].T, scale_b[:], right, given, dtype)  # type: ignore[arg-type]  # any format

    found = in_loop(lambda: product(None, None))
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-6 * size)
    torch.testing.assert_close(in_loop(lambda: product(acc, None)), acc + found)
    assert in_loop(lambda: product(None, torch.bfloat16)).dtype is torch.bfloat16


def test_scales_may_be_missing_or_no_number() -> None:
    a = torch.randn(2, 32).to(torch.float8_e5m2)
    scale = torch.tensor([[127], [255]], dtype=torch.uint8)

    def product(scale: Any, form: Any = "e5m2", operand: Any = a) -> Callable[[], torch.Tensor]:
        def body() -> torch.Tensor:
            own = None if scale is None else scale[:]
            return hl.dot_scaled(operand[:], own, form, a[:].T, None, "e5m2")

        return body

    torch.testing.assert_close(in_loop(product(None)), a.float() @ a.float().T)
    torch.testing.assert_close(
        in_loop(product(None, "e5m2", a.view(torch.uint8))), a.float() @ a.float().T
    )
    found = in_loop(product(scale))
    assert bool(found[1].isnan().all())
    torch.testing.assert_close(found[0], a[0].float() @ a.float().T)
    with pytest.raises(ShapeMismatch, match="scales of mat1"):
        in_loop(product(scale[:1]))
    with pytest.raises(InvalidAPIUsage, match="is no format"):
        in_loop(product(None, "fp8"))
    with pytest.raises(InvalidAPIUsage, match=r"not torch\.float8_e5m2"):
        in_loop(product(None, "e4m3"))
    with pytest.raises(InvalidAPIUsage, match="comes in bytes"):
        in_loop(product(None, "e2m1"))


def test_tunables_take_what_the_config_says() -> None:
    def kernel(x: torch.Tensor) -> tuple[Any, ...]:
        split = hl.register_tunable("split", PowerOfTwoFragment(1, 16, 4))
        steps = hl.register_tunable("steps", IntegerFragment(2, 5))
        order = hl.register_tunable("order", EnumFragment(("rows", "columns")))
        flag = hl.register_tunable("flag", BooleanFragment())
        for tile in hl.tile(x.size(0)):
            x[tile] = x[tile]
        return split, steps, order, flag

    assert run(kernel, (X,)).outputs == (4, 2, "rows", False)
    chosen = {"split": 8, "order": "columns", "flag": True, "steps": 5}
    assert run(kernel, (X,), tunables=chosen).outputs == (8, 5, "columns", True)
    for wrong in ({"split": 3}, {"steps": 6}, {"order": "x"}, {"flag": 1}, {"split": 32}):
        with pytest.raises(InvalidConfig, match=next(iter(wrong))):
            run(kernel, (X,), tunables=wrong)


def test_what_tunables_refuse() -> None:
    def registering(*names: Any) -> None:
        def kernel(x: torch.Tensor) -> None:
            for name in names:
                hl.register_tunable(name, BooleanFragment())
            for _ in hl.tile(1):
                pass

        run(kernel, (X,))

    with pytest.raises(TunableNameConflict, match="a tunable"):
        registering("a", "a")
    with pytest.raises(TunableNameConflict, match="a config key"):
        registering("num_warps")
    with pytest.raises(RegisterTunableArgTypes):
        registering(3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: hl.inline_triton("{0} + 1", [X[:]], X[:]),
        lambda: hl.triton_kernel(None, [X[:]], X[:]),
        lambda: hl.inline_asm_elementwise("", "", [X[:]], torch.float32, is_pure=True, pack=1),
    ],
)
def test_code_of_other_languages_does_not_run(call: Callable[[], Any]) -> None:
    with pytest.raises(NotInReferenceMode, match="unset HELION_INTERPRET"):
        in_loop(call)


def test_printing_prints_real_values(capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> None:
        hl.device_print("value", X[0, 0, :2] * 0 + 2, 7)
        print(X[0, 0, 0] * 0)

    in_loop(body)
    assert capsys.readouterr().out == "value tensor([2., 2.]) 7\ntensor(0.)\n"


def test_breakpoints_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[str] = []
    monkeypatch.setattr("sys.breakpointhook", lambda: stops.append("here"))

    def body() -> None:
        hl.breakpoint()
        breakpoint()

    in_loop(body)
    assert stops == ["here", "here"]
