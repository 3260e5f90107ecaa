"""Does a binary hold the kernel its entry describes? Asked when a bundle is written and again when
it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_runtime.architecture import parse_architecture
from helion_runtime.cubin import cubin_architecture, read_cubin_kernel
from helion_runtime.elf import MACHINE_AMDGPU, MACHINE_CUDA, read_elf
from helion_runtime.errors import BinaryError
from helion_runtime.ptx import read_ptx_kernel
from helion_runtime.scalars import SIZES

if TYPE_CHECKING:
    from helion_runtime.architecture import Architecture
    from helion_runtime.entries import KernelEntry


def check_binary(kernel: KernelEntry, binary: bytes) -> None:
    """Compare format, architecture, symbol, parameter sizes and threads per block; raises
    :class:`BinaryError`."""
    architecture = parse_architecture(kernel.arch)
    checks = {"cubin": _check_cubin, "ptx": _check_ptx, "hsaco": _check_hsaco}
    try:
        checks[architecture.blob_format](kernel, binary, architecture)
    except BinaryError as error:
        raise BinaryError(f"kernel {kernel.name!r} ({kernel.arch}): {error}") from error


def _check_cubin(kernel: KernelEntry, binary: bytes, architecture: Architecture) -> None:
    elf = read_elf(binary)
    if elf.machine != MACHINE_CUDA:
        raise BinaryError(
            f"expected an ELF file for CUDA (machine 190), found machine {elf.machine}"
        )
    number, accelerated = cubin_architecture(elf)
    if number != architecture.major * 10 + architecture.minor:
        raise BinaryError(f"expected a cubin for {kernel.arch}, found one for sm_{number}")
    if accelerated and architecture.feature != "a":
        raise BinaryError(f"the cubin is for sm_{number}a alone, the entry says {kernel.arch}")
    found = read_cubin_kernel(elf, kernel.symbol)
    _check_parameters(kernel, found.parameter_sizes)
    _check_block(kernel, found.required_block)


def _check_ptx(kernel: KernelEntry, binary: bytes, architecture: Architecture) -> None:
    found = read_ptx_kernel(binary, kernel.symbol)
    number = architecture.major * 10 + architecture.minor
    if (found.target, found.feature) != (number, architecture.feature):
        raise BinaryError(
            f"expected PTX for {kernel.arch}, found .target sm_{found.target}{found.feature}"
        )
    _check_parameters(kernel, found.parameter_sizes)
    _check_block(kernel, found.required_block)


def _check_hsaco(kernel: KernelEntry, binary: bytes, architecture: Architecture) -> None:
    elf = read_elf(binary)
    if elf.machine != MACHINE_AMDGPU:
        raise BinaryError(
            f"expected an AMD code object for {architecture.text} (machine 224), found machine {elf.machine}"
        )
    if f"{kernel.symbol}.kd" not in elf.defined_symbols():
        raise BinaryError(f"the code object has no kernel {kernel.symbol!r}")


def _check_parameters(kernel: KernelEntry, sizes: tuple[int, ...]) -> None:
    expected = tuple(SIZES[word] for word in kernel.parameters)
    if sizes != expected:
        raise BinaryError(
            f"the entry lists parameters of {list(expected)} bytes, the binary takes {list(sizes)}"
        )


def _check_block(kernel: KernelEntry, block: tuple[int, int, int] | None) -> None:
    expected = (kernel.num_warps * kernel.warp_size, 1, 1)
    if block is not None and block != expected:
        raise BinaryError(
            f"the entry says {expected} threads per block, the binary requires {block}"
        )
