from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from helion_runtime import dispatch, run_maker
from helion_runtime.dispatch import Dispatcher
from helion_runtime.driver import DeviceProperties
from helion_runtime.entries import (
    AllocateStep,
    KernelEntry,
    LaunchEntry,
    PointerArgument,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    VariantEntry,
    ViewStep,
)
from helion_runtime.errors import (
    ArchitectureError,
    ArgumentCountError,
    ArgumentTypeError,
    CallError,
    DeviceMismatchError,
    ExpressionError,
    NoVariantError,
    ScalarRangeError,
    SchemaError,
    SharedMemoryError,
)
from helion_runtime.modules import KernelImage
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver
from helion_runtime.signature_key import argument_fields

VECTOR = TensorSignature("float32", 1)
Make = Callable[..., Any]


def scalar_variant(kind: str, passed_as: str, value: object) -> tuple[VariantEntry, KernelEntry]:
    """A vector and one scalar, passed on as ``passed_as``."""
    entry = KernelEntry("k", "k", "0" * 64, "sm_90a", ("pointer", passed_as), 4, 0)
    signature = (VECTOR, ScalarSignature(kind))  # type: ignore[arg-type]  # parametrised
    arguments = (PointerArgument(0), ScalarArgument(passed_as, value))  # type: ignore[arg-type]  # parametrised
    launch = LaunchEntry("k", (1, 1, 1), arguments)
    return VariantEntry(signature, (), (), (), (launch,), ["none"]), entry


def test_a_call_launches_with_pointers_scalars_and_grid(make_op: Make, matrix: Make) -> None:
    op = make_op()
    x, y = matrix(64, 33), matrix(64, 33)
    out = op.call(x, y)
    launch = op.driver.launches[-1]
    assert (out.shape, out.stride(), out.dtype) == ((64, 33), (33, 1), torch.float32)
    assert [op.number(i) for i in range(3)] == [x.data_ptr(), y.data_ptr(), out.data_ptr()]
    assert op.number(3) == 64 * 33
    assert [op.number(i) for i in (4, 5)] == [0, 0]
    assert (launch.grid, launch.block, launch.shared) == ((3, 1, 1), (128, 1, 1), 1024)
    assert launch.stream == op.driver.current_stream(-1)
    assert launch.attributes == ()


def test_a_repeated_call_prepares_nothing_and_reads_new_addresses(
    make_op: Make, matrix: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = make_op()
    op.call(matrix(), matrix())
    monkeypatch.setattr(run_maker, "evaluate_variant", None)  # would fail if it were called again
    x, y = matrix(), matrix()
    out = op.call(x, y)
    assert [op.number(i) for i in range(3)] == [x.data_ptr(), y.data_ptr(), out.data_ptr()]
    assert len(op.driver.loaded) == 1


@pytest.mark.parametrize(
    "other",
    [
        torch.zeros(8, 4),
        torch.zeros(4, 16)[:, ::2],
        torch.zeros(8, 4).t(),
        torch.nn.Parameter(torch.zeros(4, 8)),
        torch.zeros(4, 8, requires_grad=True),
    ],
)
def test_other_shapes_strides_and_classes_are_other_signatures(
    make_op: Make, matrix: Make, other: torch.Tensor
) -> None:
    op = make_op(replace(make_op().call.variants[0], guard=(), aligned=()))
    op.call(matrix(), matrix())
    op.call(other, matrix())
    assert op.number(0) == other.data_ptr()
    assert op.number(3) == other.numel()


def test_an_empty_grid_is_skipped_and_the_output_made(make_op: Make, matrix: Make) -> None:
    op = make_op()
    assert op.call(matrix(0, 8), matrix(0, 8)).shape == (0, 8)
    assert not op.driver.launches


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((), ArgumentCountError, "takes 2 argument.*0 were passed"),
        ((torch.zeros(4, 8),), ArgumentCountError, "1 were passed"),
        ((torch.zeros(4, 8),) * 3, ArgumentCountError, "3 were passed"),
        ((torch.zeros(4, 8), [1.0]), ArgumentTypeError, "'x1': expected a tensor.*found list"),
        ((torch.zeros(4, 8), torch.zeros(4, 8).to_sparse()), ArgumentTypeError, "strided"),
        ((torch.zeros(4, 8), torch.zeros(4, 9, device="meta")), DeviceMismatchError, "on meta"),
        ((torch.zeros(4, 8), 3), NoVariantError, "x1: expected tensor float32.*found int 3"),
        ((torch.zeros(4, 8), torch.zeros(4, 8).double()), NoVariantError, "found float64"),
        ((torch.zeros(4, 8), torch.zeros(8)), NoVariantError, "expected 2 dimension.*found 1"),
        (
            (torch.zeros(4, 8), torch.zeros(4, 9)),
            NoVariantError,
            r"is 8, expected x1.size\(1\) = 9",
        ),
        (
            (torch.zeros(4, 8), torch.zeros(4, 8, dtype=torch.complex64).conj().imag),
            ArgumentTypeError,
            "lazily negated",
        ),
    ],
)
def test_arguments_that_are_refused(
    make_op: Make, matrix: Make, arguments: tuple[object, ...], error: type[Exception], message: str
) -> None:
    op = make_op()
    op.call(matrix(), matrix())
    for _ in range(2):  # the refusal is not remembered as a prepared call
        with pytest.raises(error, match="(?s)" + message):
            op.call(*arguments)
    assert len(op.driver.launches) == 1


@pytest.mark.parametrize("optional", [False, True])
def test_lazily_negated_tensors_are_refused_after_plain_ones(
    make_op: Make, add_variant: VariantEntry, kernel: KernelEntry, matrix: Make, optional: bool
) -> None:
    op = make_op()
    if optional:  # arguments of several kinds enter the key another way
        launch = add_variant.launches[0]
        arguments = (*launch.arguments[:1] * 2, *launch.arguments[2:])
        without = VariantEntry(
            signature=(add_variant.signature[0], ScalarSignature("none")),
            guard=(),
            aligned=(0,),
            steps=add_variant.steps,
            launches=(replace(launch, arguments=arguments),),
            outputs=add_variant.outputs,
        )
        op.call.add(without, {"k": KernelImage(kernel, b"")})
    op.call(matrix(), matrix())
    for arguments in ((torch._neg_view(matrix()), matrix()), (matrix(), torch._neg_view(matrix()))):
        for _ in range(2):
            with pytest.raises(ArgumentTypeError, match=r"lazily negated.*resolve_neg"):
                op.call(*arguments)
    op.call(*(torch._neg_view(matrix()).resolve_neg() for _ in range(2)))
    assert len(op.driver.launches) == 2


def test_lazily_conjugated_tensors_are_refused_after_plain_ones(make_op: Make) -> None:
    variant, entry = scalar_variant("int", "i32", ["argument", 1])
    item = TensorSignature("complex64", 1)
    op = make_op(replace(variant, signature=(item, variant.signature[1])), entry)
    x = torch.zeros(4, dtype=torch.complex64)
    op.call(x, 1)
    for lazy in (x.conj(), torch._neg_view(x)):
        with pytest.raises(ArgumentTypeError, match="lazily negated or conjugated"):
            op.call(lazy, 1)
    op.call(x.conj().resolve_conj(), 1)
    assert len(op.driver.launches) == 2
    assert len(op.call._memo) == 1


@pytest.mark.parametrize(
    ("strange", "error", "message"),
    [
        (torch.zeros(4, 8).to_sparse(), ArgumentTypeError, "layout torch.sparse_coo"),
        (torch._efficientzerotensor((4, 8)), ArgumentTypeError, "without memory"),
        (torch.zeros(4, 8, device="meta"), DeviceMismatchError, "on meta"),
    ],
)
def test_tensors_without_memory_of_their_own_are_refused(
    make_op: Make, matrix: Make, strange: torch.Tensor, error: type[Exception], message: str
) -> None:
    op = make_op()
    for arguments in ((strange, matrix()), (matrix(), strange)):
        with pytest.raises(error, match=message):
            op.call(*arguments)
    assert not op.driver.launches


def test_a_tensor_on_the_cpu_is_refused_beside_those_on_a_gpu(make_op: Make, matrix: Make) -> None:
    """A number wrapped in a tensor has no dimensions and lies on the CPU: its index is no GPU's."""
    key = argument_fields("tensor", torch.tensor(2.0))
    assert -1 in key
    op = make_op()
    op.driver.device_type = "cuda"
    with pytest.raises(DeviceMismatchError, match="expected a tensor on cuda, found one on cpu"):
        op.call(torch.tensor(2.0), matrix())


def test_a_miss_says_what_was_passed_and_the_nearest_variant(make_op: Make, matrix: Make) -> None:
    op = make_op()
    farther = replace(
        op.call.variants[0], signature=(TensorSignature("int8", 3), TensorSignature("int8", 3))
    )
    op.call.add(farther, {"k": KernelImage(op.driver.kernels[0], b"")}, first=True)
    with pytest.raises(NoVariantError) as caught:
        op.call(matrix(dtype=torch.float16), matrix())
    text = str(caught.value)
    assert "x0: tensor float16 [4, 8], strides [8, 1], on cpu" in text
    assert "The nearest is number 2:\n  x0: expected dtype float32, found float16" in text


def test_tensor_subclasses_with_their_own_dispatch_are_refused(make_op: Make, matrix: Make) -> None:
    class Wrapper(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            raise AssertionError(func)

    wrapped = torch.Tensor._make_wrapper_subclass(Wrapper, (4, 8), dtype=torch.float32)
    with pytest.raises(ArgumentTypeError, match="subclass Wrapper"):
        make_op().call(wrapped, matrix())


@pytest.mark.parametrize(
    ("kind", "type_name", "values"),
    [
        ("int", "i32", [1, 2, -1, 2**31 - 1]),
        ("int", "i64", [2**62, -(2**63)]),
        ("bool", "i1", [True, False]),
        ("float", "fp64", [0.1, 1.0]),
    ],
)
def test_scalars_arrive(make_op: Make, kind: str, type_name: str, values: list[object]) -> None:
    op = make_op(*scalar_variant(kind, type_name, ["argument", 1]))
    letter = {"i32": "i", "i64": "q", "i1": "?", "fp64": "d"}[type_name]
    for value in (*values, *values):
        op.call(torch.zeros(4), value)
        assert struct.unpack("=" + letter, op.driver.launches[-1].parameters[1]) == (value,)


def test_equal_values_of_other_types_are_other_signatures(make_op: Make) -> None:
    op = make_op(*scalar_variant("int", "i32", ["argument", 1]))
    op.call(torch.zeros(4), 1)
    for value in (True, 1.0, "1", None):
        with pytest.raises(NoVariantError):
            op.call(torch.zeros(4), value)


@pytest.mark.parametrize(("type_name", "value"), [("i32", 2**31), ("i8", 128), ("u8", -1)])
def test_a_scalar_beyond_its_type_is_refused(make_op: Make, type_name: str, value: int) -> None:
    op = make_op(*scalar_variant("int", type_name, ["argument", 1]))
    with pytest.raises(ScalarRangeError, match=f"{type_name}, found {value}"):
        op.call(torch.zeros(4), value)


def test_sizes_beyond_i32_are_refused(make_op: Make) -> None:
    size = ["mul", ["size", 0, 0], 2**30]
    op = make_op(*scalar_variant("int", "i32", size))
    op.call(torch.zeros(1), 0)
    with pytest.raises(ScalarRangeError, match="between -2147483648 and 2147483647"):
        op.call(torch.zeros(2), 0)


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("fp32", 1.5, struct.pack("=f", 1.5)),
        ("fp32", 1e40, struct.pack("=f", float("inf"))),
        ("fp32", float("-inf"), struct.pack("=f", float("-inf"))),
        ("fp16", 1e9, struct.pack("=e", float("inf"))),
        ("fp16", 0.25, struct.pack("=e", 0.25)),
        ("bf16", 1.0, b"\x80\x3f"),
        ("bf16", 1.00390625, b"\x80\x3f"),
        ("bf16", 3.4e38, b"\x80\x7f"),
        ("bf16", 1e300, b"\x80\x7f"),
    ],
)
def test_floats_are_passed_on_without_a_new_signature(
    make_op: Make, type_name: str, value: float, expected: bytes
) -> None:
    op = make_op(*scalar_variant("float", type_name, ["argument", 1]))
    for _ in range(2):
        op.call(torch.zeros(4), 0.5)
        op.call(torch.zeros(4), value)
        assert op.driver.launches[-1].parameters[1] == expected
    assert len(op.call._memo) == 1


def test_a_nan_stays_one(make_op: Make) -> None:
    for type_name, letter in (("fp32", "f"), ("fp16", "e")):
        op = make_op(*scalar_variant("float", type_name, ["argument", 1]))
        op.call(torch.zeros(4), float("nan"))
        (found,) = struct.unpack("=" + letter, op.driver.launches[-1].parameters[1])
        assert found != found  # noqa: PLR0124  # the definition of a NaN
    op = make_op(*scalar_variant("float", "bf16", ["argument", 1]))
    op.call(torch.zeros(4), float("nan"))
    assert op.number(1) & 0x7FFF > 0x7F80


def test_floats_that_decide_something_are_part_of_the_signature(make_op: Make) -> None:
    op = make_op(*scalar_variant("float", "fp32", ["neg", ["argument", 1]]))
    for value in (1.0, 2.0, 0.0, -0.0):
        op.call(torch.zeros(4), value)
        assert op.driver.launches[-1].parameters[1] == struct.pack("=f", -value)


def test_constant_arguments_must_equal_their_value(make_op: Make) -> None:
    variant, entry = scalar_variant("str", "i32", 7)
    item = ScalarSignature("str", constant=True, value="gelu")
    op = make_op(replace(variant, signature=(VECTOR, item)), entry)
    op.call(torch.zeros(4), "gelu")
    with pytest.raises(NoVariantError, match="expected str 'gelu', found str 'relu'"):
        op.call(torch.zeros(4), "relu")


def test_optional_tensors(make_op: Make) -> None:
    variant, entry = scalar_variant("none", "i32", 0)
    with_bias = replace(
        variant,
        signature=(VECTOR, VECTOR),
        launches=(LaunchEntry("k", (1, 1, 1), (PointerArgument(1), ScalarArgument("i32", 1))),),
    )
    op = make_op(variant, entry)
    op.call.add(with_bias, {"k": KernelImage(entry, b"")})
    x, bias = torch.zeros(4), torch.zeros(4)
    for _ in range(2):
        op.call(x, None)
        assert (op.number(0), op.number(1)) == (x.data_ptr(), 0)
        op.call(x, bias)
        assert (op.number(0), op.number(1)) == (bias.data_ptr(), 1)


def test_outputs_of_every_form(make_op: Make, add_variant: VariantEntry, matrix: Make) -> None:
    view = ViewStep(2, (["size", 0, 1],), (1,), ["size", 0, 1])
    of_argument = ViewStep(0, (2,), (1,), 3)
    of_view = ViewStep(3, (2,), (1,), 1)
    trees = [
        ["buffer", 2],
        ["buffer", 3],
        ["tuple", [["value", NUMBER], ["value", ["size", 0, 0]], ["none"]]],
        ["buffer", 0],
        ["buffer", 4],
        ["buffer", 5],
    ]
    variant = replace(
        add_variant,
        steps=(*add_variant.steps, view, of_argument, of_view),
        outputs=["list", trees],
    )
    x, y = torch.arange(64.0).view(8, 8)[4:], matrix()
    for _ in range(2):
        made, row, values, same, pair, tail = make_op(variant).call(x, y)
        assert same is x
        assert values == (1.5, 4, None)
        assert row.data_ptr() == made.data_ptr() + 8 * 4
        assert row.shape == (8,)
        assert pair.tolist() == [35.0, 36.0]
        assert (tail.data_ptr(), tail.shape) == (made.data_ptr() + 9 * 4, (2,))


NUMBER = 1.5


def test_no_output_and_empty_trees(make_op: Make, add_variant: VariantEntry, matrix: Make) -> None:
    for tree, expected in ((["none"], None), (["tuple", []], ()), (["list", []], [])):
        op = make_op(replace(add_variant, outputs=tree))
        assert op.call(matrix(), matrix()) == expected


def test_filled_allocations(make_op: Make, add_variant: VariantEntry, matrix: Make) -> None:
    for dtype, fill in (("float32", float("-inf")), ("int64", 0), ("bool", True)):
        step = AllocateStep((3, 2), (1, 3), dtype, fill)
        out = make_op(replace(add_variant, steps=(step,))).call(matrix(), matrix())
        assert torch.equal(out, torch.full((3, 2), fill, dtype=getattr(torch, dtype)))
        assert out.stride() == (1, 3)


def test_offset_pointers_count_elements_of_their_buffer(
    make_op: Make, add_variant: VariantEntry, matrix: Make
) -> None:
    launch = add_variant.launches[0]
    arguments = (
        PointerArgument(0, ["size", 0, 1]),
        PointerArgument(3, 2),
        *launch.arguments[2:],
    )
    variant = replace(
        add_variant,
        steps=(*add_variant.steps, ViewStep(1, (4,), (1,), 8)),
        launches=(replace(launch, arguments=arguments),),
    )
    op = make_op(variant)
    x, y = matrix(), matrix()
    op.call(x, y)
    assert op.number(0) == x.data_ptr() + 8 * 4
    assert op.number(1) == y.data_ptr() + (8 + 2) * 4


def test_unaligned_tensors_go_to_a_variant_that_takes_them(
    make_op: Make, add_variant: VariantEntry, kernel: KernelEntry, matrix: Make
) -> None:
    op = make_op()
    x, shifted = matrix(), torch.zeros(33)[1:].view(4, 8)
    for _ in range(2):
        with pytest.raises(NoVariantError, match="no variant left"):
            op.call(x, shifted)
    general = replace(kernel, name="general", symbol="general")
    launch = replace(add_variant.launches[0], kernel="general")
    op.driver.kernels.append(general)
    op.call.add(
        replace(add_variant, aligned=(), launches=(launch,)),
        {"general": KernelImage(general, b"")},
    )
    for arguments, symbol in (((x, shifted), "general"), ((x, x), "k")) * 2:
        op.call(*arguments)
        assert op.driver.launches[-1].symbol == symbol
    assert len(op.driver.loaded) == 2


def test_a_prepared_call_runs_one_variant_alone(
    make_op: Make, add_variant: VariantEntry, kernel: KernelEntry, matrix: Make
) -> None:
    op = make_op()
    second = replace(add_variant, aligned=())
    op.call.add(second, {"k": KernelImage(kernel, b"second")})
    x, y, shifted = matrix(), matrix(), torch.zeros(33)[1:].view(4, 8)
    prepared = op.call.prepare((x, y), second)
    assert prepared.variant is second
    prepared(y, x)
    assert op.number(0) == y.data_ptr()
    assert op.driver.loaded[-1][2] == b"second"
    first = op.call.prepare((x, y), add_variant)
    with pytest.raises(NoVariantError, match="multiple of 16 bytes"):
        first(x, shifted)
    with pytest.raises(CallError, match="was not added"):
        op.call.prepare((x, y), replace(second, guard=()))
    with pytest.raises(NoVariantError, match="found float64"):
        op.call.prepare((x, y.double()), second)


def test_on_miss_adds_a_variant_and_is_asked_once(
    add_variant: VariantEntry, kernel: KernelEntry, matrix: Make
) -> None:
    asked: list[tuple[object, ...]] = []
    driver = RecordingDriver([kernel])

    def compile_for(args: tuple[object, ...]) -> None:
        asked.append(args)
        if len(args[0].shape) == 2:  # type: ignore[attr-defined]  # tensors in this test
            op.add(add_variant, {"k": KernelImage(kernel, b"")})

    op = Dispatcher("add", ["x", "y"], compile_for, driver=driver)
    x, y = matrix(), matrix()
    assert op(x, y).shape == op(x, y).shape == (4, 8)
    assert asked == [(x, y)]
    with pytest.raises(NoVariantError):
        op(torch.zeros(3), y)
    assert len(asked) == 2
    op.clear()
    op(x, y)
    assert len(asked) == 3


def test_a_variant_put_first_is_used_from_then_on(
    make_op: Make, add_variant: VariantEntry, kernel: KernelEntry, matrix: Make
) -> None:
    op = make_op()
    op.call(matrix(), matrix())
    faster = replace(kernel, name="faster", symbol="faster")
    op.driver.kernels.append(faster)
    launch = replace(add_variant.launches[0], kernel="faster")
    op.call.add(
        replace(add_variant, launches=(launch,)),
        {"faster": KernelImage(faster, b"")},
        first=True,
    )
    op.call(matrix(), matrix())
    assert op.driver.launches[-1].symbol == "faster"


@pytest.mark.parametrize(
    ("device", "error", "message"),
    [
        (DeviceProperties("ampere", (8, 0), 108, 166912), ArchitectureError, "for sm_90a.*sm_80"),
        (DeviceProperties("small", (9, 0), 10, 512), SharedMemoryError, "1024 bytes.*has 512"),
    ],
)
def test_a_device_that_cannot_run_the_kernel(
    make_op: Make, matrix: Make, device: DeviceProperties, error: type[Exception], message: str
) -> None:
    op = make_op(device=device)
    with pytest.raises(error, match="(?s)" + message):
        op.call(matrix(), matrix())
    with pytest.raises(error):
        op.call.warm(-1)


def test_on_several_devices_the_calls_own_is_made_current(make_op: Make, matrix: Make) -> None:
    op = make_op(devices=2, device_now=1)
    op.call(matrix(), matrix())
    assert op.driver.activations[-2:] == [-1, 1]
    assert len(op.driver.launches) == 1
    op.driver.device_now = -1
    before = len(op.driver.activations)
    op.call(matrix(), matrix())
    assert len(op.driver.activations) == before


def test_signatures_are_forgotten_beyond_a_limit(
    make_op: Make, monkeypatch: pytest.MonkeyPatch, matrix: Make
) -> None:
    monkeypatch.setattr(dispatch, "MAX_SIGNATURES", 4)
    op = make_op()
    for rows in range(1, 20):
        op.call(matrix(rows, 4), matrix(rows, 4))
    assert len(op.call._memo) == 4
    op.call(matrix(1, 4), matrix(1, 4))
    assert op.number(3) == 4


def test_threads_do_not_share_a_slot(make_op: Make) -> None:
    op = make_op()
    failures: list[str] = []
    launch = op.driver.launch
    seen: dict[int, int] = {}

    def slow_launch(config, function, parameters, extra):
        seen[config.value] = seen.get(config.value, 0) + 1
        if seen[config.value] > 1:
            failures.append("a slot is in use twice")
        code = launch(config, function, parameters, extra)
        threading.Event().wait(0.0005)  # lets the other threads in, as a driver call does
        seen[config.value] -= 1
        return code

    op.driver.launch = slow_launch
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for rows in (2, 3, 4) * 10:
            x = torch.zeros(rows, 8)
            if op.call(x, x).shape != (rows, 8):
                failures.append("a wrong shape")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(op.driver.launches) == 240
    for record in op.driver.launches:
        assert record.parameters[0] == record.parameters[1]


def test_an_op_without_tensors_runs_on_the_current_device(make_op: Make) -> None:
    entry = KernelEntry("k", "k", "0" * 64, "sm_90a", ("pointer",), 4, 0)
    steps = (AllocateStep((["argument", 0],), (1,), "int32", 7),)
    launch = LaunchEntry("k", (1, 1, 1), (PointerArgument(1),))
    signature = (ScalarSignature("int"),)
    op = make_op(VariantEntry(signature, (), (), steps, (launch,), ["buffer", 1]), entry)
    assert op.call(3).tolist() == [7, 7, 7]
    assert op.call(2).tolist() == [7, 7]
    with pytest.raises(ExpressionError, match="sizes of buffer 1: expected at least 0, found -1"):
        op.call(-1)


def test_malformed_variants_are_refused(make_op: Make, add_variant: VariantEntry) -> None:
    op = make_op()
    image = KernelImage(op.driver.kernels[0], b"")
    launch = add_variant.launches[0]
    bad = [
        replace(add_variant, signature=()),
        replace(add_variant, aligned=(2,)),
        replace(add_variant, guard=(["size", 5, 0],)),
        replace(add_variant, outputs=["buffer", 9]),
        replace(add_variant, outputs=["buffer", True]),
        replace(add_variant, outputs=["nothing"]),
        replace(add_variant, steps=()),
        replace(add_variant, steps=(AllocateStep((1,), (), "float32"),)),
        replace(add_variant, steps=(AllocateStep((1,), (1,), "float31"),)),
        replace(add_variant, steps=(ViewStep(2, (), ()),)),
        replace(add_variant, launches=(replace(launch, arguments=()),)),
        replace(add_variant, launches=(replace(launch, arguments=launch.arguments[:3]),)),
    ]
    for variant in bad:
        with pytest.raises(SchemaError):
            op.call.add(variant, {"k": image})
    assert op.call.variants == (add_variant,)
