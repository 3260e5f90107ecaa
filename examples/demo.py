"""The tour: a matmul written, lowered to Triton, run and checked against torch; on a GPU also tuned and timed.

Run by ``./dev demo``. On a machine without a GPU the generated Triton runs in Triton's interpreter, on CPU tensors.
Exits with 1 if a result is wrong.
"""

from __future__ import annotations

import inspect
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

import helion
from matmul import matmul

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

console = Console(highlight=False)

# Relative error of the whole result: what rounding the output to the dtype costs, with room for the order of the sums.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2}


def main() -> int:
    """Take the tour; the exit status."""
    on_gpu = torch.cuda.is_available()
    console.rule("[bold]Helion: PyTorch with tiles")
    _show(inspect.getsource(matmul.fn))
    size, dtype, device = (4096, torch.bfloat16, "cuda") if on_gpu else (256, torch.float32, "cpu")
    x, y = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    console.print(
        f"Two {size}×{size} {str(dtype).removeprefix('torch.')} matrices on {_device_name(device)}.\n"
    )

    config = helion.Config(block_sizes=[128, 128, 64], num_warps=8, num_stages=3)
    with _step("Lower to Triton"):
        bound = matmul.bind((x, y))
        source = bound.to_triton_code(config)
    _show(source)

    with _step("Compile and run" if on_gpu else "Run in Triton's interpreter"):
        fixed = bound.compile_config(config)
        result = fixed(x, y)
    if not _agrees(result, x, y):
        return 1
    if on_gpu and not _tune(x, y, fixed):
        return 1
    console.rule("[bold green]Done")
    console.print("Next: change examples/matmul.py, or read README.md on configs and serving.")
    return 0


def _tune(x: torch.Tensor, y: torch.Tensor, fixed: Callable[..., torch.Tensor]) -> bool:
    """Search for the fastest config and time it beside the fixed one and torch; whether its result is right."""
    console.print("[bold]Tune[/]")  # no spinner: the tuner reports as it goes
    best = matmul.autotune((x, y))
    tuned = matmul.bind((x, y)).compile_config(best)
    if not _agrees(tuned(x, y), x, y):
        return False
    from triton.testing import do_bench

    flop = 2 * x.size(0) * x.size(1) * y.size(1)
    table = Table("bf16 matmul", "ms", "TFLOP/s")
    for name, run in (
        ("torch.matmul", torch.matmul),
        ("the config above", fixed),
        ("the tuned config", tuned),
    ):
        milliseconds = do_bench(lambda run=run: run(x, y), return_mode="median")
        table.add_row(name, f"{milliseconds:.3f}", f"{flop / milliseconds / 1e9:.0f}")
    console.print(table)
    return True


def _agrees(result: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> bool:
    """Compare with torch's product in higher precision, and say how it went."""
    higher = torch.float64 if x.dtype == torch.float32 else torch.float32
    expected = x.to(higher) @ y.to(higher)
    error = float((result.to(higher) - expected).norm() / expected.norm())
    agrees = error <= TOLERANCE[x.dtype]
    verdict = "[green]agrees with torch[/]" if agrees else "[bold red]DIFFERS from torch[/]"
    console.print(
        f"The result {verdict}: relative error {error:.1e}, allowed {TOLERANCE[x.dtype]:.0e}.\n"
    )
    return agrees


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "the CPU"


def _show(source: str) -> None:
    # Highlighted as text, not as a block: a block would be cut at the width of the terminal.
    python = Syntax("", "python", background_color="default")
    console.print(python.highlight(source), soft_wrap=True)


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Say what is being done, and then how long it took."""
    began = time.perf_counter()
    with console.status(f"{name} …"):
        yield
    console.print(f"[bold]{name}[/]: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
