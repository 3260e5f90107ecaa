"""Builds the frozen bundle of the present format version; needs triton and no GPU.

Run once per format version and commit the result: later versions of the runtime must go on reading it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from helion_runtime import write_bundle
from helion_runtime.bundle.format import FORMAT_VERSION
from helion_runtime.entries import (
    AllocateStep,
    CallStep,
    KernelEntry,
    LaunchEntry,
    OpEntry,
    PointerArgument,
    ReadStep,
    ResultEntry,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    VariantEntry,
)

PARAMETERS = ("pointer", "pointer", "pointer", "i32", "fp32", "global_scratch", "profile_scratch")


@triton.jit
def scaled_add(x, y, out, n, scale, block: tl.constexpr):
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    tl.store(out + index, tl.load(x + index, inside) + tl.load(y + index, inside) * scale, inside)


def build(capability: int, kind: str, *, aligned: bool) -> tuple[bytes, dict[str, int]]:
    signature = {"x": "*fp32", "y": "*fp32", "out": "*fp32", "n": "i32", "scale": "fp32"}
    attributes = {(i,): [["tt.divisibility", 16]] for i in range(3)} if aligned else {}
    source = ASTSource(scaled_add, {**signature, "block": "constexpr"}, {(5,): 256}, attributes)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    code = made.asm[kind]
    binary = code.encode() if isinstance(code, str) else code
    return binary, {"num_warps": made.metadata.num_warps, "shared": made.metadata.shared}


def variant(kernel: str, *, aligned: bool) -> VariantEntry:
    count = ["mul", ["size", 0, 0], ["size", 0, 1]]
    tensor = TensorSignature("float32", 2)
    return VariantEntry(
        signature=(tensor, tensor, ScalarSignature("float")),
        guard=(
            *tuple(
                ["eq", [kind, 0, i], [kind, 1, i]] for kind in ("size", "stride") for i in (0, 1)
            ),
            ["eq", ["stride", 0, 1], 1],
            ["eq", ["stride", 0, 0], ["size", 0, 1]],
        ),
        aligned=(0, 1) if aligned else (),
        steps=(AllocateStep((["size", 0, 0], ["size", 0, 1]), (["size", 0, 1], 1), "float32"),),
        launches=(
            LaunchEntry(
                kernel,
                (["ceildiv", count, 256], 1, 1),
                (
                    PointerArgument(0),
                    PointerArgument(1),
                    PointerArgument(3),
                    ScalarArgument("i32", count),
                    ScalarArgument("fp32", ["argument", 2]),
                ),
            ),
        ),
        outputs=["buffer", 3],
        mutates=(),
    )


def computing(plain: VariantEntry) -> VariantEntry:
    """The same kernel with host code around it: what format 1.1 added, all of it. Format 1.2 says what an op writes."""
    rows, columns = ["add", ["size", 0, 0], ["item", 6]], ["size", 0, 1]
    matrix = ResultEntry((["size", 1, 0], ["size", 1, 1]), (["size", 1, 1], 1), "float32")
    half = ["mul", ["argument", 2], 0.5]
    (launch,) = plain.launches
    x, _, _, *numbers = launch.arguments
    return VariantEntry(
        signature=plain.signature,
        guard=(*plain.guard, ["le", 0, ["item", 6]]),
        aligned=plain.aligned,
        steps=(
            CallStep("aten::mul.Scalar", (["buffer", 1], ["value", half]), (), (matrix,)),
            CallStep("aten::sum", (["buffer", 0],), (), (ResultEntry((), (), "float32"),)),
            CallStep(
                "aten::_to_copy",
                (["buffer", 4],),
                (("dtype", ["dtype", "int64"]), ("device", ["device"])),
                (ResultEntry((), (), "int64"),),
            ),
            ReadStep(5, "int", again=True),
            AllocateStep((rows, columns), (columns, 1), "float32", 0),
            CallStep(
                "aten::sum.dim_IntList",
                (["buffer", 7], ["list", [["value", 0]]], ["value", False]),
                (),
                (ResultEntry((columns,), (1,), "float32"),),
                after=True,
            ),
            CallStep(
                "aten::mean", (["buffer", 7],), (), (ResultEntry((), (), "float32"),), after=True
            ),
            ReadStep(9, "float", after=True),
        ),
        launches=(
            LaunchEntry(
                launch.kernel,
                launch.grid,
                (x, PointerArgument(3), PointerArgument(7), *numbers),
            ),
        ),
        outputs=[
            "dict",
            [
                ["out", ["buffer", 7]],
                ["sums", ["buffer", 8]],
                ["twice_the_mean", ["value", ["mul", ["item", 10], ["float", 2]]]],
            ],
        ],
        mutates=(),
    )


def main() -> None:
    kernels, blobs, variants = [], {}, []
    for name, arch, capability, kind, aligned in (
        ("add_sm90a", "sm_90a", 90, "cubin", True),
        ("add_ptx80", "ptx_80", 80, "ptx", False),
    ):
        binary, launch = build(capability, kind, aligned=aligned)
        blob = hashlib.sha256(binary).hexdigest()
        blobs[blob] = binary
        kernels.append(KernelEntry(name, "scaled_add", blob, arch, PARAMETERS, **launch))
        variants.append(variant(name, aligned=aligned))
    names = ("x", "y", "scale")
    ops = [
        OpEntry("scaled_add", names, tuple(variants)),
        OpEntry("computing", names, tuple(map(computing, variants))),
    ]
    name = "format_{}_{}.helion".format(*FORMAT_VERSION)
    identity = write_bundle(
        Path(__file__).with_name(name),
        ops,
        kernels,
        blobs,
        {"add_sm90a": "# the generated source would stand here\n"},
        built_with={"triton": triton.__version__},
    )
    print(name, identity)


if __name__ == "__main__":
    main()
