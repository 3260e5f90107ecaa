"""Functions of our own in place of libdevice's: as exact, for every kind of number, where the target has instructions.

The interpreter computes approximate instructions exactly, so what is measured here is the error of the formulas.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target
from helion_compiler.bundling.request import BuildRequest
from helion_compiler.interpreting import libdevice
from helion_compiler.torch_bridge.elementary import ELEMENTARY, ELEMENTARY_OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 1 << 16
LEAST_LOGISTIC = -128 * math.log(2)
SPECIAL = torch.tensor(
    [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 2.0**-126, 3.4028235e38, torch.inf, -torch.inf, torch.nan]
)


def applied(function: Callable[..., torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = function(x[tile])
    return out


def interpreted(function: Callable[..., torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = helion.kernel(applied, config=helion.Config(block_sizes=[BLOCK]))(
        function, x
    )
    return result


def source(function: Callable[..., torch.Tensor], x: torch.Tensor, target: str) -> str:
    request = BuildRequest(helion.kernel(applied), (function, x))
    config = helion.Config(block_sizes=[64])
    return request.bind(parse_target(target)).lower(config).emitted.source


def every(step: int) -> torch.Tensor:
    """Floats of both signs and of every magnitude, ``step`` patterns of bits apart."""
    bits = torch.arange(0, 0x7F800000, step, dtype=torch.int32)
    sizes = bits.view(torch.float32)
    return torch.cat([SPECIAL, sizes, -sizes])


def between(low: float, high: float, step: int) -> torch.Tensor:
    first, last = (torch.tensor(each).view(torch.int32).item() for each in (low, high))
    return torch.arange(first, last, step, dtype=torch.int32).view(torch.float32)


def worst(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The largest error in units in the last place of ``exact``, which is in float64; infinite where one of the two
    is not finite and the other differs.
    """
    rounded = exact.float()
    finite = found.isfinite() & rounded.isfinite()
    same = torch.where(found.isnan(), rounded.isnan(), found == rounded)
    if not bool((finite | same).all()):
        return math.inf
    _, exponent = torch.frexp(exact[finite])
    unit = torch.ldexp(torch.ones_like(exact[finite]), (exponent - 24).clamp(min=-149))
    return float(((found[finite].double() - exact[finite]).abs() / unit).max())


FUNCTIONS = {**ELEMENTARY, **ELEMENTARY_OPERATORS}
CASES: dict[str, tuple[Callable[..., torch.Tensor], float]] = {
    "log": (torch.log, 0.92),
    "silu": (torch.nn.functional.silu, 2.8),
    "sigmoid": (torch.sigmoid, 2.1 + 1.173 * 88),
    "tanh": (torch.tanh, 1.8),
}
"""The bounds are those of the module's documentation, without what instructions of a GPU add."""


def test_every_function_is_tried() -> None:
    assert CASES.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", CASES)
def test_errors_are_as_the_documentation_says(name: str) -> None:
    function, bound = CASES[name]
    x = torch.cat([every(8191), between(2.0**-9, 16.0, 173)])
    assert f" = {FUNCTIONS[name]}(x_1)" in source(function, x[:64], "sm_90")
    found, exact = interpreted(function, x), function(x.double())
    if name in ("sigmoid", "silu"):  # `tl.sigmoid` is zero there, too: the exponential is infinite
        zero = (x < LEAST_LOGISTIC) & x.isfinite()
        assert (found[zero] == 0).all()
        found, exact = found[~zero], exact[~zero]
    assert worst(found, exact) < bound


def test_logarithms_of_numbers_near_one() -> None:
    x = between(0.7, 1.45, 5)
    assert worst(interpreted(torch.log, x), torch.log(x.double())) < 0.92
    assert interpreted(torch.log, torch.ones(3)).eq(0).all()


@pytest.mark.parametrize("error", [-(2.0**-21), 2.0**-21])
def test_logarithms_do_not_depend_on_how_exact_the_instruction_is(
    monkeypatch: pytest.MonkeyPatch, error: float
) -> None:
    """`lg2.approx` is 2**-22 off at most: in the result, or between 1/2 and 2 in relation to 1."""

    def inexact(x: Any) -> Any:
        answer = torch.log2(torch.from_numpy(x.copy()))
        off = answer + error * answer.abs().clamp(min=1)
        return torch.where(answer.isfinite(), off, answer).numpy()

    monkeypatch.setitem(libdevice._FUNCTIONS, "fast_log2", inexact)
    x = torch.cat([every(8191), between(0.7, 1.45, 31)])
    assert worst(interpreted(torch.log, x), torch.log(x.double())) < 0.92


def test_the_logistic_function_keeps_small_results() -> None:
    x = torch.linspace(LEAST_LOGISTIC + 0.01, 20, 10001)
    found, exact = interpreted(torch.sigmoid, x), torch.sigmoid(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=1.1e-5, atol=2.0**-149)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_silu_of_halves_is_computed_in_float32(dtype: torch.dtype) -> None:
    x = torch.linspace(-30, 30, 4001).to(dtype)
    text = source(torch.nn.functional.silu, x[:64], "sm_90")
    assert f".to(tl.{str(dtype).removeprefix('torch.')})" in text
    found = interpreted(torch.nn.functional.silu, x)
    torch.testing.assert_close(found, torch.nn.functional.silu(x.double()).to(dtype))


def test_a_shared_integer_is_divided_by_once() -> None:
    """The product with its reciprocal is 1 ulp off at most."""

    def divided(x: torch.Tensor, by: int) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile] / by
        return out

    kernel = helion.kernel(divided, config=helion.Config(block_sizes=[BLOCK]), static_shapes=False)
    x = torch.cat([every(65521), between(0.5, 2.0, 4099)])
    for by in (3, 1024, 16777217, 2**62):
        request = BuildRequest(helion.kernel(divided, static_shapes=False), (x[:64], by))
        bound = request.bind(parse_target("sm_90"))
        assert "tl.div_rn(1.0," in bound.lower(helion.Config(block_sizes=[64])).emitted.source
        assert worst(kernel(x, by), x.double() / by) <= 1.01


def test_bfloat16_is_widened_exactly() -> None:
    x = torch.arange(0, 1 << 16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)

    def widened(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x, dtype=torch.float32)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile].to(torch.float32)
        return out

    found = helion.kernel(widened, config=helion.Config(block_sizes=[BLOCK]))(x)
    assert "widened(x_1)" in source(lambda x: x * 2, x, "sm_90")
    torch.testing.assert_close(found, x.float(), rtol=0, atol=0, equal_nan=True)


def test_doubles_and_other_targets_have_the_texts_of_inductor() -> None:
    def everything(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.silu(torch.log(x) + torch.sigmoid(x) * torch.tanh(x))

    for x, target in (
        (torch.empty(64, dtype=torch.float64), "sm_90"),
        (torch.empty(64, dtype=torch.bfloat16), "gfx942"),
    ):
        text = source(everything, x, target)
        assert all(name in text for name in ("tl_math.log(", "tl.sigmoid(", "libdevice.tanh("))
        assert not any(name in text for name in (*FUNCTIONS.values(), "widened"))


def gelu(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.gelu(x, approximate="tanh")


def test_gelu_keeps_digits_that_eager_mode_loses() -> None:
    x = torch.linspace(-9.5, 9.5, 20001)
    inner = math.sqrt(2 / math.pi) * (x.double() + 0.044715 * x.double() ** 3)
    exact = x.double() / (1 + torch.exp(-2 * inner))
    found = interpreted(gelu, x).double()
    torch.testing.assert_close(found, exact, rtol=2e-5, atol=0)
    moderate = x.abs() < 2
    torch.testing.assert_close(found[moderate], exact[moderate], rtol=1e-6, atol=0)
    tail = x < -5
    eager = gelu(x).double()
    assert ((eager - exact).abs()[tail] > 1e-3 * exact.abs()[tail]).any()
