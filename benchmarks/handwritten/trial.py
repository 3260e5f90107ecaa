"""One variant in a process of its own: compiled, then, at a line of input, checked and timed; answers are JSON lines.

python -m benchmarks.handwritten.trial NAME
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.handwritten.variants import VARIANTS

if TYPE_CHECKING:
    from benchmarks.handwritten.variants import Prepared, Variant

TIMED = ((4, 32, 4096, 128), (16, 16, 1024, 64))
"""Batches, heads, length and width."""
TOLERANCE = 0.03
"""Of results of about 1: weights and results are rounded to bfloat16, which keeps eight bits."""
ROUNDS = 3


class WrongResultError(Exception):
    """A result is not attention's."""


def say(**answer: Any) -> None:
    """One line."""
    print(json.dumps(answer), flush=True)


class Problem:
    """Tensors of one size, and a variant bound to them."""

    def __init__(self, variant: Variant, shape: tuple[int, int, int, int], *, causal: bool) -> None:
        self.shape, self.causal = shape, causal
        torch.manual_seed(0)
        self.q, self.k, self.v = (
            torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(3)
        )
        self.out = torch.empty_like(self.q)
        flat = [tensor.view(-1, *shape[2:]) for tensor in (self.q, self.k, self.v, self.out)]
        self.launch: Prepared = variant.prepare(*flat, causal=causal)

    def cudnn(self) -> torch.Tensor:
        """cuDNN's result."""
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            return scaled_dot_product_attention(self.q, self.k, self.v, is_causal=self.causal)

    def exact(self) -> torch.Tensor:
        """torch's result in float32."""
        with sdpa_kernel(SDPBackend.MATH):
            return scaled_dot_product_attention(
                self.q.float(), self.k.float(), self.v.float(), is_causal=self.causal
            )

    def error(self, expected: torch.Tensor) -> float:
        """The largest difference of a result that was poisoned before.

        Raises:
            WrongResultError: it is larger than rounding explains.
        """
        self.out.fill_(float("nan"))
        self.launch.run()
        largest = (self.out.float() - expected.float()).abs().max().item()
        if not largest <= TOLERANCE:
            batches, heads, length, width = self.shape
            kind = "causal" if self.causal else "plain"
            raise WrongResultError(
                f"{batches}x{heads}x{length}x{width} {kind}: off by {largest:.3g}"
            )
        return largest

    def operations(self) -> float:
        """Floating-point operations of both products."""
        batches, heads, length, width = self.shape
        return 4.0 * batches * heads * length * length * width * (0.5 if self.causal else 1.0)


def timed(problem: Problem) -> tuple[float, float]:
    """Milliseconds of the variant and of cuDNN, in turns."""
    from triton.testing import do_bench

    ours, limit = [], []
    for _ in range(ROUNDS):
        ours.append(do_bench(problem.launch.run, return_mode="median"))
        limit.append(do_bench(problem.cudnn, return_mode="median"))
    return statistics.median(ours), statistics.median(limit)


def compiled(problem: Problem) -> dict[str, Any]:
    """Nothing, or why it does not compile."""
    try:
        problem.launch.compile()
    except Exception as error:  # noqa: BLE001  # whatever a compiler raises is its answer
        return {
            "failure": f"not compiled: {type(error).__name__}: {str(error).strip().splitlines()[-1]}"
        }
    return {}


def measured(variant: Variant, problem: Problem) -> dict[str, Any]:
    """Times and the largest error on small sizes and on this one, or why there are none."""
    from triton.runtime.errors import TritonError

    width = problem.shape[-1]
    try:
        small = [
            Problem(variant, (2, 3, length, width), causal=problem.causal)
            for length in variant.lengths
        ]
        error = max([p.error(p.exact()) for p in small])
        problem.error(problem.cudnn())
        milliseconds, cudnn = timed(problem)
    except WrongResultError as wrong:
        return {"failure": f"wrong: {wrong}"}
    except (RuntimeError, TritonError) as failed:  # CUDA's, and of memory that a program lacks
        return {"failure": f"{type(failed).__name__}: {str(failed).strip().splitlines()[0]}"}
    rate = problem.operations() / milliseconds * 1e-9
    return {"error": error, "milliseconds": milliseconds, "cudnn": cudnn, "teraflops": rate}


def main() -> None:
    variant = VARIANTS[sys.argv[1]]
    problems = [
        Problem(variant, shape, causal=causal)
        for shape in TIMED
        if shape[-1] in variant.widths
        for causal in (False, True)
    ]
    answers = [{"shape": p.shape, "causal": p.causal, **compiled(p)} for p in problems]
    say(ready=True)
    sys.stdin.readline()
    for problem, answer in zip(problems, answers, strict=True):
        say(**answer, **({} if "failure" in answer else measured(variant, problem)))
    say(done=True)


if __name__ == "__main__":
    main()
