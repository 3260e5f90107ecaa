"""Entries as JSON: what a manifest holds, strictly checked on the way in.

``op_to_json``/``op_from_json`` and ``kernel_to_json``/``kernel_from_json`` are inverses on checked
entries. Every key is always written; reading refuses missing keys, unknown keys and values of
another type with :class:`SchemaError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_runtime.entries import (
    AllocateStep,
    CallStep,
    DescriptorArgument,
    DescriptorLayout,
    KernelEntry,
    LaunchEntry,
    OpEntry,
    PointerArgument,
    ReadStep,
    ResultEntry,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    VariantEntry,
    ViewStep,
)
from helion_runtime.json_reading import (
    fail,
    read_bool,
    read_integer,
    read_list,
    read_object,
    read_scalar,
    read_string,
    read_tree,
    write_tree,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TREES = read_list(read_tree)
_INTEGERS = read_list(read_integer)
_STRINGS = read_list(read_string)


def op_to_json(op: OpEntry) -> dict[str, Any]:
    """An op as JSON values."""
    return _to_json(op)


def op_from_json(value: object, where: str = "op") -> OpEntry:
    """An op from JSON values; not yet checked against its kernels, see
    :mod:`helion_runtime.entry_check`."""
    return OpEntry(**read_object(value, where, _FIELDS[OpEntry]))


def kernel_to_json(kernel: KernelEntry) -> dict[str, Any]:
    """A kernel as JSON values."""
    return _to_json(kernel)


def kernel_from_json(value: object, where: str = "kernel") -> KernelEntry:
    """A kernel from JSON values; not yet checked against its binary."""
    return KernelEntry(**read_object(value, where, _FIELDS[KernelEntry]))


def _to_json(entry: Any) -> dict[str, Any]:
    """The fields of an entry, with the tag that tells it from its siblings."""
    tag = _TAGS.get(type(entry))
    result: dict[str, Any] = {} if tag is None else {_TAG_KEY: tag}
    for field in attrs.fields(type(entry)):
        result[field.name] = _value_to_json(getattr(entry, field.name))
    return result


def _value_to_json(value: Any) -> Any:
    if attrs.has(type(value)):
        return _to_json(value)
    if isinstance(value, (tuple, list)):
        return [_value_to_json(item) for item in value]
    return write_tree(value)


def _one_of(*classes: type[Any]) -> Callable[[object, str], Any]:
    """A reader of an object whose tag says which of the classes it is."""
    by_tag = {_TAGS[each]: each for each in classes}

    def read(value: object, where: str) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get(_TAG_KEY), str):
            raise fail(where, f"an object with a key {_TAG_KEY!r}", value)
        chosen = by_tag.get(value[_TAG_KEY])
        if chosen is None:
            expected = f"one of {', '.join(sorted(by_tag))}"
            raise fail(f"{where}.{_TAG_KEY}", expected, value[_TAG_KEY])
        fields = {_TAG_KEY: read_string, **_FIELDS[chosen]}
        content = read_object(value, where, fields)
        del content[_TAG_KEY]
        return chosen(**content)

    return read


def _read_grid(value: object, where: str) -> tuple[Any, ...]:
    grid = _TREES(value, where)
    if len(grid) != 3:
        raise fail(where, "three extents", value)
    return grid


def _read_entry(kind: type[Any]) -> Callable[[object, str], Any]:
    return lambda value, where: kind(**read_object(value, where, _FIELDS[kind]))


_TAG_KEY = "is"
_TAGS: Mapping[type[Any], str] = {
    TensorSignature: "tensor",
    ScalarSignature: "scalar",
    AllocateStep: "allocate",
    ViewStep: "view",
    CallStep: "call",
    ReadStep: "read",
    PointerArgument: "pointer",
    ScalarArgument: "scalar",
    DescriptorArgument: "descriptor",
}
_FIELDS: dict[type[Any], Mapping[str, Callable[[object, str], Any]]] = {
    TensorSignature: {"dtype": read_string, "ndim": read_integer},
    ScalarSignature: {"kind": read_string, "constant": read_bool, "value": read_scalar},
    AllocateStep: {"sizes": _TREES, "strides": _TREES, "dtype": read_string, "fill": read_scalar},
    ViewStep: {"buffer": read_integer, "sizes": _TREES, "strides": _TREES, "offset": read_tree},
    ResultEntry: {"sizes": _TREES, "strides": _TREES, "dtype": read_string},
    ReadStep: {
        "buffer": read_integer,
        "kind": read_string,
        "again": read_bool,
        "after": read_bool,
    },
    PointerArgument: {"buffer": read_integer, "offset": read_tree},
    ScalarArgument: {"type": read_string, "value": read_tree},
    DescriptorArgument: {
        "buffer": read_integer,
        "layout": read_integer,
        "shape": _TREES,
        "strides": _TREES,
        "offset": read_tree,
    },
    DescriptorLayout: {
        "use_tensor_map": read_bool,
        "block_shape": _INTEGERS,
        "element_size": read_integer,
        "element_type": read_integer,
        "swizzle": read_integer,
        "fp4_padded": read_bool,
        "round_f32_to_tf32": read_bool,
    },
    KernelEntry: {
        "name": read_string,
        "symbol": read_string,
        "blob": read_string,
        "arch": read_string,
        "parameters": _STRINGS,
        "num_warps": read_integer,
        "shared": read_integer,
        "num_ctas": read_integer,
        "cooperative": read_bool,
        "programmatic_dependent_launch": read_bool,
        "global_scratch_size": read_integer,
        "global_scratch_align": read_integer,
        "profile_scratch_size": read_integer,
        "profile_scratch_align": read_integer,
        "warp_size": read_integer,
        "descriptors": read_list(_read_entry(DescriptorLayout)),
        "config": read_string,
    },
}
_FIELDS[CallStep] = {
    "operator": read_string,
    "arguments": _TREES,
    "keywords": _TREES,
    "results": read_list(_read_entry(ResultEntry)),
    "after": read_bool,
}
_FIELDS[LaunchEntry] = {
    "kernel": read_string,
    "grid": _read_grid,
    "arguments": read_list(_one_of(PointerArgument, ScalarArgument, DescriptorArgument)),
}
_FIELDS[VariantEntry] = {
    "signature": read_list(_one_of(TensorSignature, ScalarSignature)),
    "guard": _TREES,
    "aligned": _INTEGERS,
    "steps": read_list(_one_of(AllocateStep, ViewStep, CallStep, ReadStep)),
    "launches": read_list(_read_entry(LaunchEntry)),
    "outputs": read_tree,
}
_FIELDS[OpEntry] = {
    "name": read_string,
    "arguments": _STRINGS,
    "variants": read_list(_read_entry(VariantEntry)),
}
