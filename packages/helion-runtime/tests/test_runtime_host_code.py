"""Host code around a launch: operators that run on every call, numbers read from tensors, open floats."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
import torch

from helion_runtime import run_maker
from helion_runtime.dispatch import Dispatcher
from helion_runtime.entries import (
    AllocateStep,
    CallStep,
    KernelEntry,
    LaunchEntry,
    PointerArgument,
    ReadStep,
    ResultEntry,
    ScalarArgument,
    ScalarSignature,
    TensorSignature,
    VariantEntry,
    ViewStep,
)
from helion_runtime.entry_check import check_variant
from helion_runtime.errors import NoVariantError, ReadingError, ResultError, SchemaError
from helion_runtime.execution import execute, read_ahead
from helion_runtime.host_operators import ALLOWED, find_operator, is_allowed
from helion_runtime.modules import KernelImage
from helion_runtime.plan import ArgumentMetadata
from helion_runtime.record import Record, replace
from helion_runtime.recording_driver import RecordingDriver

KERNEL = KernelEntry("k", "k", "0" * 64, "sm_90a", ("pointer", "i64", "fp32"), 4, 0)
VECTOR = TensorSignature("float32", 1)
LIKE_X = ResultEntry((["size", 0, 0],), (1,), "float32")
SCALAR = ResultEntry((), (), "float32")
WHOLE = ResultEntry((), (), "int64")
TO_INT = (("dtype", ["dtype", "int64"]),)
SUM = CallStep("aten::sum", (["buffer", 0],), (("dtype", ["dtype", "int64"]),), (WHOLE,))


def variant(
    steps: tuple[Any, ...],
    outputs: list[Any],
    *,
    pointer: int = 0,
    number: Any = 1,
    scale: Any = 1.0,
    guard: tuple[Any, ...] = (),
    grid: Any = 1,
) -> VariantEntry:
    """A vector and a float; one launch that takes a buffer, a whole number and a float."""
    arguments = (
        PointerArgument(pointer),
        ScalarArgument("i64", number),
        ScalarArgument("fp32", scale),
    )
    return VariantEntry(
        signature=(VECTOR, ScalarSignature("float")),
        guard=guard,
        aligned=(),
        steps=steps,
        launches=(LaunchEntry("k", (grid, 1, 1), arguments),),
        outputs=outputs,
    )


class Op(Record):
    call: Dispatcher
    driver: RecordingDriver

    def launched_with(self) -> tuple[int, int, float]:
        """Pointer, number and float of the last launch."""
        pointer, number, scale = self.driver.launches[-1].parameters
        return (
            int.from_bytes(pointer, "little"),
            int.from_bytes(number, "little", signed=True),
            struct.unpack("=f", scale)[0],
        )


def op_of(*variants: VariantEntry) -> Op:
    driver = RecordingDriver([KERNEL])
    dispatcher = Dispatcher("op", ("x", "scale"), driver=driver)
    for each in variants:
        dispatcher.add(each, {"k": KernelImage(KERNEL, b"binary")})
    return Op(dispatcher, driver)


def interpreted(entry: VariantEntry, *arguments: object) -> Any:
    """The same carried out step by step."""
    metadata = ArgumentMetadata(arguments, lambda: 132)
    return execute(entry, metadata, torch.device("cpu"), lambda *_: None)


def doubled(after: bool = False) -> CallStep:
    return CallStep("aten::mul.Tensor", (["buffer", 0], ["value", 2.0]), (), (LIKE_X,), after)


# Operators.


def test_operators_run_on_every_call() -> None:
    entry = variant((doubled(),), ["buffer", 2], pointer=2)
    op = op_of(entry)
    x = torch.arange(4.0)
    for _ in range(3):
        x += 1
        result = op.call(x, 1.0)
        assert torch.equal(result, x * 2)
        assert op.launched_with()[0] == result.data_ptr()
        assert torch.equal(interpreted(entry, x, 1.0), x * 2)


def test_a_repeated_call_evaluates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    op = op_of(variant((doubled(),), ["buffer", 2]))
    op.call(torch.ones(4), 1.0)
    monkeypatch.setattr(run_maker, "evaluate_variant", None)  # would fail if it were called again
    assert op.call(torch.full((4,), 3.0), 1.0).tolist() == [6.0] * 4


def test_steps_behind_the_launch_see_what_it_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    op = op_of(variant((doubled(after=True),), ["buffer", 2]))
    x = torch.ones(4)

    def launch(*_: object) -> int:
        x.fill_(5)
        return 0

    monkeypatch.setattr(op.driver, "launch", launch)
    assert op.call(x, 1.0).tolist() == [10.0] * 4


def test_writes_reach_the_caller_and_views_share_memory() -> None:
    steps = (
        ViewStep(0, (2,), (1,), 1),
        CallStep("aten::fill_.Scalar", (["buffer", 2], ["value", ["argument", 1]]), (), ()),
    )
    entry = variant(steps, ["tuple", [["buffer", 0], ["buffer", 2]]])
    for run in (op_of(entry).call, lambda *a: interpreted(entry, *a)):
        x = torch.zeros(4)
        for scale in (2.5, math.inf, 7.0):
            whole, part = run(x, scale)
            assert whole is x
            assert x.tolist() == [0.0, scale, scale, 0.0]
            assert part.data_ptr() == x[1:].data_ptr()


def test_several_results_lists_dtypes_and_the_device() -> None:
    rows = ResultEntry((2, ["size", 0, 0]), (["size", 0, 0], 1), "float64")
    column = ResultEntry((["size", 0, 0],), (1,), "float64")
    where = ResultEntry((["size", 0, 0],), (1,), "int64")
    to_double = CallStep(
        "aten::_to_copy",
        (["buffer", 0],),
        (("dtype", ["dtype", "float64"]), ("device", ["device"])),
        (column,),
    )
    steps = (
        to_double,
        CallStep("aten::stack", (["list", [["buffer", 2], ["buffer", 2]]],), (), (rows,)),
        CallStep("aten::max.dim", (["buffer", 3], ["value", 0]), (), (column, where)),
    )
    entry = variant(steps, ["list", [["buffer", 4], ["buffer", 5]]])
    x = torch.randn(5)
    for run in (op_of(entry).call, lambda *a: interpreted(entry, *a)):
        values, positions = run(x, 1.0)
        assert torch.equal(values, x.double())
        assert positions.dtype == torch.int64


def test_results_of_another_layout_are_copied_into_the_one_promised() -> None:
    turned = ResultEntry((3, 4), (1, 3), "float32")
    steps = (CallStep("aten::ones", (["list", [["value", 3], ["value", 4]]],), (), (turned,)),)
    entry = variant(steps, ["buffer", 2])
    for run in (op_of(entry).call, lambda *a: interpreted(entry, *a)):
        made = run(torch.ones(4), 1.0)
        assert made.stride() == (1, 3)
        assert bool((made == 1).all())


@pytest.mark.parametrize(
    "result",
    [ResultEntry((7,), (1,), "float32"), ResultEntry((["size", 0, 0],), (1,), "float16")],
)
def test_results_of_another_shape_or_dtype_are_refused(result: ResultEntry) -> None:
    step = replace(doubled(), results=(result,))
    entry = variant((step,), ["buffer", 2])
    for run in (op_of(entry).call, lambda *a: interpreted(entry, *a)):
        with pytest.raises(ResultError, match=r"an operator gave torch\.float32"):
            run(torch.ones(4), 1.0)


def test_nothing_of_the_host_is_recorded_for_gradients() -> None:
    op = op_of(variant((doubled(),), ["buffer", 2]))
    result = op.call(torch.ones(4, requires_grad=True), 1.0)
    assert not result.requires_grad
    assert torch.is_grad_enabled()


# Numbers read from tensors.


def test_sizes_and_grids_follow_the_number_read() -> None:
    steps = (SUM, ReadStep(2, "int"), AllocateStep((["item", 3],), (1,), "float32"))
    entry = variant(
        steps,
        ["tuple", [["buffer", 4], ["value", ["mul", ["item", 3], 2]]]],
        pointer=4,
        number=["item", 3],
        grid=["ceildiv", ["item", 3], 4],
    )
    op = op_of(entry)
    for total in (3, 8, 3, 100, 8):
        x = torch.tensor([float(total), 0.0])
        made, twice = op.call(x, 1.0)
        assert (made.shape, twice) == ((total,), total * 2)
        assert op.launched_with()[:2] == (made.data_ptr(), total)
        assert op.driver.launches[-1].grid == (-(-total // 4), 1, 1)
        made, twice = interpreted(entry, x, 1.0)
        assert (made.shape, twice) == ((total,), total * 2)


def test_what_follows_a_number_is_remembered_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    op = op_of(variant((SUM, ReadStep(2, "int", again=True)), ["none"], number=["item", 3]))
    made: list[object] = []
    generate = run_maker.generate_run
    monkeypatch.setattr(
        run_maker, "generate_run", lambda *args: made.append(args) or generate(*args)
    )
    for total in (3, 4, 3, 4, 3):
        op.call(torch.tensor([float(total)]), 1.0)
        assert op.launched_with()[1] == total
    assert len(made) == 3  # up to the number, and behind 3 and 4


def test_floats_that_decide_nothing_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (CallStep("aten::sum", (["buffer", 0],), (), (SCALAR,)), ReadStep(2, "float"))
    entry = variant(steps, ["value", ["item", 3]], scale=["mul", ["item", 3], ["argument", 1]])
    op = op_of(entry)
    op.call(torch.ones(2), 1.0)
    monkeypatch.setattr(run_maker, "evaluate_variant", None)  # would fail if it were called again
    for value, scale in ((0.5, 3.0), (math.nan, 1.0), (math.inf, -2.0)):
        found = op.call(torch.tensor([value, 0.0]), scale)
        assert repr(found) == repr(value)
        assert repr(op.launched_with()[2]) == repr(value * scale)


def test_numbers_read_behind_the_launch_are_returned() -> None:
    steps = (
        replace(SUM, after=True),
        ReadStep(2, "int", after=True),
        CallStep("aten::any", (["buffer", 0],), (), (ResultEntry((), (), "bool"),), after=True),
        ReadStep(4, "bool", after=True),
        AllocateStep((["item", 3],), (1,), "float32", 1),
    )
    outputs = ["dict", [["total", ["value", ["item", 3]]], ["any", ["value", ["item", 5]]]]]
    outputs[1].append(["made", ["buffer", 6]])
    entry = variant(steps, outputs)
    op = op_of(entry)
    for launches, total in enumerate((3, 0, 3, 7), start=1):
        x = torch.tensor([float(total)])
        found, other = op.call(x, 1.0), interpreted(entry, x, 1.0)
        assert len(op.driver.launches) == launches
        assert found["made"].tolist() == other["made"].tolist() == [1.0] * total
        assert (found["total"], found["any"]) == (total, total > 0)
        assert type(found["any"]) is bool


def test_a_number_that_one_variant_is_not_for_goes_to_the_next() -> None:
    steps = (SUM, ReadStep(2, "int", again=True))
    small = variant(steps, ["value", "small"], guard=(["lt", ["item", 3], 10],))
    large = variant(
        steps, ["value", "large"], guard=(["le", 10, ["item", 3]], ["lt", ["item", 3], 99])
    )
    op = op_of(small, large)
    for total, expected in (
        (3, "small"),
        (12, "large"),
        (3, "small"),
        (12, "large"),
        (98, "large"),
    ):
        assert op.call(torch.tensor([float(total)]), 1.0) == expected
    with pytest.raises(NoVariantError, match="no variant"):
        op.call(torch.tensor([100.0]), 1.0)
    with pytest.raises(ReadingError, match=r"host code read 12 .* item 3 < 10"):
        interpreted(small, torch.tensor([12.0]), 1.0)


def test_numbers_are_told_ahead_without_launching() -> None:
    steps = (SUM, ReadStep(2, "int"), doubled(after=True))
    entry = variant(steps, ["none"], guard=(["lt", ["item", 3], 10],))
    metadata = ArgumentMetadata((torch.tensor([4.0, 5.0]), 1.0), lambda: 132)
    assert read_ahead(entry, metadata, torch.device("cpu")) == {3: 9}
    with pytest.raises(ReadingError):
        read_ahead(entry, replace(metadata, arguments=(torch.ones(10), 1.0)), torch.device("cpu"))


# Hostile steps.


def test_the_list_of_operators_is_closed() -> None:
    assert all(hasattr(torch.ops.aten, name) for name in ALLOWED)
    for name in (
        "aten::from_file",
        "aten::set_.source_Tensor",
        "aten::resize_",
        "aten::record_stream",
        "aten::__class__",
        "prim::device",
        "os::system",
        "aten::_unsafe_index.Tensor",
        "add.Tensor",
        "aten::",
        "",
    ):
        assert not is_allowed(name)
        with pytest.raises(SchemaError, match="not an operator that host logic may call"):
            find_operator(name)
    assert find_operator("aten::add_.Tensor") is torch.ops.aten.add_.Tensor
    for name in ("aten::add.nothing", "aten::add.__class__", "aten::empty_"):
        with pytest.raises(SchemaError, match="has no operator"):
            find_operator(name)


HOSTILE_STEPS: list[tuple[Any, str]] = [
    (replace(SUM, operator="aten::from_file"), "not an operator"),
    (replace(SUM, arguments=(["buffer", 1],)), "no buffer 1"),
    (replace(SUM, arguments=(["buffer", 2],)), "no buffer 2 yet"),
    (replace(SUM, arguments=(["buffer", True],)), "no buffer True"),
    (replace(SUM, arguments=(["module", "os"],)), "not an argument of an operator"),
    (replace(SUM, arguments=(["dtype", "Tensor"],)), "no dtype"),
    (replace(SUM, arguments=(["memory_format", "ops"],)), "not an argument of an operator"),
    (replace(SUM, arguments=([],)), "not an argument of an operator"),
    (replace(SUM, arguments=([[[[[[]]]]]],)), "not an argument of an operator"),
    (
        replace(SUM, arguments=(["list", [["list", [["list", [["list", [["list", []]]]]]]]]],)),
        "not an argument of an operator",
    ),
    (replace(SUM, arguments=(["value", ["item", 3]],)), "step that has read one"),
    (replace(SUM, arguments=(["value", ["import", "os"]],)), "unknown operator"),
    (replace(SUM, arguments=(["value", 2**64],)), "more than 64 bits"),
    (replace(SUM, arguments=(["value", 1],) * 100), "more than 64 arguments"),
    (replace(SUM, keywords=(("dtype=1, x", ["value", 1]),)), "expected \\[name, tree\\]"),
    (replace(SUM, keywords=(("lambda", ["value", 1]),)), "expected \\[name, tree\\]"),
    (replace(SUM, keywords=(("dtype", ["value", 1]),) * 2), "expected \\[name, tree\\]"),
    (replace(SUM, keywords=(("dtype",),)), "expected \\[name, tree\\]"),
    (replace(SUM, results=(ResultEntry((1,), (), "float32"),)), "1 sizes and 0 strides"),
    (replace(SUM, results=(ResultEntry((), (), "Tensor"),)), "no dtype"),
    (ReadStep(2, "int"), "no buffer 2 yet"),
    (ReadStep(0, "str"), "kind: expected one of"),  # type: ignore[arg-type]  # what is refused
]


@pytest.mark.parametrize(("step", "message"), HOSTILE_STEPS)
def test_malformed_steps_are_refused(step: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check_variant(variant((step,), ["none"]), 2, {"k": KERNEL}, "op")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (variant((replace(SUM, after=True),), ["none"], pointer=2), "no buffer 2 yet"),
        (
            variant((SUM, ReadStep(2, "int", after=True)), ["none"], number=["item", 3]),
            "has read one",
        ),
        (variant((doubled(after=True), SUM), ["none"]), "before the launches stands after them"),
        (variant((SUM, ReadStep(2, "int", again=True)), ["buffer", 3]), "no buffer 3 yet"),
        (variant((SUM,), ["dict", [["a", ["none"]], ["a", ["none"]]]]), "name of its own"),
        (variant((SUM,), ["dict", [[1, ["none"]]]]), "name of its own"),
        (variant((SUM,), ["dict", 5]), "expected"),
        (variant((SUM,), ["none"], guard=(["item", 2],)), "has read one"),
    ],
)
def test_what_runs_later_cannot_be_used_before(entry: VariantEntry, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check_variant(entry, 2, {"k": KERNEL}, "op")
