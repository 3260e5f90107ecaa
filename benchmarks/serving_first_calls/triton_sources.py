"""The kernels of a build file as Triton sources, with what they are launched with: nothing of ours runs them then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks.serving_first_calls.arguments import described
from helion_compiler.building import make_variant
from helion_compiler.building.specialization import specialize
from helion_compiler.bundling.example_arguments import on_device
from helion_compiler.emission import DescriptorParameter
from helion_runtime.evaluated import CallScalar, Descriptor
from helion_runtime.execution import execute
from helion_runtime.expressions import evaluate
from helion_runtime.plan import ArgumentMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from helion_compiler import BuildRequest
    from helion_compiler.building import Target
    from helion_runtime.evaluated import EvaluatedLaunch

PRETENDED_SMS = 4
"""Where there is no GPU."""


def written(
    requests: Sequence[BuildRequest], target: Target, device: str, folder: Path
) -> list[dict[str, Any]]:
    """Write each kernel's source into ``folder``; the launches of the one call that each request stands for."""
    folder.mkdir()
    return [
        _written(request, target, torch.device(device), folder / f"{number}_{request.op}.py")
        for number, request in enumerate(requests)
    ]


def _written(
    request: BuildRequest, target: Target, device: torch.device, path: Path
) -> dict[str, Any]:
    function: Any = request.kernel.fn
    args = on_device(function, request.normalized_args(), device)
    bound = request.compiled(target.traits, autotune_effort="none").bind(args).specialized
    lowered = bound.lower(request.choose_config(bound).config)
    emitted, schedule = lowered.emitted, lowered.schedule
    path.write_text(emitted.source, encoding="utf-8")
    launches: list[dict[str, Any]] = []

    def launch(
        evaluated: EvaluatedLaunch,
        buffers: Mapping[int, torch.Tensor],
        metadata: ArgumentMetadata,
    ) -> None:
        pairs = zip(emitted.parameters, evaluated.arguments, strict=True)
        if evaluated.programs:
            items = [_item(*pair, buffers, metadata) for pair in pairs]
            launches.append({"grid": list(evaluated.grid), "args": items})

    facts = specialize(lowered.program, emitted, bound.aligned)
    variant = make_variant(schedule, emitted, facts, emitted.name, bound.aligned)
    execute(variant, ArgumentMetadata(bound.call.leaves_of(args), _sms), device, launch)
    options = {**schedule.compile_options, "enable_fp_fusion": True}
    if emitted.waits:
        options["launch_cooperative_grid"] = True
    return {"file": str(path), "name": emitted.name, "options": options, "launches": launches}


def _sms() -> int:
    if not torch.cuda.is_available():
        return PRETENDED_SMS
    properties: Any = torch.cuda.get_device_properties(torch.cuda.current_device())
    return int(properties.multi_processor_count)


def _item(
    parameter: Any,
    argument: Any,
    buffers: Mapping[int, torch.Tensor],
    metadata: ArgumentMetadata,
) -> dict[str, Any]:
    if isinstance(argument, Descriptor):
        assert isinstance(parameter, DescriptorParameter)
        return {
            "tensor": described(buffers[parameter.buffer.number]),
            "shape": list(argument.shape),
            "strides": list(argument.strides),
            "block": list(parameter.block),
        }
    if hasattr(parameter, "buffer"):
        return described(buffers[parameter.buffer.number])
    if isinstance(argument, CallScalar):
        return {"value": evaluate(argument.number.expression, metadata)}
    return {"value": argument.value}
