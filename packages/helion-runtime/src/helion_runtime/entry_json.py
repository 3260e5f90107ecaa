"""Entries as JSON: what a manifest holds, strictly checked on the way in.

``op_to_json``/``op_from_json`` and ``kernel_to_json``/``kernel_from_json`` are inverses on checked
entries. Every key that the format version has is written; reading refuses missing keys, unknown keys and values of
another type with :class:`SchemaError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    read,
    read_bool,
    read_integer,
    read_list,
    read_object,
    read_record,
    read_scalar,
    read_string,
    read_tree,
    unlike,
    write_tree,
)
from helion_runtime.record import Record, fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_runtime.json_reading import Reader

_TREES = read_list(read_tree)
_INTEGERS = read_list(read_integer)
_STRINGS = read_list(read_string)


def op_to_json(op: OpEntry) -> dict[str, Any]:
    """An op as JSON values."""
    return _to_json(op)


def op_from_json(value: object, where: str = "op") -> OpEntry:
    """An op from JSON values; not yet checked against its kernels, see
    :mod:`helion_runtime.entry_check`."""
    return read(read_op, value, where)


def kernel_to_json(kernel: KernelEntry) -> dict[str, Any]:
    """A kernel as JSON values."""
    return _to_json(kernel)


def kernel_from_json(value: object, where: str = "kernel") -> KernelEntry:
    """A kernel from JSON values; not yet checked against its binary."""
    return read(read_kernel, value, where)


def _to_json(entry: Record) -> dict[str, Any]:
    """The fields of an entry, with the tag that tells it from its siblings."""
    tag = _TAGS.get(type(entry))
    result: dict[str, Any] = {} if tag is None else {_TAG_KEY: tag}
    for name in fields_of(type(entry)):
        value = getattr(entry, name)
        if name not in _LATER or value is not None:
            result[name] = _value_to_json(value)
    return result


def _value_to_json(value: Any) -> Any:
    if isinstance(value, Record):
        return _to_json(value)
    if isinstance(value, (tuple, list)):
        return [_value_to_json(item) for item in value]
    return write_tree(value)


def _one_of(classes: Mapping[type[Record], Mapping[str, Reader[Any]]]) -> Reader[Any]:
    """A reader of an object whose tag says which of the classes it is."""
    readers = {_TAGS[kind]: _read_tagged(kind, fields) for kind, fields in classes.items()}

    def read_it(value: object) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get(_TAG_KEY), str):
            raise unlike(f"an object with a key {_TAG_KEY!r}", value)
        chosen = readers.get(value[_TAG_KEY])
        if chosen is None:
            expected = f"one of {', '.join(sorted(readers))}"
            raise unlike(expected, value[_TAG_KEY]).inside(f".{_TAG_KEY}")
        return chosen(value)

    return read_it


def _read_tagged(kind: type[Record], fields: Mapping[str, Reader[Any]]) -> Reader[Any]:
    read_fields = read_object({_TAG_KEY: read_string, **fields})

    def read_it(value: object) -> Any:
        content = read_fields(value)
        del content[_TAG_KEY]
        return kind(**content)

    return read_it


def _read_grid(value: object) -> tuple[Any, ...]:
    grid = _TREES(value)
    if len(grid) != 3:
        raise unlike("three extents", value)
    return grid


_LATER = ("mutates",)
"""Fields that formats before the one that brought them do not have; None there, and not written."""

_TAG_KEY = "is"
_TAGS: Mapping[type[Record], str] = {
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

_read_layout = read_record(
    DescriptorLayout,
    {
        "use_tensor_map": read_bool,
        "block_shape": _INTEGERS,
        "element_size": read_integer,
        "element_type": read_integer,
        "swizzle": read_integer,
        "fp4_padded": read_bool,
        "round_f32_to_tf32": read_bool,
    },
)
_read_result = read_record(ResultEntry, {"sizes": _TREES, "strides": _TREES, "dtype": read_string})
_read_signature = _one_of(
    {
        TensorSignature: {"dtype": read_string, "ndim": read_integer},
        ScalarSignature: {"kind": read_string, "constant": read_bool, "value": read_scalar},
    }
)
_read_step = _one_of(
    {
        AllocateStep: {
            "sizes": _TREES,
            "strides": _TREES,
            "dtype": read_string,
            "fill": read_scalar,
        },
        ViewStep: {
            "buffer": read_integer,
            "sizes": _TREES,
            "strides": _TREES,
            "offset": read_tree,
        },
        CallStep: {
            "operator": read_string,
            "arguments": _TREES,
            "keywords": _TREES,
            "results": read_list(_read_result),
            "after": read_bool,
        },
        ReadStep: {
            "buffer": read_integer,
            "kind": read_string,
            "again": read_bool,
            "after": read_bool,
        },
    }
)
_read_argument = _one_of(
    {
        PointerArgument: {"buffer": read_integer, "offset": read_tree},
        ScalarArgument: {"type": read_string, "value": read_tree},
        DescriptorArgument: {
            "buffer": read_integer,
            "layout": read_integer,
            "shape": _TREES,
            "strides": _TREES,
            "offset": read_tree,
        },
    }
)
_read_launch = read_record(
    LaunchEntry,
    {"kernel": read_string, "grid": _read_grid, "arguments": read_list(_read_argument)},
)
_read_variant = read_record(
    VariantEntry,
    {
        "signature": read_list(_read_signature),
        "guard": _TREES,
        "aligned": _INTEGERS,
        "steps": read_list(_read_step),
        "launches": read_list(_read_launch),
        "outputs": read_tree,
    },
    {"mutates": _INTEGERS},
)
read_op = read_record(
    OpEntry,
    {"name": read_string, "arguments": _STRINGS, "variants": read_list(_read_variant)},
)
"""Reads an op."""

read_kernel = read_record(
    KernelEntry,
    {
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
        "descriptors": read_list(_read_layout),
        "config": read_string,
    },
)
"""Reads a kernel."""
