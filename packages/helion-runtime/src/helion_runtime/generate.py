"""Straight-line Python for the hot path: what a prepared call does, without a loop or a decision.

In: an evaluated variant and its prepared launches; only their *structure* enters the text. Every
value is a closure variable. Out: the function that the dispatcher remembers for a signature.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.evaluated import (
    DEVICE,
    Address,
    Allocation,
    Call,
    CallNumber,
    CallScalar,
    Reference,
    View,
)
from helion_runtime.expressions import OPERATORS
from helion_runtime.launcher import STREAM_OFFSET, MapNeed, ScratchNeed
from helion_runtime.record import Record
from helion_runtime.results import conform, gives_one_tensor, several
from helion_runtime.scalars import float_bits, rounded
from helion_runtime.straight_line import factory
from helion_runtime.torch_shortcuts import find_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.driver import Driver
    from helion_runtime.evaluated import EvaluatedStep, EvaluatedVariant, Read
    from helion_runtime.launcher import PreparedLaunch

_SAFE_ALIGNMENT = 256  # torch's allocators give at least this
_INFIX = {"add": " + ", "sub": " - ", "mul": " * ", "truediv": " / "}


class Made(Record):
    """What the part of a call before a read step leaves to the part behind it: tensors and numbers by
    number, and views that nothing has needed yet."""

    buffers: tuple[int, ...] = ()
    items: tuple[int, ...] = ()
    views: Mapping[int, View] = MappingProxyType({})

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in the order in which one function passes them to the other."""
        return (*(f"b{n:d}" for n in self.buffers), *(f"v{n:d}" for n in self.items))


class Pause(Record, eq=False):
    """How a call goes on behind a read step: ``remembered`` by what the number is, or else
    ``find(number, made, arguments)``. The function takes the arguments, then what was made."""

    remembered: Mapping[Any, Callable[..., Any]]
    find: Callable[[Any, Made, tuple[Any, ...]], Callable[..., Any]]


def generate_run(
    plan: EvaluatedVariant,
    launches: Sequence[PreparedLaunch],
    driver: Driver,
    device: int,
    entrance: Entrance | None = None,
    made: Made | None = None,
    pause: Pause | None = None,
) -> Callable[..., Any]:
    """The function that carries a prepared call out: all of it, up to a ``pause``, or, where something
    is ``made`` already, from there on. ``entrance`` is what a call passes first."""
    writer = _RunWriter(plan, driver, device, made or Made())
    if entrance is not None:
        writer.begin(entrance)
    writer.steps(plan.steps)
    for launch in launches:
        writer.launch(launch)
    writer.steps(plan.after)
    if plan.read is not None:
        assert pause is not None, "a plan that stops at a number goes on somewhere"
        writer.pause(plan.read, pause)
    else:
        writer.finish()
    return writer.function()


class Entrance(Record, eq=False):
    """What may hand a call to someone else: ``unaligned(*args)`` takes over when an ``aligned`` argument
    does not start at a multiple of 16 bytes; ``elsewhere(run, *args)``, where given, when the thread's
    device is another one."""

    aligned: Sequence[int]
    unaligned: Callable[..., Any]
    elsewhere: Callable[..., Any] | None


class _RunWriter:
    """Writes the body of one prepared call; ``_constant`` turns a value into a closure variable's
    name."""

    def __init__(self, plan: EvaluatedVariant, driver: Driver, device: int, made: Made) -> None:
        self._plan = plan
        self._driver = driver
        self._device = device
        self._lines: list[str] = []
        self._constants: list[object] = []
        self._addresses: set[int] = set()
        self._arguments = "".join(f"a{i}, " for i in range(plan.n_arguments))
        self._parameters = self._arguments + "".join(f"{name}, " for name in made.names)
        self._buffers = list(made.buffers)
        self._items = list(made.items)
        self._views = dict(made.views)
        self._has_stream = False
        self._torch_device = driver.torch_device(device)

    def begin(self, entrance: Entrance) -> None:
        """The checks that may hand the call to someone else."""
        if entrance.elsewhere is not None:
            ask = self._constant(self._driver.current_device)
            condition = f"if {ask}() != {self._constant(self._device)}:"
            self._line(condition)
            self._line(f"    return {self._constant(entrance.elsewhere)}(run, {self._arguments})")
        if entrance.aligned:
            bits = " | ".join(self._address(position) for position in entrance.aligned)
            self._line(f"if ({bits}) & 15:")
            self._line(f"    return {self._constant(entrance.unaligned)}({self._arguments})")

    def steps(self, steps: Sequence[EvaluatedStep]) -> None:
        """Every buffer the variant makes; views are written where they are needed."""
        for step in steps:
            match step:
                case Allocation():
                    made = self._empty(step.sizes, step.strides, step.dtype)
                    fill = "" if step.fill is None else f".fill_({self._constant(step.fill)})"
                    self._line(f"b{step.buffer:d} = {made}{fill}")
                    self._buffers.append(step.buffer)
                case View():
                    self._views[step.buffer] = step
                case Call():
                    self._call(step)

    def _call(self, step: Call) -> None:
        """Call an operator, and see to it that what it gives is laid out as expected."""
        arguments = [self._call_argument(value) for value in step.arguments]
        for name, value in step.keywords:
            assert name.isidentifier(), "check_variant has seen it"
            arguments.append(f"{name}={self._call_argument(value)}")
        text = f"{self._constant(step.function)}({', '.join(arguments)})"
        if not step.results:
            self._line(text)
            return
        names = [f"b{result.buffer:d}" for result in step.results]
        if len(names) > 1:
            take = self._constant(several)
            self._line(f"{', '.join(names)} = {take}({text}, {self._constant(len(names))})")
        else:
            self._line(f"{names[0]} = {text}")
        for name, result in zip(names, step.results, strict=True):
            if len(names) == 1 and gives_one_tensor(step.function):
                sizes, strides = self._constant(result.sizes), self._constant(result.strides)
                dtype = self._constant(result.dtype)
                self._line(
                    f"if {name}.shape != {sizes} or {name}.stride() != {strides} "
                    f"or {name}.dtype is not {dtype}:"
                )
                self._line(
                    f"    {name} = {self._constant(conform)}({name}, {self._constant(result)})"
                )
            else:
                self._line(f"{name} = {self._constant(conform)}({name}, {self._constant(result)})")
            self._buffers.append(result.buffer)

    def _call_argument(self, value: Any) -> str:
        match value:
            case Reference():
                return self._materialise(value.buffer)
            case CallNumber():
                return self._number(value)
            case tuple() if any(isinstance(item, (Reference, CallNumber)) for item in value):
                return f"[{', '.join(map(self._call_argument, value))}]"
            case tuple():
                return self._constant(list(value))
            case _:
                return self._constant(self._torch_device if value is DEVICE else value)

    def pause(self, read: Read, pause: Pause) -> None:
        """Read a number, and go on as the call does for such a one."""
        name = f"v{read.number:d}"
        self._line(f"{name} = {self._materialise(read.buffer)}.item()")
        self._items.append(read.number)
        made = Made(tuple(self._buffers), tuple(self._items), dict(self._views))
        key = f"{name}.__class__, repr({name})" if read.exact else f"{name}.__class__"
        self._line("try:")
        self._line(f"    rest = {self._constant(pause.remembered)}[{key}]")
        self._line("except KeyError:")
        find, known = self._constant(pause.find), self._constant(made)
        numbers = "".join(f"v{n:d}, " for n in self._items)
        self._line(f"    rest = {find}(({numbers}), {known}, ({self._arguments}))")
        self._line(f"return rest({self._arguments}{', '.join(made.names)})")

    def launch(self, launch: PreparedLaunch) -> None:
        """Fill a slot and launch."""
        if not self._has_stream:
            self._has_stream = True
            self._line(
                f"stream = {self._constant(self._driver.current_stream)}({self._constant(self._device)})"
            )
        number = len(self._lines)
        values = [self._field(field, f"{number}_{i}") for i, field in enumerate(launch.fields)]
        native = launch.native()
        if native is None:
            self._launch_from_slot(launch, values)
        else:
            self._launch_natively(launch, self._constant(native), values)

    def _launch_natively(self, launch: PreparedLaunch, native: str, values: list[str]) -> None:
        """By the extension module, which has memory of its own."""
        for position, field in enumerate(launch.fields):
            if isinstance(field, CallScalar) and field.type == "fp16":
                bits = self._constant(float_bits)
                values[position] = f"{bits}({self._constant('fp16')}, {values[position]})"
        passed = ", ".join(("stream", *values))
        self._line(f"error = {native}({passed})")
        self._line("if error:")
        self._line(f"    {self._constant(launch.recover)}(error, {native}, {passed})")

    def _launch_from_slot(self, launch: PreparedLaunch, values: list[str]) -> None:
        """By ctypes, from memory that no other thread uses meanwhile."""
        pool: list[object] = [launch.new_slot()]
        self._line("try:")
        self._line(f"    slot = {self._constant(pool.pop)}()")
        self._line("except IndexError:")
        self._line(f"    slot = {self._constant(launch.new_slot)}()")
        self._line("memory, config, parameters = slot")
        packer = self._constant(struct.Struct(launch.pack_format).pack_into)
        head = f"memory, {STREAM_OFFSET}, stream"
        attributes = self._constant(launch.attributes_address)
        count = self._constant(launch.n_attributes)
        self._pack(packer, [head, attributes, count], values, launch.fields)
        go, function = self._constant(self._driver.launch), self._constant(launch.function)
        self._line(f"error = {go}(config, {function}, parameters, None)")
        self._line("if error:")
        again = f"{go}, config, {function}, parameters, None"
        self._line(f"    {self._constant(launch.recover)}(error, {again})")
        self._line(f"{self._constant(pool.append)}(slot)")

    def finish(self) -> None:
        """Views that are returned, and the return."""
        assert self._plan.outputs is not None, "nothing is left to read"
        self._line(f"return {self._output(self._plan.outputs)}")

    def function(self) -> Callable[..., Any]:
        """Compile, or find compiled, and bind the constants."""
        parameters = ", ".join(f"k{i}" for i in range(len(self._constants)))
        body = "\n".join(f"        {line}" for line in self._lines)
        taken = self._parameters.rstrip(", ")
        text = f"def make({parameters}):\n    def run({taken}):\n{body}\n    return run\n"
        function: Callable[..., Any] = factory(text)(*self._constants)
        return function

    def _field(self, field: Address | CallScalar | ScratchNeed | MapNeed, name: str) -> str:
        """The text of one packed value."""
        if isinstance(field, Address):
            return self._sum(field)
        if isinstance(field, CallScalar):
            return self._float(field)
        if isinstance(field, ScratchNeed):
            return self._scratch(field, name)
        look_up, make = field.maps.finder()
        address = self._sum(field.address)
        return f"{self._constant(look_up)}({address}) or {self._constant(make)}({address})"

    def _pack(
        self, packer: str, head: list[str], values: list[str], fields: Sequence[object]
    ) -> None:
        """The line that fills the slot; floats beyond their type's range take a slower one."""
        direct = f"{packer}({', '.join((*head, *values))})"
        if not any(isinstance(field, CallScalar) for field in fields):
            self._line(direct)
            return
        rounded_values = [
            f"{self._constant(rounded)}({self._constant(field.type)}, {value})"
            if isinstance(field, CallScalar) and field.type != "bf16"
            else value
            for field, value in zip(fields, values, strict=True)
        ]
        self._line("try:")
        self._line(f"    {direct}")
        self._line("except OverflowError:")
        self._line(f"    {packer}({', '.join((*head, *rounded_values))})")

    def _float(self, field: CallScalar) -> str:
        """A float of the call; ``bf16`` has no letter in ``struct`` and is turned into its bits
        first."""
        value = self._number(field.number)
        if field.type != "bf16":
            return value
        return f"{self._constant(float_bits)}({self._constant('bf16')}, {value})"

    def _number(self, number: CallNumber) -> str:
        """An expression of open floats as the Python that computes it."""
        return self._expression(number.expression)

    def _expression(self, expression: Any) -> str:
        match expression:
            case ("argument", int() as position):
                return f"a{position:d}"
            case ("item", int() as step):
                return f"v{step:d}"
            case (str() as operator, *operands):
                texts = [self._expression(operand) for operand in operands]
                if operator in _INFIX:
                    return f"({_INFIX[operator].join(texts)})"
                return f"{self._constant(OPERATORS[operator][1])}({', '.join(texts)})"
            case _:
                return self._constant(expression)

    def _scratch(self, need: ScratchNeed, name: str) -> str:
        """Scratch is kept by a local variable until the call returns; it is freed in stream order."""
        extra = need.align if need.align > _SAFE_ALIGNMENT else 0
        self._line(f"s{name} = {self._empty((need.size + extra,), (1,), torch.uint8)}")
        if not extra:
            return f"s{name}.data_ptr()"
        low, mask = self._constant(need.align - 1), self._constant(-need.align)
        return f"(s{name}.data_ptr() + {low}) & {mask}"

    def _sum(self, address: Address) -> str:
        base = self._address(address.root)
        return f"{base} + {self._constant(address.byte_offset)}" if address.byte_offset else base

    def _address(self, root: int) -> str:
        if root not in self._addresses:
            self._addresses.add(root)
            self._line(f"p{root:d} = {self._name(root)}.data_ptr()")
        return f"p{root:d}"

    def _empty(self, sizes: Sequence[int], strides: Sequence[int], dtype: torch.dtype) -> str:
        """On the thread's device, which is that of the call once it has passed its entrance."""
        quick = find_empty(self._torch_device.type)
        if quick is not None:
            known = [self._constant(item) for item in (quick, tuple(sizes), tuple(strides), dtype)]
            return f"{known[0]}({known[1]}, {known[2]}, {known[3]})"
        make = self._constant(torch.empty_strided)
        parts = [self._constant(item) for item in (sizes, strides, dtype, self._torch_device)]
        return f"{make}({parts[0]}, {parts[1]}, dtype={parts[2]}, device={parts[3]})"

    def _output(self, tree: tuple[Any, ...]) -> str:
        kind, content = tree
        match kind:
            case "buffer":
                return self._materialise(content)
            case "number":
                return self._number(content)
            case "constant":
                return self._constant(content)
            case "object":
                make, trees = content
                inner = ", ".join(map(self._output, trees))
                return f"{self._constant(make)}([{inner}])"
            case "dict":
                pairs = [f"{self._constant(name)}: {self._output(item)}" for name, item in content]
                return f"{{{', '.join(pairs)}}}"
            case _:
                inner = "".join(self._output(item) + ", " for item in content)
                return f"({inner})" if kind == "tuple" else f"[{inner}]"

    def _materialise(self, number: int) -> str:
        """The name of a buffer, making it first if it is a view."""
        view = self._views.pop(number, None)
        if view is not None:
            base = self._materialise(view.base)
            sizes, strides = self._constant(view.sizes), self._constant(view.strides)
            offset = f"{base}.storage_offset() + {self._constant(view.offset)}"
            self._line(f"b{number:d} = {base}.as_strided({sizes}, {strides}, {offset})")
            self._buffers.append(number)
        return self._name(number)

    def _name(self, number: int) -> str:
        return f"{'a' if number < self._plan.n_arguments else 'b'}{number:d}"

    def _constant(self, value: object) -> str:
        self._constants.append(value)
        return f"k{len(self._constants) - 1}"

    def _line(self, text: str) -> None:
        self._lines.append(text)
