"""Example arguments: from text, or from tensors on any device, to fakes on a GPU that need not exist, or to real ones.

A bundle's variants are made for the dtypes, sizes and strides of example arguments; their data is never read. Tuning
takes real ones.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.bundling.errors import ArgumentTextError
from helion_compiler.bundling.size_ranges import RangedTensor, parse_range
from helion_compiler.torch_bridge.symbolic import (
    fake_like,
    fake_mode,
    mark_static,
    marked_static,
)
from helion_compiler.tracing.arguments import split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FunctionType

_SHORT = {
    "bool": torch.bool,
    "u8": torch.uint8,
    "i8": torch.int8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
    "f64": torch.float64,
    "f8e4m3": torch.float8_e4m3fn,
    "f8e5m2": torch.float8_e5m2,
}
_TENSOR = re.compile(r"(\w+)\[([^\[\]]*)\](?:@\[([^\[\]]*)\])?", re.ASCII)


def parse_argument(text: str) -> Any:
    """The argument that ``text`` stands for: ``dtype[sizes]``, ``dtype[sizes]@[strides]`` or a JSON literal.

    Dtypes are bf16, f16, f32, i32, u8 and so on, or torch's own names; strides count elements and
    are dense where left out. Tensors come out on torch's ``meta`` device: they have no data. With a size such as
    ``2..128``, it is a :class:`RangedTensor`.

    Raises:
        ArgumentTextError: it is neither.
        BundleRequestError: a range of sizes is none.
    """
    found = _TENSOR.fullmatch(text.strip())
    if found is None:
        return _literal(text)
    dtype = _dtype(text, found[1])
    parts = _parts(found[2])
    ranges = tuple(map(parse_range, parts))
    sizes = tuple(
        _number(text, part) if each is None else each.example
        for part, each in zip(parts, ranges, strict=True)
    )
    if found[3] is None:
        tensor = torch.empty(sizes, dtype=dtype, device="meta")
    else:
        strides = tuple(_number(text, part) for part in _parts(found[3]))
        if len(strides) != len(sizes):
            raise ArgumentTextError(
                text=text, problem=f"{len(sizes)} sizes and {len(strides)} strides"
            )
        tensor = torch.empty_strided(sizes, strides, dtype=dtype, device="meta")
    return RangedTensor(tensor, ranges) if any(ranges) else tensor


def on_fake_gpu(function: FunctionType, args: Sequence[Any]) -> tuple[Any, ...]:
    """``args`` of ``function`` with every tensor, also inside tuples and captured by functions,
    replaced by a fake on a GPU."""
    mode = fake_mode()

    def fake(tensor: torch.Tensor) -> torch.Tensor:
        made = fake_like(mode, tuple(tensor.shape), tensor.dtype, "cuda", tensor.stride())
        return mark_static(made, marked_static(tensor))

    return _with_tensors(function, args, fake)


def on_device(
    function: FunctionType, args: Sequence[Any], device: torch.device, seed: int = 0
) -> tuple[Any, ...]:
    """``args`` of ``function`` with every tensor on ``device``: those without data are filled, floats from a normal
    distribution, booleans evenly, integers with zeros."""
    generator = torch.Generator(device).manual_seed(seed)

    def real(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.device.type != "meta":
            return mark_static(tensor.to(device), marked_static(tensor))
        reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
        values = _filled(reach + 1 if tensor.numel() else 0, tensor.dtype, generator)
        made = values.as_strided(tensor.shape, tensor.stride())
        return mark_static(made, marked_static(tensor))

    return _with_tensors(function, args, real)


def _filled(count: int, dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    device = generator.device
    if dtype == torch.bool:
        return torch.rand(count, device=device, generator=generator) < 0.5
    if dtype.is_floating_point:
        return torch.randn(count, device=device, generator=generator).to(dtype)
    return torch.zeros(count, device=device, dtype=dtype)


def _with_tensors(
    function: FunctionType, args: Sequence[Any], make: Callable[[torch.Tensor], torch.Tensor]
) -> tuple[Any, ...]:
    """``args`` with another tensor for each, also inside tuples and captured by functions."""
    parameters = tuple(function.__code__.co_varnames[: len(args)])
    call = split(function, parameters, frozenset(), tuple(args))
    leaves = [make(leaf) if isinstance(leaf, torch.Tensor) else leaf for leaf in call.leaves]
    arguments, _, _ = call.join(leaves)
    return arguments


def _literal(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        raise ArgumentTextError(text=text, problem="neither a tensor nor a JSON literal") from None
    if isinstance(value, dict):
        raise ArgumentTextError(text=text, problem="kernels take no dictionaries")
    return _tuples(value)


def _tuples(value: Any) -> Any:
    """Lists as tuples, with tensors inside them read as well."""
    if isinstance(value, list):
        return tuple(
            _inner(item) if isinstance(item, str) and _TENSOR.fullmatch(item) else _tuples(item)
            for item in value
        )
    return value


def _inner(text: str) -> torch.Tensor:
    tensor: torch.Tensor | RangedTensor = parse_argument(text)
    if isinstance(tensor, RangedTensor):
        raise ArgumentTextError(text=text, problem="a tensor inside a list has no ranges of sizes")
    return tensor


def _dtype(text: str, name: str) -> torch.dtype:
    found = _SHORT.get(name, getattr(torch, name, None))
    if not isinstance(found, torch.dtype):
        raise ArgumentTextError(
            text=text,
            problem=f"there is no dtype {name!r}; the short names are {', '.join(_SHORT)}",
        )
    return found


def _parts(items: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in items.split(",") if items.strip())


def _number(text: str, part: str) -> int:
    if not part.isdecimal():
        raise ArgumentTextError(text=text, problem=f"{part!r} is no size or stride")
    return int(part)
