"""What the ``main`` of every example shares: check kernels against torch and, on a GPU, time them beside torch.

On a machine without a GPU the generated Triton runs in Triton's interpreter, on CPU tensors: examples then take the
smaller of the two sizes they know.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Runs: TypeAlias = "Callable[..., Any]"

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"

# Relative error of the whole result: the rounding of inputs and output, with room for the order of the sums. float32
# products are computed with tensor cores (TF32) unless a kernel asks for more.
TOLERANCE = {
    torch.float64: 1e-12,
    torch.float32: 2e-3 if ON_GPU else 1e-5,
    torch.float16: 4e-3,
    torch.bfloat16: 2e-2,
    torch.float8_e4m3fn: 1e-1,
}


def pick(*, gpu: int, cpu: int) -> int:
    """A size worth timing where there is a GPU, a small one where the interpreter runs."""
    return gpu if ON_GPU else cpu


def half_precision() -> torch.dtype:
    """bfloat16 on a GPU; float32 in the interpreter, to compare closely."""
    return torch.bfloat16 if ON_GPU else torch.float32


def compare(
    name: str,
    kernel: Runs,
    reference: Runs,
    args: Sequence[Any],
    *,
    tolerance: float | None = None,
) -> None:
    """Run both on the same arguments, and say how far apart they are and, on a GPU, how long each takes.

    Args:
        name: what is printed.
        kernel: returns a tensor, or a tuple of them.
        reference: returns the same, computed by torch.
        args: of both; neither may write to them.
        tolerance: of the relative error; left out, what the dtype of the result allows.

    Raises:
        SystemExit: a result is further away than that.
    """
    for ours, theirs in zip(_tensors(kernel(*args)), _tensors(reference(*args)), strict=True):
        error = relative_error(ours, theirs)
        allowed = TOLERANCE.get(ours.dtype, 0.0) if tolerance is None else tolerance
        if not error <= allowed:  # a NaN is no smaller than anything
            raise SystemExit(f"{name} differs from torch: error {error:.1e}, allowed {allowed:.0e}")
        print(f"{name}: agrees with torch, relative error {error:.1e}")
    if ON_GPU:
        ours_ms, theirs_ms = _milliseconds(kernel, args), _milliseconds(reference, args)
        print(f"{name}: {ours_ms:.3f} ms, torch {theirs_ms:.3f} ms")


def gradients(function: Runs, *, first: int | None = None) -> Runs:
    """``function`` with the gradients of its floating inputs as its result, for a fixed gradient of its output.

    Given ``first``, only those of so many arguments.
    """

    def run(*args: Any) -> tuple[torch.Tensor, ...]:
        leaves = [*map(_leaf, args[:first]), *args[len(args[:first]) :]]
        out = function(*leaves)
        wanted = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
        return torch.autograd.grad(out, wanted, _weights(out.shape, out.dtype, out.device))

    return run


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The norm of the difference over the norm of what torch computed; infinite where shapes differ."""
    if ours.shape != theirs.shape:
        return float("inf")
    difference, size = (ours.double() - theirs.double()).norm(), theirs.double().norm()
    return float((difference if size == 0 else difference / size).detach())


def _leaf(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.detach().clone().requires_grad_()
    return value


@functools.lru_cache(maxsize=1)  # timed functions are called again and again
def _weights(shape: torch.Size, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A gradient of the output: random, for what a kernel subtracts must not be nearly the same."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(device, dtype)


def _tensors(result: Any) -> Iterator[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        yield result
    else:
        for entry in result:
            yield from _tensors(entry)


def _milliseconds(run: Runs, args: Sequence[Any]) -> float:
    from triton.testing import do_bench  # absent where there is no Triton, as in reference mode

    milliseconds: float = do_bench(lambda: run(*args), return_mode="median")
    return milliseconds
