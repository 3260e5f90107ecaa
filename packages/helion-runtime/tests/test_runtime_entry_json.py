from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from helion_runtime.bundle.format import canonical_json
from helion_runtime.entries import (
    AllocateStep,
    DescriptorArgument,
    DescriptorLayout,
    KernelEntry,
    LaunchEntry,
    OpEntry,
    PointerArgument,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    VariantEntry,
    ViewStep,
)
from helion_runtime.entry_check import check_kernel, check_op
from helion_runtime.entry_json import kernel_from_json, kernel_to_json, op_from_json, op_to_json
from helion_runtime.errors import SchemaError
from helion_runtime.record import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helion_runtime.bundle.reading import VerifiedContent

KERNEL = KernelEntry(
    "k",
    "k",
    "a" * 64,
    "sm_90a",
    ("tensormap", "i32", "i64", "pointer", "fp32"),
    num_warps=8,
    shared=1024,
    num_ctas=2,
    cooperative=True,
    programmatic_dependent_launch=True,
    global_scratch_size=128,
    global_scratch_align=128,
    profile_scratch_size=64,
    profile_scratch_align=64,
    descriptors=(
        DescriptorLayout(
            use_tensor_map=True,
            block_shape=(64,),
            element_size=2,
            element_type=6,
            swizzle=3,
            round_f32_to_tf32=True,
        ),
    ),
    config='{"num_warps": 8}',
)
OP = OpEntry(
    "op",
    ("x", "mode", "scale"),
    (
        VariantEntry(
            (
                TensorSignature("bfloat16", 1),
                ScalarSignature("str", constant=True, value="gelu"),
                ScalarSignature("float", constant=True, value=float("-inf")),
            ),
            (("eq", ("mod", ("size", 0, 0), 8), 0),),
            (0,),
            (
                AllocateStep((("size", 0, 0),), (1,), "float32", float("inf")),
                ViewStep(3, (4,), (1,), ("size", 0, 0)),
            ),
            (
                LaunchEntry(
                    "k",
                    (("sm_count",), 1, 1),
                    (
                        DescriptorArgument(0, 0, (("size", 0, 0),), (1,)),
                        PointerArgument(4, 2),
                        ScalarArgument("fp32", 0.5),
                    ),
                ),
            ),
            ("tuple", (("buffer", 3), ("value", ("size", 0, 0)), ("none",))),
        ),
    ),
)


def through_json(value: Any) -> Any:
    return json.loads(canonical_json(value))


def test_entries_survive_the_way_through_json(frozen: VerifiedContent) -> None:
    check_kernel(KERNEL)
    check_op(OP, {"k": KERNEL})
    for op in (OP, *frozen.manifest.ops):
        assert op_from_json(through_json(op_to_json(op))) == op
    for kernel in (KERNEL, *frozen.manifest.kernels):
        assert kernel_from_json(through_json(kernel_to_json(kernel))) == kernel


def test_lists_become_tuples() -> None:
    loose = replace(OP.variants[0], outputs=["buffer", 3], guard=(["eq", 1, ["size", 0, 0]],))
    op = replace(OP, variants=(loose,))
    read = op_from_json(through_json(op_to_json(op)))
    assert read.variants[0].outputs == ("buffer", 3)
    assert read.variants[0].guard == (("eq", 1, ("size", 0, 0)),)


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield from objects(child, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize(
    ("document", "read"),
    [(op_to_json(OP), op_from_json), (kernel_to_json(KERNEL), kernel_from_json)],
    ids=["op", "kernel"],
)
def test_every_key_is_required_and_no_other_taken(
    document: Any, read: Callable[[object], object]
) -> None:
    cases = 0
    for path in objects(document):
        for key in at(document, path):
            changed = copy.deepcopy(document)
            del at(changed, path)[key]
            with pytest.raises(SchemaError):
                read(changed)
            cases += 1
        changed = copy.deepcopy(document)
        at(changed, path)["surprise"] = 1
        with pytest.raises(SchemaError, match="unknown key\\(s\\): 'surprise'"):
            read(changed)
    assert cases > 10


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("name",), 3, r"op\.name: expected a string, found 3"),
        (("arguments",), "xy", r"op\.arguments: expected a list, found 'xy'"),
        (
            ("variants", 0, "aligned", 0),
            True,
            r"variants\[0\]\.aligned\[0\]: expected a whole number",
        ),
        (("variants", 0, "signature", 0, "ndim"), 1.0, "ndim: expected a whole number, found 1.0"),
        (("variants", 0, "signature", 0, "is"), "matrix", "expected one of scalar, tensor"),
        (("variants", 0, "signature", 1, "constant"), 1, "constant: expected true or false"),
        (("variants", 0, "launches", 0, "grid"), [1, 1], "grid: expected three extents"),
        (("variants", 0, "steps", 0, "fill"), {"float": "1.0"}, 'expected "inf", "-inf" or "nan"'),
        (("variants", 0, "steps", 0, "fill"), [1], "fill: expected a string"),
        (("variants", 0, "guard"), {}, "guard: expected a list"),
    ],
)
def test_values_of_the_wrong_kind(path: tuple[Any, ...], value: object, message: str) -> None:
    document = op_to_json(OP)
    at(document, path[:-1])[path[-1]] = value
    with pytest.raises(SchemaError, match=message):
        op_from_json(document)


def test_nesting_is_limited() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = ["neg", deep]
    document = op_to_json(OP)
    document["variants"][0]["guard"] = [deep]
    with pytest.raises(SchemaError, match="nested deeper than 64"):
        op_from_json(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": "sm_"}, "expected an architecture"),
        ({"parameters": ("pointer", "f32")}, "parameter 1: expected one of"),
        ({"num_warps": 0}, "num_warps: expected 1 to 64, found 0"),
        ({"num_ctas": 17}, "num_ctas: expected 1 to 16"),
        ({"shared": -1}, "shared: expected 0 to"),
        ({"global_scratch_align": 3}, "expected a power of two"),
        (
            {
                "descriptors": (
                    DescriptorLayout(use_tensor_map=True, block_shape=(), element_size=2),
                )
            },
            "rank of block_shape",
        ),
        (
            {
                "descriptors": (
                    DescriptorLayout(use_tensor_map=True, block_shape=(8,) * 6, element_size=2),
                )
            },
            "rank of block_shape",
        ),
        (
            {
                "descriptors": (
                    DescriptorLayout(
                        use_tensor_map=True, block_shape=(8,), element_size=2, element_type=99
                    ),
                )
            },
            "element_type: expected 0 to 15",
        ),
    ],
)
def test_kernels_out_of_range(change: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check_kernel(replace(KERNEL, **change))


@pytest.mark.parametrize("name", ["", "a b", "class", "__init__", "1x", "a.b", "x;import os"])
def test_names_that_are_no_identifiers(name: str) -> None:
    with pytest.raises(SchemaError, match="identifiers"):
        check_op(replace(OP, name=name), {"k": KERNEL})
    with pytest.raises(SchemaError, match="identifiers"):
        check_op(replace(OP, arguments=(name, "mode", "scale")), {"k": KERNEL})
