"""A hand-written Triton matmul: tuned by ``triton.autotune`` from a list, and by ``helion_autotune`` from a space.

python hand_written_matmul.py [--size 4096]      (on a machine with an NVIDIA GPU)

The kernel is the same; what changes is the decorator. It prints, for both and for torch, the seconds of the first
call, the time of later ones, and the config that won.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl

import helion_autotune
from helion_autotune import Budget, Constraint, Integer, PowerOfTwo, Space

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = ["M", "N", "K"]
#: What a careful author lists.
CONFIGS = [
    triton.Config(
        {"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k, "GROUP": 8}, num_warps=warps, num_stages=stages
    )
    for m, n, k, warps, stages in [
        (128, 256, 64, 8, 3),
        (128, 128, 64, 4, 3),
        (128, 128, 32, 4, 4),
        (64, 256, 32, 4, 4),
        (128, 64, 32, 4, 4),
        (64, 64, 32, 2, 5),
    ]
]
#: What the kernel can do.
SPACE = Space(
    {
        "BLOCK_M": PowerOfTwo(16, 256, default=128),
        "BLOCK_N": PowerOfTwo(16, 256, default=128),
        "BLOCK_K": PowerOfTwo(16, 128, default=64),
        "GROUP": PowerOfTwo(1, 16, default=8),
        "num_warps": PowerOfTwo(1, 16, default=4),
        "num_stages": Integer(1, 7, default=3),
    },
    constraints=[
        Constraint(
            "shared memory",
            "operands of 2 bytes, buffered for every stage but one, must fit into 227 KiB",
            lambda p: (
                2 * (p["BLOCK_M"] + p["BLOCK_N"]) * p["BLOCK_K"] * max(p["num_stages"] - 1, 1)
                <= 227 * 1024
            ),
        ),
        Constraint(
            "registers",
            "an accumulator takes at most 255 of a thread's registers",
            lambda p: p["BLOCK_M"] * p["BLOCK_N"] <= 255 * 32 * p["num_warps"],
        ),
    ],
)


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_a, stride_b, stride_c,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    """C = A B for row-major matrices; programs go through GROUP rows of tiles at a time, so that the L2 serves them."""
    pid = tl.program_id(0)
    rows, columns = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    first = (pid // (GROUP * columns)) * GROUP
    height = min(rows - first, GROUP)
    row = first + (pid % (GROUP * columns)) % height
    column = (pid % (GROUP * columns)) // height
    m = row * BLOCK_M + tl.arange(0, BLOCK_M)
    n = column * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(tl.cdiv(K, BLOCK_K)):
        depth = start * BLOCK_K + k
        a = tl.load(
            a_ptr + m[:, None] * stride_a + depth[None, :],
            mask=(m[:, None] < M) & (depth[None, :] < K), other=0.0,
        )  # fmt: skip
        b = tl.load(
            b_ptr + depth[:, None] * stride_b + n[None, :],
            mask=(depth[:, None] < K) & (n[None, :] < N), other=0.0,
        )  # fmt: skip
        total += tl.dot(a, b)
    tl.store(
        c_ptr + m[:, None] * stride_c + n[None, :],
        total.to(c_ptr.dtype.element_ty),
        mask=(m[:, None] < M) & (n[None, :] < N),
    )


def too_large(config: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Tiles of more than twice the matrix compute padding."""
    pairs = (("BLOCK_M", "M"), ("BLOCK_N", "N"), ("BLOCK_K", "K"))
    return any(config[block] >= 2 * max(arguments[size], 16) for block, size in pairs)


def before() -> Any:
    """The kernel under ``triton.autotune``."""
    return triton.autotune(configs=CONFIGS, key=KEY)(matmul_kernel)


def after(**options: Any) -> Any:
    """The kernel under ``helion_autotune``, from the space."""
    return helion_autotune.autotune(SPACE, key=KEY, prune=too_large, **options)(matmul_kernel)


#: At the top of a module, so that workers find it: candidates are measured in a process of their own.
searched = after(budget=Budget(seconds=15))


def matmul(kernel: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``a @ b`` by one of the two."""
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty((m, n), device=a.device, dtype=a.dtype)

    def grid(meta: Mapping[str, Any]) -> tuple[int]:
        return (triton.cdiv(m, meta["BLOCK_M"]) * triton.cdiv(n, meta["BLOCK_N"]),)

    kernel[grid](a, b, c, m, n, k, a.stride(0), b.stride(0), c.stride(0))
    return c


def report(
    name: str, run: Callable[[], torch.Tensor], expected: torch.Tensor, flops: float
) -> None:
    """Call, check, time, print."""
    began = time.perf_counter()
    result = run()
    torch.cuda.synchronize()
    first = time.perf_counter() - began
    torch.testing.assert_close(result, expected, rtol=2e-2, atol=2e-2 * float(expected.std()))
    ms = helion_autotune.measure_milliseconds(run).milliseconds
    print(f"{name:16}  first call {first:6.1f} s   then {ms:.4f} ms, {flops / ms / 1e9:6.0f} TFLOP/s")  # fmt: skip


def main() -> None:
    """Both decorators beside torch."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--size", type=int, default=4096)
    given = parser.parse_args()
    a, b = (
        torch.randn(given.size, given.size, device="cuda", dtype=torch.bfloat16) for _ in range(2)
    )
    expected, flops = a @ b, 2.0 * given.size**3
    listed = before()
    report("torch", lambda: a @ b, expected, flops)
    report("triton.autotune", lambda: matmul(listed, a, b), expected, flops)
    report("helion_autotune", lambda: matmul(searched, a, b), expected, flops)
    print("triton.autotune chose", listed.best_config)
    print("helion_autotune chose", *searched.chosen.values())


if __name__ == "__main__":
    # Workers import this module by its name, under which the tuned kernel has to be found.
    import hand_written_matmul

    hand_written_matmul.main()
