"""What kernels are compiled for: names such as ``sm_90``, ``ptx_80`` and ``gfx942``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import attrs

from helion import exc
from helion_compiler.model import limits_of
from helion_compiler.space.target_traits import TargetTraits

if TYPE_CHECKING:
    import torch
    from triton.backends.compiler import GPUTarget

_WIDE_WAVES = re.compile(r"gfx9")
_SEVERAL_DIES = ("gfx942", "gfx950")


@attrs.frozen
class Target:
    """A GPU architecture. ``name`` is how people and bundles call it.

    ``binary`` is which of Triton's results is built: machine code, or PTX, which drivers compile for the GPU they find.
    """

    name: str
    backend: Literal["cuda", "hip"]
    architecture: int | str
    warp_size: int
    binary: Literal["cubin", "ptx", "hsaco"] = "cubin"

    @property
    def triton(self) -> GPUTarget:
        """Triton's name for it."""
        from triton.backends.compiler import GPUTarget  # loads triton

        return GPUTarget(self.backend, self.architecture, self.warp_size)

    @property
    def traits(self) -> TargetTraits:
        """What the choices of a config depend on."""
        return TargetTraits(
            self.backend, self.architecture, self.warp_size, self.name in _SEVERAL_DIES
        )


def parse_target(name: str) -> Target:
    """The target called ``name``.

    Raises:
        helion.exc.DeviceNotAvailable: nothing is called that.
    """
    cuda = re.fullmatch(r"(sm|ptx)_(\d+)a?", name)
    if cuda is not None:
        kind, number = cuda[1], int(cuda[2])
        return Target(f"{kind}_{number}", "cuda", number, 32, "cubin" if kind == "sm" else "ptx")
    if re.fullmatch(r"gfx[0-9a-f]+", name):
        return Target(name, "hip", name, 64 if _WIDE_WAVES.match(name) else 32, "hsaco")
    raise exc.DeviceNotAvailable(
        device=f"target {name!r}", reason="targets are written like sm_90, ptx_80 or gfx942"
    )


def shared_memory_of(target: Target) -> int | None:
    """Bytes of shared memory that one program may take; None for targets that the table of devices lacks."""
    limits = limits_of(target.architecture)
    return None if limits is None else limits.shared_memory


def target_of_device(device: torch.device) -> Target:
    """The target of a GPU of this machine.

    Raises:
        helion.exc.DeviceNotAvailable: there is none.
    """
    import torch  # naming the annotation is enough above

    if not torch.cuda.is_available():
        raise exc.DeviceNotAvailable(device=str(device), reason="torch sees no GPU on this machine")
    if torch.version.hip is not None:
        name = torch.cuda.get_device_properties(device).gcnArchName.partition(":")[0]
        return parse_target(name)
    major, minor = torch.cuda.get_device_capability(device)
    return parse_target(f"sm_{major * 10 + minor}")


def traits_of_device(device: torch.device) -> TargetTraits:
    """The traits of what a kernel on this device is compiled for. What runs in the interpreter, or on no GPU of this
    machine, counts as NVIDIA's.
    """
    import torch  # as above

    there = device.type == "cuda" and torch.cuda.is_available()
    return target_of_device(device).traits if there else TargetTraits()
