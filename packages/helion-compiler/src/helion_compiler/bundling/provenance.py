"""What a bundle says of where it comes from and what it takes to run it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from helion_compiler.building.assembler import assembler_version
from helion_runtime import Requirements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.building import Target

_PACKAGES = ("helion-compiler", "torch", "triton")

# The first CUDA driver that knows a compute capability, where that is later than the first of the
# assembler's own major version: NVIDIA's CUDA release notes, "New GPU architectures".
_FIRST_DRIVER = {100: 12080, 101: 12080, 120: 12080, 103: 12090, 121: 12090, 110: 13000}


def built_with(targets: Iterable[Target]) -> dict[str, str]:
    """Versions by name: packages, and the assemblers of CUDA targets."""
    versions = {package: version(package) for package in _PACKAGES}
    for target in targets:
        if target.binary == "cubin":
            versions[f"ptxas ({target.name})"] = assembler_version(target)
    return versions


def requirements(targets: Iterable[Target]) -> Requirements:
    """The driver that runs machine code for every one of ``targets``.

    Drivers run what any assembler of their major version or an older one made ("CUDA
    Compatibility", minor version compatibility), if they know the architecture.
    """
    drivers = [_first_driver(target) for target in targets if target.binary == "cubin"]
    return Requirements(cuda_driver=max(drivers, default=0))


def _first_driver(target: Target) -> int:
    major = int(assembler_version(target).partition(".")[0])
    number = target.architecture if isinstance(target.architecture, int) else 0
    return max(major * 1000, _FIRST_DRIVER.get(number, 0))
