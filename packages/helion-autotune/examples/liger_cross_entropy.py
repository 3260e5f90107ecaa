"""A kernel of an installed package, unchanged: Liger's cross entropy, tuned by ``helion_autotune`` for this GPU.

pip install --no-deps liger-kernel==0.8.5
python liger_cross_entropy.py [--rows 8192] [--classes 32768]      (on a machine with an NVIDIA GPU)

The package launches its kernel with one choice for each kind of GPU: blocks of up to 32768 classes and 32 warps, on
Hopper. Here the same kernel chooses by measuring. It writes the gradient over the logits, so candidates need these as
they were: ``restore_value``. Printed are, for the package, for the tuned kernel and for torch, the seconds of the first
call, the time of later ones, and the bytes per second that this means.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import torch
from liger_kernel.ops.cross_entropy import cross_entropy_forward, liger_cross_entropy_kernel

import helion_autotune
from helion_autotune import Budget, Constraint, Integer, PowerOfTwo, Space

if TYPE_CHECKING:
    from collections.abc import Callable

#: What the kernel can do. The defaults are the package's own choice on Hopper, which is tried first.
SPACE = Space(
    {
        "BLOCK_SIZE": PowerOfTwo(512, 65536, default=32768),
        "num_warps": PowerOfTwo(1, 32, default=32),
        "num_stages": Integer(1, 4, default=3),
    },
    constraints=[
        Constraint(
            "values per thread",
            "more than 64 logits for each thread spill, fewer than 2 leave threads without work",
            lambda p: 2 <= p["BLOCK_SIZE"] // (32 * p["num_warps"]) <= 64,
        )
    ],
)

#: At the top of a module, so that workers find it: candidates are compiled and measured in processes of their own.
tuned_kernel = helion_autotune.autotune(
    SPACE, key=["n_cols"], restore_value=["X_ptr"], budget=Budget(seconds=15)
)(liger_cross_entropy_kernel)


def cross_entropy(
    logits: torch.Tensor, target: torch.Tensor, kernel: Any = tuned_kernel
) -> torch.Tensor:
    """The mean loss of rows of logits; their gradient is written over them, as the package does it.

    No class is ignored. ``logits``: [rows, classes], contiguous; ``target``: [rows], int64.
    """
    rows, classes = logits.shape
    losses = torch.zeros(rows, dtype=logits.dtype, device=logits.device)
    kernel[(rows,)](
        X_ptr=logits, X_stride=logits.stride(0),
        Y_ptr=target, Y_stride=target.stride(0),
        weight_ptr=None,
        loss_ptr=losses, z_loss_ptr=None, loss_stride=1,
        token_accuracy_ptr=None, token_accuracy_stride=0,
        predicted_tokens_ptr=None, predicted_tokens_stride=0,
        n_cols=classes, n_non_ignore=rows,
        sum_non_ignore_weight=rows, weight_sum=0.0, ignore_index=-100,
        lse_square_scale=0.0, label_smoothing=0.0, reduction="mean", softcap=None,
        RETURN_Z_LOSS=False, RETURN_TOKEN_ACCURACY=False, RETURN_PREDICTED_TOKENS=False,
        HAS_WEIGHT=False, HAS_SOFTCAPPING=False, HAS_GRADIENTS=True,
    )  # fmt: skip
    return losses.sum()


def by_liger(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The same by the package's own launch."""
    logits.requires_grad_()  # which has it compute the gradient
    with torch.no_grad():
        loss: torch.Tensor = cross_entropy_forward(
            logits, target, None, -100, 0.0, 0.0, "mean", None, return_z_loss=False
        )[0]
    return loss


def by_torch(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The same by torch, which returns the gradient in memory of its own."""
    own = logits.detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(own.float(), target)
    (gradient,) = torch.autograd.grad(loss, own)
    logits.data.copy_(gradient)
    return loss.detach()


def report(
    name: str,
    run: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    logits: torch.Tensor,
    target: torch.Tensor,
    expected: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Call, check loss and gradient, time, print."""
    own = logits.clone()
    began = time.perf_counter()
    loss = run(own, target)
    torch.cuda.synchronize()
    first = time.perf_counter() - began
    torch.testing.assert_close(loss.float(), expected[0], rtol=2e-2, atol=0)
    torch.testing.assert_close(own.detach(), expected[1], rtol=2e-2, atol=1e-12)
    ms = helion_autotune.measure_milliseconds(lambda: run(own, target)).milliseconds
    moved = 3 * logits.numel() * logits.element_size()  # read twice, written once
    print(f"{name:16}  first call {first:6.1f} s   then {ms:.4f} ms, {moved / ms / 1e6:6.0f} GB/s")


def main() -> None:
    """The package's choice beside the tuned one, and torch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--classes", type=int, default=32768)
    given = parser.parse_args()
    logits = torch.randn(given.rows, given.classes, device="cuda", dtype=torch.bfloat16)
    target = torch.randint(given.classes, (given.rows,), device="cuda")
    gradient = logits.clone()
    expected = by_torch(gradient, target), gradient
    report("torch", by_torch, logits, target, expected)
    report("liger", by_liger, logits, target, expected)
    report("helion_autotune", cross_entropy, logits, target, expected)
    print("helion_autotune chose", *tuned_kernel.chosen.values())


if __name__ == "__main__":
    # Workers import this module by its name, under which the tuned kernel has to be found.
    import liger_cross_entropy

    liger_cross_entropy.main()
