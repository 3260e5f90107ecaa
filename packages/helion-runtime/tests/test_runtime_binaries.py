from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from helion_runtime.binary_check import check_binary
from helion_runtime.elf import read_elf
from helion_runtime.entries import KernelEntry
from helion_runtime.errors import BinaryError
from helion_runtime.record import replace

if TYPE_CHECKING:
    from helion_runtime.bundle.reading import VerifiedContent


@pytest.fixture(params=["add_sm90a", "add_ptx80"])
def pair(request: pytest.FixtureRequest, frozen: VerifiedContent) -> tuple[KernelEntry, bytes]:
    entry = next(item for item in frozen.manifest.kernels if item.name == request.param)
    return entry, frozen.files[frozen.manifest.blob_name(entry)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbol": "scaled"}, "no kernel 'scaled'; it has scaled_add"),
        ({"num_warps": 8}, "256, 1, 1.*requires \\(128, 1, 1\\)"),
        ({"parameters": ("pointer",) * 7}, "the binary takes \\[8, 8, 8, 4, 4, 8, 8\\]"),
        ({"parameters": ("pointer",) * 3}, "the binary takes"),
        ({"arch": "gfx942"}, "machine 190|not a 64-bit little-endian ELF"),
    ],
)
def test_a_binary_that_is_not_what_its_entry_says(
    pair: tuple[KernelEntry, bytes], changes: dict[str, object], message: str
) -> None:
    entry, binary = pair
    check_binary(entry, binary)
    with pytest.raises(BinaryError, match=message):
        check_binary(replace(entry, **changes), binary)


def test_a_binary_for_another_architecture(pair: tuple[KernelEntry, bytes]) -> None:
    entry, binary = pair
    kind = entry.arch[:-3] if entry.arch.endswith("a") else entry.arch[:-2]
    for number in ("100a", "90", "80a", "75"):
        with pytest.raises(BinaryError, match=r"found|alone"):
            check_binary(replace(entry, arch=kind + number), binary)


def test_a_binary_of_the_other_kind(frozen: VerifiedContent) -> None:
    cubin, text = frozen.manifest.kernels
    with pytest.raises(BinaryError, match="not PTX text"):
        check_binary(text, frozen.files[frozen.manifest.blob_name(cubin)])
    with pytest.raises(BinaryError, match="not a 64-bit little-endian ELF file"):
        check_binary(cubin, frozen.files[frozen.manifest.blob_name(text)])


def test_damaged_binaries_raise_binary_errors_and_nothing_else(
    pair: tuple[KernelEntry, bytes],
) -> None:
    entry, binary = pair
    draw = random.Random(7)
    refused = 0
    for _ in range(600):
        damaged = bytearray(
            binary[: draw.randrange(len(binary))] if draw.random() < 0.3 else binary
        )
        for _ in range(draw.randrange(1, 4)):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            check_binary(entry, bytes(damaged))
        except BinaryError:
            refused += 1
    assert refused > 100


def test_a_cubin_is_read(frozen: VerifiedContent) -> None:
    entry = frozen.manifest.kernels[0]
    elf = read_elf(frozen.files[frozen.manifest.blob_name(entry)])
    assert elf.machine == 190
    assert "scaled_add" in elf.defined_symbols()


def test_what_triton_builds_here_is_accepted() -> None:
    pytest.importorskip("triton", reason="builds cubins, which takes the compiler's environment")
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    @triton.jit
    def store(source, out, n, half, block: tl.constexpr):
        tile = source.load([tl.program_id(0) * block, 0])
        index = tl.arange(0, block)[:, None] * 64 + tl.arange(0, 64)[None, :]
        tl.store(out + index, tile * half, index < n)

    signature = {"source": "tensordesc<fp16[64, 64]>", "out": "*fp16", "n": "i16", "half": "fp16"}
    source = ASTSource(store, {**signature, "block": "constexpr"}, {(4,): 64})
    words = ("tensormap", "i32", "i32", "i64", "i64", "pointer", "i16", "fp16")
    for capability, arch in ((90, "sm_90a"), (100, "sm_100a")):
        made = triton.compile(source, target=GPUTarget("cuda", capability, 32))
        entry = KernelEntry(
            "k",
            "store",
            "0" * 64,
            arch,
            (*words, "global_scratch", "profile_scratch"),
            made.metadata.num_warps,
            made.metadata.shared,
        )
        check_binary(entry, made.asm["cubin"])
        check_binary(replace(entry, arch=f"ptx_{arch[3:]}"), made.asm["ptx"].encode())


def test_what_triton_builds_for_amd_is_accepted() -> None:
    pytest.importorskip(
        "triton", reason="builds code objects, which takes the compiler's environment"
    )
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    @triton.jit
    def fill(out, block: tl.constexpr):
        tl.store(out + tl.arange(0, block), 1.0)

    source = ASTSource(fill, {"out": "*fp32", "block": "constexpr"}, {(1,): 64})
    made = triton.compile(source, target=GPUTarget("hip", "gfx942", 64))
    entry = KernelEntry("k", "fill", "0" * 64, "gfx942", ("pointer",), 4, 0, warp_size=64)
    check_binary(entry, made.asm["hsaco"])
    with pytest.raises(BinaryError, match="no kernel 'other'"):
        check_binary(replace(entry, symbol="other"), made.asm["hsaco"])
    with pytest.raises(BinaryError, match="found machine 224"):
        check_binary(replace(entry, arch="sm_90a"), made.asm["hsaco"])
