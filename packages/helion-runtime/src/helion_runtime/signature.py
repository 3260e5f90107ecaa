"""Signatures of calls: what kind each argument is, whether a variant takes it, and how to say so to
people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.entries import TensorSignature
from helion_runtime.errors import ArgumentCountError, ArgumentTypeError, DeviceMismatchError
from helion_runtime.open_numbers import deciding_arguments
from helion_runtime.signature_key import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_runtime.entries import ScalarSignature, VariantEntry
    from helion_runtime.signature_key import ArgumentKind

_PYTHON_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("bool", (bool, torch.SymBool)),
    ("int", (int, torch.SymInt)),
    ("float", (float, torch.SymFloat)),
    ("str", (str,)),
)
_PLAIN_DISPATCH = torch.Tensor.__torch_dispatch__


def argument_kinds(variants: Sequence[VariantEntry], n_arguments: int) -> tuple[ArgumentKind, ...]:
    """How each argument must enter the key so that equal keys mean the same prepared call for every
    variant."""
    by_value = set().union(*(deciding_arguments(variant) for variant in variants))
    kinds: list[ArgumentKind] = []
    for position in range(n_arguments):
        items = [variant.signature[position] for variant in variants]
        kinds.append(_kind(items, position in by_value))
    return tuple(kinds)


def check_call(
    op: str, names: Sequence[str], arguments: Sequence[object], device_type: str
) -> int | None:
    """The index of the device the tensors are on, or None without tensors.

    Raises a :class:`CallError` for arguments that no op can be called with: too few, too many, a
    tensor subclass of its own, a tensor elsewhere than on one device of ``device_type``, an object
    that is neither tensor nor scalar.
    """
    passed = [value for value in arguments if value is not ABSENT]
    if len(passed) != len(names):
        raise ArgumentCountError(
            f"op {op!r} takes {len(names)} argument(s) ({', '.join(names)}), {len(passed)} were passed"
        )
    devices: dict[int, str] = {}
    for name, value in zip(names, arguments, strict=True):
        if isinstance(value, torch.Tensor):
            _check_tensor(op, name, value, device_type)
            devices.setdefault(value.get_device(), name)
        elif value is not None and not isinstance(value, (bool, int, float, str)):
            raise ArgumentTypeError(
                f"op {op!r}: argument {name!r}: expected a tensor, int, float, bool, str or None, found "
                f"{type(value).__name__}"
            )
    if len(devices) > 1:
        places = ", ".join(f"{name!r} on {device_type}:{index}" for index, name in devices.items())
        raise DeviceMismatchError(
            f"op {op!r}: its tensors are on {len(devices)} devices: {places}; move them to one"
        )
    return next(iter(devices), None)


def is_wrapped(value: object) -> bool:
    """Whether a value is a tensor of a subclass that has its own idea of operators: fake, traced, distributed."""
    return isinstance(value, torch.Tensor) and type(value).__torch_dispatch__ is not _PLAIN_DISPATCH


def mismatches(
    variant: VariantEntry, names: Sequence[str], arguments: Sequence[object]
) -> list[str]:
    """What of the arguments the variant's signature does not take; empty if it takes them all."""
    reasons: list[str] = []
    for name, item, value in zip(names, variant.signature, arguments, strict=True):
        if isinstance(item, TensorSignature):
            reasons.extend(_tensor_mismatches(name, item, value))
        elif not _takes_scalar(item, value):
            reasons.append(f"{name}: expected {describe_item(item)}, found {describe(value)}")
    return reasons


def misaligned_positions(variant: VariantEntry, arguments: Sequence[object]) -> list[int]:
    """The arguments that would have to start at a multiple of 16 bytes and do not."""
    return [
        position
        for position in variant.aligned
        if isinstance(value := arguments[position], torch.Tensor) and value.data_ptr() % 16
    ]


def misaligned(variant: VariantEntry, names: Sequence[str], arguments: Sequence[Any]) -> list[str]:
    """The same, for people."""
    return [
        f"{names[position]}: expected to start at a multiple of 16 bytes, found {arguments[position].data_ptr():#x}"
        for position in misaligned_positions(variant, arguments)
    ]


def describe(value: object) -> str:
    """An argument, for people."""
    if isinstance(value, torch.Tensor):
        return (
            f"tensor {dtype_name(value.dtype)} {list(value.shape)}, strides {list(value.stride())}, "
            f"on {value.device}"
        )
    return "None" if value is None else f"{type(value).__name__} {value!r:.60}"


def describe_item(item: TensorSignature | ScalarSignature) -> str:
    """What a signature takes at one position, for people."""
    if isinstance(item, TensorSignature):
        return f"tensor {item.dtype} of {item.ndim} dimension(s)"
    return f"{item.kind} {item.value!r:.60}" if item.constant else item.kind


def dtype_name(dtype: torch.dtype) -> str:
    """``"bfloat16"`` for ``torch.bfloat16``."""
    return str(dtype).removeprefix("torch.")


def scalar_kind(value: object) -> str:
    """The ``kind`` of :class:`ScalarSignature` for a Python value."""
    if value is None:
        return "none"
    for kind, python_type in _PYTHON_TYPES:
        if isinstance(value, python_type):
            return kind
    return type(value).__name__


def _kind(items: Sequence[TensorSignature | ScalarSignature], by_value: bool) -> ArgumentKind:
    tensors = [item for item in items if isinstance(item, TensorSignature)]
    if tensors and len(tensors) == len(items):
        return "any" if any(item.dtype.startswith("complex") for item in tensors) else "tensor"
    scalars = [item for item in items if not isinstance(item, TensorSignature)]
    if not scalars or len(scalars) != len(items):
        return "any"
    if all(item.kind != "float" for item in scalars):
        return "value"
    if any(item.kind != "float" for item in scalars):
        return "any"
    return "exact float" if by_value or any(item.constant for item in scalars) else "float"


def _check_tensor(op: str, name: str, tensor: torch.Tensor, device_type: str) -> None:
    where = f"op {op!r}: argument {name!r}"
    if is_wrapped(tensor):
        raise ArgumentTypeError(
            f"{where}: expected a plain tensor, found the subclass {type(tensor).__name__}, whose memory a "
            "kernel cannot read; pass the tensor it wraps, or register the op with torch to trace it"
        )
    if tensor.layout != torch.strided:
        raise ArgumentTypeError(f"{where}: expected a strided tensor, found layout {tensor.layout}")
    if tensor.device.type != device_type:
        raise DeviceMismatchError(
            f"{where}: expected a tensor on {device_type}, found one on {tensor.device}"
        )
    if tensor.is_neg() or tensor.is_conj():
        raise ArgumentTypeError(
            f"{where}: a lazily negated or conjugated tensor; pass tensor.resolve_neg().resolve_conj()"
        )
    if tensor._is_zerotensor():
        raise ArgumentTypeError(f"{where}: a tensor of zeros without memory; pass tensor.clone()")


def _tensor_mismatches(name: str, item: TensorSignature, value: object) -> Iterator[str]:
    if not isinstance(value, torch.Tensor):
        yield f"{name}: expected {describe_item(item)}, found {describe(value)}"
        return
    if dtype_name(value.dtype) != item.dtype:
        yield f"{name}: expected dtype {item.dtype}, found {dtype_name(value.dtype)}"
    if value.dim() != item.ndim:
        yield f"{name}: expected {item.ndim} dimension(s), found {value.dim()}"


def _takes_scalar(item: ScalarSignature, value: object) -> bool:
    if isinstance(value, torch.Tensor) or scalar_kind(value) != item.kind:
        return False
    return not item.constant or repr(value) == repr(item.value)
