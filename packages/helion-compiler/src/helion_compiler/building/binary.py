"""Compile emitted source with Triton, on any machine, into a binary and its entry."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.building.abi import parameter_words
from helion_compiler.building.line_info import cache_key_variables
from helion_compiler.building.module import source_name
from helion_compiler.building.worker import compile_request, reason
from helion_compiler.emission import DescriptorParameter
from helion_runtime import KernelImage
from helion_runtime.entries import DescriptorLayout, KernelEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_compiler.building.specialization import Specialization
    from helion_compiler.building.targets import Target
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.scheduling import Schedule

# Triton numbers some element types of tensor maps as the device does; the driver's
# CUtensorMapDataType orders them differently.
_HOST_ELEMENT_TYPES = {8: 10, 9: 8, 10: 9}


def build_binary(
    emitted: EmittedKernel,
    schedule: Schedule,
    specialization: Specialization,
    target: Target,
    *,
    config: str = "{}",
    compiler: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> KernelImage:
    """The binary of a kernel for ``target``. No GPU is needed.

    ``compiler`` answers the request of :mod:`helion_compiler.building.worker`; left out, this
    process does.

    Raises:
        helion.exc.TritonError: Triton or the assembler refuse the kernel; the error carries their words.
        TimeoutError: ``compiler`` gave up on it.
    """
    request = _request(emitted, schedule, specialization, target)
    try:
        answer = (compiler or _compile_here)(request)
    except TimeoutError:
        raise
    except Exception as error:  # Triton raises whatever its passes raise
        raise exc.TritonError(
            kernel=emitted.name, config=config, reason=reason(error), span=_span(schedule)
        ) from error
    return _image(answer, emitted, specialization, target, config)


def _request(
    emitted: EmittedKernel, schedule: Schedule, specialization: Specialization, target: Target
) -> dict[str, Any]:
    waits = emitted.waits
    return {
        "name": emitted.name,
        "source": emitted.source,
        "file": source_name(emitted),
        "types": specialization.types,
        "divisible": specialization.divisible,
        "backend": target.backend,
        "binary": target.binary,
        "architecture": target.architecture,
        "warp_size": target.warp_size,
        "options": {
            **schedule.compile_options,
            "enable_fp_fusion": True,
            # Programs that wait for each other have to run at once.
            **({"launch_cooperative_grid": True} if waits and target.backend == "cuda" else {}),
        },
    }


def _compile_here(request: dict[str, Any]) -> dict[str, Any]:
    return compile_request(request, cache_key_variables())


def _image(
    answer: dict[str, Any],
    emitted: EmittedKernel,
    specialization: Specialization,
    target: Target,
    config: str,
) -> KernelImage:
    binary: bytes = answer["binary"]
    metadata = answer["metadata"]
    digest = hashlib.sha256(binary).hexdigest()
    layouts = metadata["tensordesc_meta"]
    entry = KernelEntry(
        name=f"{emitted.name}_{digest[:12]}",
        symbol=metadata["name"],
        blob=digest,
        # Triton compiles sm_90 and later for one model alone (sm_90a); the PTX says so.
        arch=_architecture(answer["target"], target),
        parameters=parameter_words(specialization.types, layouts),
        num_warps=metadata["num_warps"],
        shared=metadata["shared"],
        num_ctas=metadata["num_ctas"],
        cooperative=metadata["launch_cooperative_grid"],
        programmatic_dependent_launch=metadata["launch_pdl"],
        global_scratch_size=metadata["global_scratch_size"],
        global_scratch_align=metadata["global_scratch_align"],
        profile_scratch_size=metadata["profile_scratch_size"],
        profile_scratch_align=metadata["profile_scratch_align"],
        warp_size=target.warp_size,
        descriptors=_layouts(emitted, layouts),
        config=config,
    )
    return KernelImage(entry, binary)


def _architecture(compiled_for: str | None, target: Target) -> str:
    """What a bundle calls the architecture that the binary turned out to be for."""
    found = compiled_for or target.name
    return found.replace("sm_", "ptx_") if target.binary == "ptx" else found


def _layouts(
    emitted: EmittedKernel, layouts: Sequence[dict[str, Any]]
) -> tuple[DescriptorLayout, ...]:
    """One layout per descriptor parameter; without TMA there is none to encode."""
    if not layouts:
        return tuple(
            DescriptorLayout(
                use_tensor_map=False, block_shape=p.block, element_size=p.buffer.dtype.itemsize
            )
            for p in emitted.parameters
            if isinstance(p, DescriptorParameter)
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


def _span(schedule: Schedule) -> Any:
    location = schedule.program.grids[0].location
    return None if location is None else location.span
