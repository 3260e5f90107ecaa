"""Compile emitted source with Triton, on any machine, into a binary and its entry."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from helion import exc
from helion_runtime import KernelImage
from helion_runtime.entries import DescriptorLayout, KernelEntry

from helion_compiler.building.abi import parameter_words
from helion_compiler.building.line_info import cache_key_variables
from helion_compiler.building.module import load_kernel
from helion_compiler.building.specialization import ALIGNMENT
from helion_compiler.emission import DescriptorParameter

if TYPE_CHECKING:
    from helion_compiler.building.specialization import Specialization
    from helion_compiler.building.targets import Target
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.scheduling import Schedule


def build_binary(
    emitted: EmittedKernel,
    schedule: Schedule,
    specialization: Specialization,
    target: Target,
    *,
    config: str = "{}",
) -> KernelImage:
    """The binary of a kernel for ``target``. No GPU is needed.

    Raises:
        helion.exc.TritonError: Triton or the assembler refuse the kernel; the error carries their words.
    """
    try:
        compiled = _compile(emitted, schedule, specialization, target)
    except Exception as error:  # noqa: BLE001  # Triton raises whatever its passes raise
        raise exc.TritonError(
            kernel=emitted.name, config=config, reason=_reason(error), span=_span(schedule)
        ) from error
    binary: bytes = compiled.asm[target.binary]
    metadata = compiled.metadata
    name = f"{emitted.name}_{hashlib.sha256(binary).hexdigest()[:12]}"
    layouts = _layouts(emitted, getattr(metadata, "tensordesc_meta", None))
    entry = KernelEntry(
        name=name,
        symbol=metadata.name,
        blob=hashlib.sha256(binary).hexdigest(),
        arch=_architecture(compiled, target),
        parameters=parameter_words(
            specialization.types, getattr(metadata, "tensordesc_meta", None) or ()
        ),
        num_warps=metadata.num_warps,
        shared=metadata.shared,
        num_ctas=metadata.num_ctas,
        cooperative=bool(getattr(metadata, "launch_cooperative_grid", False)),
        programmatic_dependent_launch=bool(getattr(metadata, "launch_pdl", False)),
        global_scratch_size=getattr(metadata, "global_scratch_size", 0),
        global_scratch_align=getattr(metadata, "global_scratch_align", 1),
        profile_scratch_size=getattr(metadata, "profile_scratch_size", 0) or 0,
        profile_scratch_align=getattr(metadata, "profile_scratch_align", 1) or 1,
        warp_size=target.warp_size,
        descriptors=layouts,
        config=config,
    )
    return KernelImage(entry, binary)


def _compile(
    emitted: EmittedKernel, schedule: Schedule, specialization: Specialization, target: Target
) -> Any:
    import triton  # noqa: PLC0415  # the compiler is loaded when something is compiled
    from triton.compiler import ASTSource  # noqa: PLC0415  # as above

    names = [parameter.name for parameter in emitted.parameters]
    source = ASTSource(
        load_kernel(emitted),
        signature=dict(zip(names, specialization.types, strict=True)),
        constexprs={},
        attrs={
            (position,): [["tt.divisibility", ALIGNMENT]]
            for position, divisible in enumerate(specialization.divisible)
            if divisible
        },
    )
    options = {
        "num_warps": schedule.num_warps,
        "num_stages": schedule.num_stages,
        "enable_fp_fusion": True,
    }
    return triton.compile(
        source, target=target.triton, options=options, _env_vars=cache_key_variables()
    )


def _layouts(emitted: EmittedKernel, meta: Any) -> tuple[DescriptorLayout, ...]:
    """One layout per descriptor parameter; without TMA there is none to encode."""
    descriptors = [p for p in emitted.parameters if isinstance(p, DescriptorParameter)]
    if not meta:
        return tuple(
            DescriptorLayout(
                use_tensor_map=False, block_shape=p.block, element_size=p.buffer.dtype.itemsize
            )
            for p in descriptors
        )
    return tuple(
        DescriptorLayout(
            use_tensor_map=True,
            block_shape=tuple(entry["block_size"]),
            element_size=entry["elem_size"],
            element_type=entry["elem_type"],
            swizzle=entry["swizzle"],
            fp4_padded=entry["fp4_padded"],
        )
        for entry in meta
    )


def _architecture(compiled: Any, target: Target) -> str:
    """The architecture of the machine code: Triton compiles sm_90 and later for one model alone (``sm_90a``)."""
    if target.backend != "cuda":
        return target.name
    text: str = compiled.asm["ptx"]
    line = next(line for line in text.splitlines() if line.startswith(".target"))
    return line.removeprefix(".target").partition(",")[0].strip()


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def _span(schedule: Schedule) -> Any:
    location = schedule.program.grid.location
    return None if location is None else location.span
