"""Straight-line Python for the hot path: what a prepared call does, without a loop or a decision.

In: an evaluated variant and its prepared launches; only their *structure* enters the text. Every
value is a closure variable. Out: the function that the dispatcher remembers for a signature.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.evaluated import Address, Allocation, CallScalar, View
from helion_runtime.launcher import STREAM_OFFSET, MapNeed, ScratchNeed
from helion_runtime.scalars import rounded
from helion_runtime.straight_line import factory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_runtime.driver import Driver
    from helion_runtime.evaluated import EvaluatedVariant
    from helion_runtime.launcher import PreparedLaunch

_SAFE_ALIGNMENT = 256  # torch's allocators give at least this


def generate_run(
    plan: EvaluatedVariant,
    launches: Sequence[PreparedLaunch],
    aligned: Sequence[int],
    driver: Driver,
    device: int,
    unaligned: Callable[..., Any],
    elsewhere: Callable[..., Any] | None,
) -> Callable[..., Any]:
    """The function that carries a prepared call out.

    ``unaligned(*args)`` takes over when an ``aligned`` argument does not start at a multiple of 16
    bytes; ``elsewhere(run, *args)``, where given, when the thread's device is another one.
    """
    writer = _RunWriter(plan, driver, device)
    writer.begin(aligned, unaligned, elsewhere)
    writer.allocations()
    for launch in launches:
        writer.launch(launch)
    writer.finish()
    return writer.function()


def _bits(value: float) -> int | float:
    """The bits of a float as ``bf16``."""
    return rounded("bf16", value)


class _RunWriter:
    """Writes the body of one prepared call; ``_constant`` turns a value into a closure variable's
    name."""

    def __init__(self, plan: EvaluatedVariant, driver: Driver, device: int) -> None:
        self._plan = plan
        self._driver = driver
        self._device = device
        self._lines: list[str] = []
        self._constants: list[object] = []
        self._addresses: set[int] = set()
        self._arguments = "".join(f"a{i}, " for i in range(plan.n_arguments))
        self._has_stream = False
        self._torch_device = driver.torch_device(device)

    def begin(
        self,
        aligned: Sequence[int],
        unaligned: Callable[..., Any],
        elsewhere: Callable[..., Any] | None,
    ) -> None:
        """The checks that may hand the call to someone else."""
        if elsewhere is not None:
            ask = self._constant(self._driver.current_device)
            condition = f"if {ask}() != {self._constant(self._device)}:"
            self._line(condition)
            self._line(f"    return {self._constant(elsewhere)}(run, {self._arguments})")
        if aligned:
            bits = " | ".join(self._address(position) for position in aligned)
            self._line(f"if ({bits}) & 15:")
            self._line(f"    return {self._constant(unaligned)}({self._arguments})")

    def allocations(self) -> None:
        """Every buffer the variant makes."""
        for step in self._plan.steps:
            if isinstance(step, Allocation):
                made = self._empty(step.sizes, step.strides, step.dtype)
                fill = "" if step.fill is None else f".fill_({self._constant(step.fill)})"
                self._line(f"b{step.buffer:d} = {made}{fill}")

    def launch(self, launch: PreparedLaunch) -> None:
        """Fill a slot and launch."""
        if not self._has_stream:
            self._has_stream = True
            self._line(
                f"stream = {self._constant(self._driver.current_stream)}({self._constant(self._device)})"
            )
        number = len(self._lines)
        values = [self._field(field, f"{number}_{i}") for i, field in enumerate(launch.fields)]
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
        self._line(f"    {self._constant(launch.recover)}(error, slot)")
        self._line(f"{self._constant(pool.append)}(slot)")

    def finish(self) -> None:
        """Views that are returned, and the return."""
        views = {step.buffer: step for step in self._plan.steps if isinstance(step, View)}
        text = self._output(self._plan.outputs, views)
        self._line(f"return {text}")

    def function(self) -> Callable[..., Any]:
        """Compile, or find compiled, and bind the constants."""
        parameters = ", ".join(f"k{i}" for i in range(len(self._constants)))
        body = "\n".join(f"        {line}" for line in self._lines)
        arguments = self._arguments.rstrip(", ")
        text = f"def make({parameters}):\n    def run({arguments}):\n{body}\n    return run\n"
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
        value = f"a{field.position:d}"
        if field.type != "bf16":
            return value
        return f"{self._constant(_bits)}({value})"

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
        make = self._constant(torch.empty_strided)
        parts = [self._constant(item) for item in (sizes, strides, dtype, self._torch_device)]
        return f"{make}({parts[0]}, {parts[1]}, dtype={parts[2]}, device={parts[3]})"

    def _output(self, tree: tuple[Any, ...], views: dict[int, View]) -> str:
        kind, content = tree
        match kind:
            case "buffer":
                return self._materialise(content, views)
            case "argument":
                return f"a{content:d}"
            case "constant":
                return self._constant(content)
            case _:
                inner = "".join(self._output(item, views) + ", " for item in content)
                return f"({inner})" if kind == "tuple" else f"[{inner}]"

    def _materialise(self, number: int, views: dict[int, View]) -> str:
        """The name of a buffer, making it first if it is a view."""
        view = views.pop(number, None)
        if view is not None:
            base = self._materialise(view.base, views)
            sizes, strides = self._constant(view.sizes), self._constant(view.strides)
            offset = f"{base}.storage_offset() + {self._constant(view.offset)}"
            self._line(f"b{number:d} = {base}.as_strided({sizes}, {strides}, {offset})")
        return self._name(number)

    def _name(self, number: int) -> str:
        return f"{'a' if number < self._plan.n_arguments else 'b'}{number:d}"

    def _constant(self, value: object) -> str:
        self._constants.append(value)
        return f"k{len(self._constants) - 1}"

    def _line(self, text: str) -> None:
        self._lines.append(text)
