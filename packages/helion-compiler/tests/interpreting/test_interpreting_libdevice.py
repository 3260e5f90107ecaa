"""Every libdevice function that TorchInductor emits, in emitted source, against PyTorch."""

import linecache
from collections.abc import Callable
from typing import Any

import pytest
import torch
import triton
import triton.language as tl
from torch._inductor.runtime.triton_helpers import libdevice

from helion_compiler.interpreting import interpret

SIZE = 256

UNARY: dict[str, Callable[..., torch.Tensor]] = {
    "abs": torch.abs,
    "acos": torch.acos,
    "acosh": torch.acosh,
    "asin": torch.asin,
    "asinh": torch.asinh,
    "atan": torch.atan,
    "atanh": torch.atanh,
    "cbrt": lambda x: x.sign() * x.abs() ** (1 / 3),
    "ceil": torch.ceil,
    "cos": torch.cos,
    "cosh": torch.cosh,
    "cospi": lambda x: torch.cos(x.double() * torch.pi),
    "cyl_bessel_i0": torch.special.i0,
    "cyl_bessel_i1": torch.special.i1,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "erfcinv": lambda x: torch.erfinv(1 - x),
    "erfcx": torch.special.erfcx,
    "erfinv": torch.erfinv,
    "exp": torch.exp,
    "exp10": lambda x: 10.0 ** x.double(),
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "floor": torch.floor,
    "j0": torch.special.bessel_j0,
    "j1": torch.special.bessel_j1,
    "lgamma": torch.lgamma,
    "log": torch.log,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "log2": torch.log2,
    "logb": lambda x: torch.frexp(x).exponent - 1.0,
    "nearbyint": torch.round,
    "normcdf": torch.special.ndtr,
    "normcdfinv": torch.special.ndtri,
    "rcp_rn": torch.reciprocal,
    "rint": torch.round,
    "round": lambda x: x.sign() * (x.abs().double() + 0.5).floor(),
    "rsqrt": torch.rsqrt,
    "sin": torch.sin,
    "sinh": torch.sinh,
    "sinpi": lambda x: torch.sin(x.double() * torch.pi),
    "sqrt": torch.sqrt,
    "sqrt_rn": torch.sqrt,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "tgamma": lambda x: torch.lgamma(x).exp() * torch.where((x < 0) & (x.floor() % 2 != 0), -1, 1),
    "trunc": torch.trunc,
    "y0": torch.special.bessel_y0,
    "y1": torch.special.bessel_y1,
}

BINARY: dict[str, Callable[..., torch.Tensor]] = {
    "add_rn": torch.add,
    "atan2": torch.atan2,
    "copysign": torch.copysign,
    "div_rn": torch.div,
    "fdim": lambda x, y: (x - y).clamp(min=0),
    "fmod": torch.fmod,
    "hypot": torch.hypot,
    "mul_rn": torch.mul,
    "nextafter": torch.nextafter,
    "pow": torch.pow,
    "remainder": lambda x, y: x.double() - y.double() * (x.double() / y.double()).round(),
    "sub_rn": torch.sub,
}

TO_INTEGER: dict[str, Callable[..., torch.Tensor]] = {
    "isinf": torch.isinf,
    "isnan": torch.isnan,
    "llrint": lambda x: torch.where(x.isfinite(), x, 0).round(),
    "signbit": torch.signbit,
}

INTEGER: dict[str, Callable[[int], int]] = {
    "brev": lambda x: int(f"{x & 0xFFFFFFFF:032b}"[::-1], 2) - (x & 1) * 2**32,
    "clz": lambda x: 32 - (x & 0xFFFFFFFF).bit_length(),
    "ffs": lambda x: (x & -x).bit_length(),
    "popc": lambda x: (x & 0xFFFFFFFF).bit_count(),
}


def emitted(name: str, arguments: str) -> Any:
    """A kernel whose text exists in `linecache` only, as the compiler emits kernels."""
    parameters = ", ".join(f"{argument}_ptr" for argument in arguments.split(", "))
    loads = "\n".join(f"    {a} = tl.load({a}_ptr + i)" for a in arguments.split(", "))
    source = (
        f"@triton.jit\ndef kernel({parameters}, out_ptr, SIZE: tl.constexpr):\n"
        f"    i = tl.arange(0, SIZE)\n{loads}\n"
        f"    tl.store(out_ptr + i, libdevice.{name}({arguments}))\n"
    )
    filename = f"<emitted {name}({arguments})>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"triton": triton, "tl": tl, "libdevice": libdevice}
    exec(compile(source, filename, "exec"), namespace)
    return namespace["kernel"]


def samples(seed: int, dtype: torch.dtype) -> torch.Tensor:
    values = torch.randn(SIZE, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2
    values[: SIZE // 4] = values[: SIZE // 4].abs() / 8  # within the domain of most functions
    values[-5:] = torch.tensor([0.5, -2.5, 1.5, 1.0, 3.0])
    return values


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_float(name: str, dtype: torch.dtype) -> None:
    x, out = samples(1, dtype), torch.empty(SIZE, dtype=dtype)
    interpret(emitted(name, "x"), (1, 1, 1), [x, out], {"SIZE": SIZE})
    torch.testing.assert_close(out, UNARY[name](x).to(dtype), equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_floats(name: str, dtype: torch.dtype) -> None:
    x, y, out = samples(1, dtype), samples(2, dtype), torch.empty(SIZE, dtype=dtype)
    interpret(emitted(name, "x, y"), (1, 1, 1), [x, y, out], {"SIZE": SIZE})
    torch.testing.assert_close(out, BINARY[name](x, y).to(dtype), equal_nan=True)


@pytest.mark.parametrize("name", TO_INTEGER)
def test_functions_from_floats_to_integers(name: str) -> None:
    x, out = samples(1, torch.float32), torch.empty(SIZE, dtype=torch.int64)
    x[:4] = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0])
    if name == "llrint":
        x[:3] = 0.0
    interpret(emitted(name, "x"), (1, 1, 1), [x, out], {"SIZE": SIZE})
    assert torch.equal(out, TO_INTEGER[name](x).to(torch.int64))


@pytest.mark.parametrize("name", INTEGER)
def test_functions_of_integers(name: str) -> None:
    x = torch.randint(-(2**31), 2**31 - 1, (SIZE,), dtype=torch.int32)
    x[:4] = torch.tensor([0, 1, -1, -(2**31)])
    out = torch.empty(SIZE, dtype=torch.int32)
    interpret(emitted(name, "x"), (1, 1, 1), [x, out], {"SIZE": SIZE})
    assert out.tolist() == [INTEGER[name](value) for value in x.tolist()]


def test_fma_and_ldexp() -> None:
    x, y, z = (samples(seed, torch.float32) for seed in (1, 2, 3))
    out, n = torch.empty(SIZE), torch.randint(-20, 20, (SIZE,), dtype=torch.int32)
    interpret(emitted("fma", "x, y, z"), (1, 1, 1), [x, y, z, out], {"SIZE": SIZE})
    torch.testing.assert_close(out, (x.double() * y + z).float(), rtol=0, atol=0)
    interpret(emitted("ldexp", "x, n"), (1, 1, 1), [x, n, out], {"SIZE": SIZE})
    torch.testing.assert_close(out, torch.ldexp(x, n), rtol=0, atol=0)


def test_a_directed_rounding_is_refused_by_name() -> None:
    x, out = samples(1, torch.float32), torch.empty(SIZE)
    with pytest.raises(NotImplementedError, match="__nv_frcp_ru"):
        interpret(emitted("rcp_ru", "x"), (1, 1, 1), [x, out], {"SIZE": SIZE})
