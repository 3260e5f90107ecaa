"""Triton kernels by hand in a bundle, for what Helion's own do not use: clusters, programmatic dependent launch, and
descriptors that are made on the device, in scratch memory that the launch provides.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from helion_runtime import write_bundle
from helion_runtime.entries import (
    AllocateStep,
    KernelEntry,
    LaunchEntry,
    OpEntry,
    PointerArgument,
    ScalarArgument,
    TensorSignature,
    VariantEntry,
)

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 256
SIDE = 32
WORDS = {"*fp32": "pointer", "i32": "i32"}


@triton.jit
def step(x, out, n, block: tl.constexpr):
    """``x + 1``, turned round. Begins before the kernel ahead of it has ended, and waits for what that writes."""
    gdc_launch_dependents()
    gdc_wait()
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    tl.store(out + index, tl.load(x + n - 1 - index, inside) + 1, inside)


@triton.jit
def doubled(x, out, n, block: tl.constexpr):
    """``x * 2``, in clusters of two blocks."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    tl.store(out + index, tl.load(x + index, inside) * 2, inside)


@triton.jit
def negated(x, out, rows, columns, side: tl.constexpr):
    """``-x``, through descriptors that each program makes."""
    source = tl.make_tensor_descriptor(x, [rows, columns], [columns, 1], [side, side])
    target = tl.make_tensor_descriptor(out, [rows, columns], [columns, 1], [side, side])
    place = [tl.program_id(0) * side, tl.program_id(1) * side]
    target.store(place, -source.load(place))


def build(path: Path, capability: int) -> str:
    """A bundle of three ops for GPUs of this capability: ``steps``, ``doubled`` and ``negated``."""
    flat = {"x": "*fp32", "out": "*fp32", "n": "i32", "block": "constexpr"}
    made = [
        _compile(step, flat, (BLOCK,), capability, launch_pdl=True),
        _compile(doubled, flat, (BLOCK,), capability, num_ctas=2),
        _compile(
            negated,
            {"x": "*fp32", "out": "*fp32", "rows": "i32", "columns": "i32", "side": "constexpr"},
            (SIDE,),
            capability,
        ),
    ]
    kernels = [entry for entry, _ in made]
    blobs = {entry.blob: binary for entry, binary in made}
    return write_bundle(path, _ops(), kernels, blobs, built_with={"triton": triton.__version__})


def _compile(
    kernel: Any, types: dict[str, str], constants: tuple[int, ...], capability: int, **options: Any
) -> tuple[KernelEntry, bytes]:
    count = len(types) - len(constants)
    values = {(count + number,): value for number, value in enumerate(constants)}
    aligned = {(number,): [["tt.divisibility", 16]] for number in (0, 1)}
    if kernel is negated:
        aligned[(3,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, types, values, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    metadata, binary = made.metadata, made.asm["cubin"]
    words = [WORDS[kind] for kind in types.values() if kind != "constexpr"]
    entry = KernelEntry(
        name=metadata.name,
        symbol=metadata.name,
        blob=hashlib.sha256(binary).hexdigest(),
        arch=f"sm_{capability}a",
        parameters=(*words, "global_scratch", "profile_scratch"),
        num_warps=metadata.num_warps,
        shared=metadata.shared,
        num_ctas=metadata.num_ctas,
        programmatic_dependent_launch=metadata.launch_pdl,
        global_scratch_size=metadata.global_scratch_size,
        global_scratch_align=metadata.global_scratch_align,
    )
    return entry, binary


def _ops() -> list[OpEntry]:
    rows, columns = ["size", 0, 0], ["size", 0, 1]
    count = ["mul", rows, columns]
    blocks = (["ceildiv", count, BLOCK], 1, 1)

    def launch(kernel: str, source: int, target: int, grid: Any, *numbers: Any) -> LaunchEntry:
        words = [ScalarArgument("i32", number) for number in numbers]
        pointers = (PointerArgument(source), PointerArgument(target))
        return LaunchEntry(kernel, grid, (*pointers, *words))

    def op(name: str, guard: tuple[Any, ...], steps: int, *launches: LaunchEntry) -> OpEntry:
        like = AllocateStep((rows, columns), (columns, 1), "float32")
        variant = VariantEntry(
            signature=(TensorSignature("float32", 2),),
            guard=(["eq", ["stride", 0, 1], 1], ["eq", ["stride", 0, 0], columns], *guard),
            aligned=(0,),
            steps=(like,) * steps,
            launches=launches,
            outputs=["buffer", steps],
            mutates=(),
        )
        return OpEntry(name, ("x",), (variant,))

    tiles = (["ceildiv", rows, SIDE], ["ceildiv", columns, SIDE], 1)
    return [
        op("doubled", (), 1, launch("doubled", 0, 1, blocks, count)),
        op(
            "negated",
            (["eq", ["mod", columns, 16], 0],),
            1,
            launch("negated", 0, 1, tiles, rows, columns),
        ),
        op("steps", (), 4, *(launch("step", i, i + 1, blocks, count) for i in range(4))),
    ]
