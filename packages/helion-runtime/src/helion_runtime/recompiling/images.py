"""What the worker answered, as a kernel that can be launched.

A host tensor descriptor becomes a tensor map where the target has TMA, and a pointer with its geometry and flags
elsewhere; then its shape and strides follow once more. Triton 3.7 added a flag to the second form.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from helion_runtime.entries import DescriptorLayout, KernelEntry
from helion_runtime.modules import KernelImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCRATCH = ("global_scratch", "profile_scratch")
"""Every kernel ends with two scratch pointers, used or not."""

_DESCRIPTOR = re.compile(r"tensordesc<[a-z]+(\d+)[^\[]*\[([^\]]*)\]")
_SECOND_FLAG_SINCE = (3, 7)

# Triton numbers some element types of tensor maps as the device does; the driver's
# CUtensorMapDataType orders them differently.
_HOST_ELEMENT_TYPES = {8: 10, 9: 8, 10: 9}


def image_of(answer: Mapping[str, Any], request: Mapping[str, Any], config: str) -> KernelImage:
    """The image of a kernel from the worker's answer to ``request``; ``config`` is its Config as JSON, for people."""
    binary: bytes = answer["binary"]
    metadata = answer["metadata"]
    digest = hashlib.sha256(binary).hexdigest()
    layouts = metadata["tensordesc_meta"]
    entry = KernelEntry(
        name=f"{request['name']}_{digest[:12]}",
        symbol=metadata["name"],
        blob=digest,
        arch=_architecture(answer["target"] or request["architecture"], request["binary"]),
        parameters=parameter_words(
            request["types"], layouts, second_flag=_version(answer) >= _SECOND_FLAG_SINCE
        ),
        num_warps=metadata["num_warps"],
        shared=metadata["shared"],
        num_ctas=metadata["num_ctas"],
        cooperative=metadata["launch_cooperative_grid"],
        programmatic_dependent_launch=metadata["launch_pdl"],
        global_scratch_size=metadata["global_scratch_size"],
        global_scratch_align=metadata["global_scratch_align"],
        profile_scratch_size=metadata["profile_scratch_size"],
        profile_scratch_align=metadata["profile_scratch_align"],
        warp_size=request["warp_size"],
        descriptors=_layouts(request["types"], layouts),
        config=config,
    )
    return KernelImage(entry, binary)


def parameter_words(
    types: Sequence[str], descriptor_layouts: Sequence[Any], *, second_flag: bool
) -> tuple[str, ...]:
    """The ABI words of a kernel with these signature types, scratch included.

    ``descriptor_layouts`` is Triton's ``tensordesc_meta``: empty where descriptors were lowered to pointers.
    """
    flags = 2 if second_flag else 1
    return (*_expand(types, has_tma=bool(descriptor_layouts), flags=flags), *SCRATCH)


def _expand(types: Sequence[str], *, has_tma: bool, flags: int) -> Iterator[str]:
    for type_ in types:
        descriptor = _DESCRIPTOR.match(type_)
        if descriptor is not None:
            rank = descriptor[2].count(",") + 1
            pointer = ("pointer", *("i64",) * (2 * rank), *("i1",) * flags)
            yield from ("tensormap",) if has_tma else pointer
            yield from ("i32",) * rank
            yield from ("i64",) * rank
        else:
            yield "pointer" if type_.startswith("*") else type_


def _layouts(
    types: Sequence[str], layouts: Sequence[Mapping[str, Any]]
) -> tuple[DescriptorLayout, ...]:
    """One layout per descriptor parameter; without TMA there is none to encode."""
    if not layouts:
        found = (match for type_ in types if (match := _DESCRIPTOR.match(type_)) is not None)
        return tuple(
            DescriptorLayout(
                use_tensor_map=False,
                block_shape=tuple(map(int, match[2].split(","))),
                element_size=max(1, int(match[1]) // 8),
            )
            for match in found
        )
    return tuple(
        DescriptorLayout(
            use_tensor_map=True,
            block_shape=tuple(layout["block_size"]),
            element_size=layout["elem_size"],
            element_type=_HOST_ELEMENT_TYPES.get(layout["elem_type"], layout["elem_type"]),
            swizzle=layout["swizzle"],
            fp4_padded=layout["fp4_padded"],
        )
        for layout in layouts
    )


def _architecture(compiled_for: str, binary: str) -> str:
    """What a bundle calls the architecture that a binary turned out to be for: Triton compiles sm_90 and later for one
    model alone (sm_90a), and the PTX says so."""
    return compiled_for.replace("sm_", "ptx_") if binary == "ptx" else compiled_for


def _version(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Triton's major and minor version."""
    major, minor = answer["triton"].split(".")[:2]
    return int(major), int(minor)
