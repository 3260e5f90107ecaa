"""What reaches the driver: attributes, scratch, tensor maps, contexts."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Any

import pytest
import torch

from helion_runtime import generate, tensor_maps
from helion_runtime.abi import expand
from helion_runtime.driver import TensorMapGeometry
from helion_runtime.entries import (
    DescriptorArgument,
    DescriptorLayout,
    KernelEntry,
    LaunchEntry,
    PointerArgument,
    ScalarArgument,
    TensorSignature,
    VariantEntry,
)
from helion_runtime.errors import (
    DriverError,
    EmptyTensorError,
    GridError,
    ScalarRangeError,
    SchemaError,
)
from helion_runtime.record import replace

Make = Callable[..., Any]
HALF = TensorSignature("float16", 2)
LAYOUT = DescriptorLayout(
    use_tensor_map=True, block_shape=(64, 32), element_size=2, element_type=6, swizzle=3
)
MAP_WORDS = ("tensormap", "i32", "i32", "i64", "i64")
SIZES = (["size", 0, 0], ["size", 0, 1])


def descriptor_variant(words: tuple[str, ...], layout: DescriptorLayout) -> tuple[Any, KernelEntry]:
    entry = KernelEntry(
        "k", "k", "0" * 64, "sm_90a", (*words, "pointer"), 4, 0, descriptors=(layout,)
    )
    argument = DescriptorArgument(0, 0, SIZES, (["stride", 0, 0], 1))
    launch = LaunchEntry("k", (1, 1, 1), (argument, PointerArgument(0)))
    return VariantEntry((HALF,), (), (0,), (), (launch,), ["none"]), entry


def test_launch_attributes(make_op: Make, kernel: KernelEntry, matrix: Make) -> None:
    entry = replace(
        kernel, num_ctas=2, num_warps=8, cooperative=True, programmatic_dependent_launch=True
    )
    op = make_op(entry=entry)
    op.call(matrix(64, 64), matrix(64, 64))
    launch = op.driver.launches[-1]
    assert (launch.grid, launch.block) == ((8, 1, 1), (256, 1, 1))
    values = {number: struct.unpack_from("=3I", raw) for number, raw in launch.attributes}
    assert values == {6: (1, 0, 0), 2: (1, 0, 0), 4: (2, 1, 1), 5: (1, 0, 0)}
    assert op.driver.function_attributes == []


def test_function_attributes(make_op: Make, kernel: KernelEntry, matrix: Make) -> None:
    op = make_op(entry=replace(kernel, shared=49153, num_ctas=16))
    op.call(matrix(), matrix())
    assert op.driver.function_attributes == [("k", 8, 49153), ("k", 14, 1)]


def test_scratch_is_allocated_per_launch_and_aligned(
    make_op: Make, kernel: KernelEntry, matrix: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(
        kernel,
        num_ctas=2,
        global_scratch_size=128,
        global_scratch_align=4096,
        profile_scratch_size=8,
    )
    made: list[torch.Tensor] = []

    def recorded(*args: Any) -> torch.Tensor:
        made.append(torch.empty_strided(*args[:2], dtype=args[2]))
        return made[-1]

    monkeypatch.setattr(generate, "find_empty", lambda device_type: recorded)
    op = make_op(entry=entry)
    for count in (3, 6):
        op.call(matrix(64, 64), matrix(64, 64))
        assert len(made) == count
        _, scratch, profile = made[-3:]
        assert scratch.numel() == 128 * 2 * 4 + 4096
        assert profile.numel() == 8 * 2 * 4
        assert op.number(4) % 4096 == 0
        assert 0 <= op.number(4) - scratch.data_ptr() < 4096
        assert op.number(5) == profile.data_ptr()


def test_a_tensor_map_and_what_follows_it(make_op: Make) -> None:
    op = make_op(*descriptor_variant(MAP_WORDS, LAYOUT))
    x = torch.zeros(512, 256, dtype=torch.float16)
    op.call(x)
    encoded = [(x.data_ptr(), TensorMapGeometry(6, (256, 512), (512, 512 * 512), (32, 64), 3))]
    assert op.driver.encoded == encoded
    parameters = op.driver.launches[-1].parameters
    assert parameters[0][:8] == x.data_ptr().to_bytes(8, "little")
    assert [op.number(i) for i in range(1, 6)] == [512, 256, 256, 1, x.data_ptr()]
    op.call(x)
    assert len(op.driver.encoded) == 1
    other = torch.zeros_like(x)
    op.call(other)
    op.call(x)
    assert len(op.driver.encoded) == 2
    assert op.number(0) & (2**64 - 1) == x.data_ptr()


def test_the_map_lies_where_the_driver_may_read_it(make_op: Make) -> None:
    op = make_op(*descriptor_variant(MAP_WORDS, LAYOUT))
    addresses = []
    launch = op.driver.launch

    def spy(config: Any, function: Any, parameters: Any, extra: Any) -> int:
        addresses.append(ctypes.c_uint64.from_address(parameters.value).value)
        return int(launch(config, function, parameters, extra))

    op.driver.launch = spy
    for rows in range(1, 20):
        op.call(torch.zeros(rows, 64, dtype=torch.float16))
    assert [address % 64 for address in addresses] == [0] * 19


def test_remembered_maps_are_bounded(make_op: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_maps, "_REMEMBERED", 2)
    op = make_op(*descriptor_variant(MAP_WORDS, LAYOUT))
    tensors = [torch.zeros(64, 64, dtype=torch.float16) for _ in range(3)]
    for x in (*tensors, tensors[0]):
        op.call(x)
        assert op.number(0) & (2**64 - 1) == x.data_ptr()
    assert len(op.driver.encoded) == 4


@pytest.mark.parametrize(
    ("version", "rows", "cleared"),
    [(13010, 512, True), (13010, 513, False), (13020, 512, False), (12080, 16, True)],
)
def test_the_mark_of_small_tensors_is_cleared_for_old_drivers(
    make_op: Make, version: int, rows: int, cleared: bool
) -> None:
    op = make_op(*descriptor_variant(MAP_WORDS, LAYOUT), cuda_version=version)
    op.call(torch.zeros(rows, 128, dtype=torch.float16))  # 256 bytes a row
    word = op.number(0) >> 64 & (2**64 - 1)
    assert word == (2**64 - 1) & ~(cleared << 21)


def test_tf32_and_padded_fp4_maps(make_op: Make) -> None:
    layout = replace(LAYOUT, element_size=1, element_type=13, fp4_padded=True)
    op = make_op(*descriptor_variant(MAP_WORDS, layout))
    op.call(torch.zeros(512, 256, dtype=torch.float16))
    geometry = op.driver.encoded[-1][1]  # elements are two to a byte, strides stay in bytes
    assert (geometry.dimensions, geometry.strides) == ((512, 512), (256, 256 * 512))
    op = make_op(*descriptor_variant(MAP_WORDS, replace(LAYOUT, round_f32_to_tf32=True)))
    op.call(torch.zeros(512, 256, dtype=torch.float16))
    assert op.driver.encoded[-1][1].data_type == 11


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("pointer", "i32", "i32", "i64", "i64"), [8, 16, 16, 1]),
        (
            ("pointer", *["i64"] * 4, "i1", "i1", "i32", "i32", "i64", "i64"),
            [8, 16, 16, 1, 0, 1, 8, 16, 16, 1],
        ),
        (
            ("pointer", *["i64"] * 4, "i1", "i32", "i32", "i64", "i64"),
            [8, 16, 16, 1, 0, 8, 16, 16, 1],
        ),
    ],
)
def test_descriptors_without_tensor_maps(
    make_op: Make, words: tuple[str, ...], values: list[int]
) -> None:
    layout = replace(LAYOUT, use_tensor_map=False, round_f32_to_tf32=True)
    op = make_op(*descriptor_variant(words, layout))
    x = torch.zeros(8, 16, dtype=torch.float16)
    op.call(x)
    assert [op.number(i) for i in range(len(words) + 1)] == [x.data_ptr(), *values, x.data_ptr()]


def test_a_descriptor_beyond_i32_is_refused(make_op: Make) -> None:
    variant, entry = descriptor_variant(MAP_WORDS, LAYOUT)
    argument = replace(variant.launches[0].arguments[0], shape=(2**31, 64))
    launch = replace(variant.launches[0], arguments=(argument, PointerArgument(0)))
    op = make_op(replace(variant, launches=(launch,)), entry)
    with pytest.raises(ScalarRangeError, match="shape 0 of a descriptor"):
        op.call(torch.zeros(8, 16, dtype=torch.float16))


def test_a_map_of_nothing_is_refused_where_programs_run(make_op: Make) -> None:
    op = make_op(*descriptor_variant(MAP_WORDS, LAYOUT))
    for shape in ((0, 16), (8, 0)):
        with pytest.raises(EmptyTensorError, match=r"argument 'x0'.*'k' takes a tensor map of it"):
            op.call(torch.zeros(shape, dtype=torch.float16))
    assert not op.driver.encoded
    variant, entry = descriptor_variant(MAP_WORDS, LAYOUT)
    launch = replace(variant.launches[0], grid=(["size", 0, 0], 1, 1))
    op = make_op(replace(variant, launches=(launch,)), entry)
    op.call(torch.zeros(0, 16, dtype=torch.float16))  # nothing runs: nothing is refused
    assert not op.driver.launches


@pytest.mark.parametrize("words", [("pointer",), ("i32",), MAP_WORDS[:3], (*MAP_WORDS, "i32")])
def test_parameters_that_do_not_fit_the_arguments(words: tuple[str, ...]) -> None:
    entry = KernelEntry("k", "k", "0" * 64, "sm_90a", words, 4, 0, descriptors=(LAYOUT,))
    with pytest.raises(SchemaError, match="kernel 'k'"):
        expand(entry, (DescriptorArgument(0, 0, SIZES, (64, 1)),))
    with pytest.raises(SchemaError, match="kernel 'k'"):
        expand(entry, (ScalarArgument("i64", 1), PointerArgument(0)))


@pytest.mark.parametrize("grid", [(2**31, 1, 1), (1, 65536, 1), (1, 1, 65536), (-1, 1, 1)])
def test_grids_beyond_the_limits(
    make_op: Make, add_variant: VariantEntry, matrix: Make, grid: tuple[int, int, int]
) -> None:
    launch = replace(add_variant.launches[0], grid=grid)
    op = make_op(replace(add_variant, launches=(launch,)))
    with pytest.raises(GridError, match="expected a grid of at most"):
        op.call(matrix(), matrix())


def test_clusters_beyond_the_grid(
    make_op: Make, add_variant: VariantEntry, kernel: KernelEntry, matrix: Make
) -> None:
    launch = replace(add_variant.launches[0], grid=(2**30, 1, 1))
    op = make_op(replace(add_variant, launches=(launch,)), replace(kernel, num_ctas=2))
    with pytest.raises(GridError, match="clusters of 2"):
        op.call(matrix(), matrix())


def test_a_thread_without_a_context_gets_one(make_op: Make, matrix: Make) -> None:
    op = make_op()
    op.driver.results = [201]
    op.call(matrix(), matrix())
    assert op.driver.activations == [-1]
    assert len(op.driver.launches) == 1


def test_a_failed_launch_is_an_error_that_names_it(make_op: Make, matrix: Make) -> None:
    op = make_op()
    op.driver.results = [701]
    with pytest.raises(
        DriverError, match="launching kernel 'k' with a grid of \\(1, 1, 1\\)"
    ) as caught:
        op.call(matrix(), matrix())
    assert caught.value.code == 701
    op.driver.results = [201, 201]
    with pytest.raises(DriverError):
        op.call(matrix(), matrix())
    op.call(matrix(), matrix())
    assert len(op.driver.launches) == 1


def test_several_launches_run_in_order(
    make_op: Make, add_variant: VariantEntry, kernel: KernelEntry, matrix: Make
) -> None:
    launch = add_variant.launches[0]
    empty = replace(launch, grid=(0, 1, 1))
    second = replace(launch, grid=(7, 2, 3))
    op = make_op(replace(add_variant, launches=(launch, empty, second)))
    op.call(matrix(), matrix())
    assert [record.grid for record in op.driver.launches] == [(1, 1, 1), (7, 2, 3)]
    assert len(op.driver.loaded) == 1
