"""Compile emitted source with Triton, on any machine, into a binary and its entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.building.line_info import cache_key_variables
from helion_compiler.building.module import source_name
from helion_runtime.recompiling.images import image_of
from helion_runtime.recompiling.recipe import Recipe
from helion_runtime.recompiling.worker import compile_request, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.building.specialization import Specialization
    from helion_compiler.building.targets import Target
    from helion_compiler.emission import EmittedKernel
    from helion_compiler.scheduling import Schedule
    from helion_runtime import KernelImage


def recipe_of(
    emitted: EmittedKernel, schedule: Schedule, specialization: Specialization, target: Target
) -> Recipe:
    """What Triton is told of a kernel besides its source and its target."""
    options = {**schedule.compile_options, "enable_fp_fusion": True}
    if emitted.waits and target.backend == "cuda":
        # Programs that wait for each other have to run at once.
        options["launch_cooperative_grid"] = True
    return Recipe(specialization.types, specialization.divisible, options)


def build_binary(
    emitted: EmittedKernel,
    schedule: Schedule,
    recipe: Recipe,
    target: Target,
    *,
    config: str = "{}",
    compiler: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> KernelImage:
    """The binary of a kernel for ``target``. No GPU is needed.

    ``compiler`` answers the request of :mod:`helion_runtime.recompiling.worker`; left out, this
    process does.

    Raises:
        helion.exc.TritonError: Triton or the assembler refuse the kernel; the error carries their words.
        TimeoutError: ``compiler`` gave up on it.
    """
    request = request_of(emitted, recipe, target)
    try:
        answer = (compiler or _compile_here)(request)
    except TimeoutError:
        raise
    except Exception as error:  # Triton raises whatever its passes raise
        raise exc.TritonError(
            kernel=emitted.name, config=config, reason=reason(error), span=_span(schedule)
        ) from error
    return image_of(answer, request, config)


def request_of(emitted: EmittedKernel, recipe: Recipe, target: Target) -> dict[str, Any]:
    """What :mod:`helion_runtime.recompiling.worker` is asked for a kernel's binary."""
    return {
        "name": emitted.name,
        "source": emitted.source,
        "file": source_name(emitted),
        "types": recipe.types,
        "divisible": recipe.divisible,
        "options": recipe.options,
        "backend": target.backend,
        "binary": target.binary,
        "architecture": target.architecture,
        "warp_size": target.warp_size,
    }


def _compile_here(request: dict[str, Any]) -> dict[str, Any]:
    return compile_request(request, cache_key_variables())


def _span(schedule: Schedule) -> Any:
    location = schedule.program.grids[0].location
    return None if location is None else location.span
