"""Prepared launches: the memory cuLaunchKernelEx reads, filled once per signature except for what a
call changes.

In: an evaluated launch, its kernel, the function's handle. Out: a :class:`PreparedLaunch` whose
slots are taken and returned by the straight-line function of :mod:`helion_runtime.generate`.

A slot is one block of memory: CUlaunchConfig, then the fields a call fills (all by one
``struct.pack_into``), then the constant scalars, then the array of parameter pointers. ctypes
releases the GIL, so a slot serves one thread at a time.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, TypeAlias

from helion_runtime.abi import expand
from helion_runtime.driver import CONTEXT_ERRORS
from helion_runtime.errors import GridError
from helion_runtime.evaluated import Address, CallScalar, Descriptor, Scalar
from helion_runtime.native import find_native
from helion_runtime.record import Record
from helion_runtime.scalars import FORMATS, SIZES, pack
from helion_runtime.tensor_maps import TensorMaps, tensor_map_geometry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_runtime.abi import Parameter
    from helion_runtime.driver import Driver
    from helion_runtime.entries import KernelEntry, LaunchArgument
    from helion_runtime.evaluated import EvaluatedLaunch

Slot: TypeAlias = tuple[memoryview, ctypes.c_void_p, ctypes.c_void_p]
"""The memory, and the addresses of its config and of its parameter pointers."""

_CONFIG = struct.Struct(
    "=7I4xQQI4x"
)  # grid, block, shared memory; stream, attributes, their number
STREAM_OFFSET = 32
"""Where a call starts to fill: at the config's stream."""
_FIELDS_OFFSET = 64
_ALIGNMENT = 128  # more than the 64 bytes a tensor map needs
_ATTRIBUTE_SIZE = 72
_COOPERATIVE = 2
_CLUSTER_DIMENSION = 4
_CLUSTER_SCHEDULING = 5
_PROGRAMMATIC_STREAM_SERIALIZATION = 6
_SPREAD_CLUSTERS = 1
_MAX_GRID_X = 2**31 - 1


class ScratchNeed(Record):
    """Bytes of device memory one launch needs for itself, and their alignment."""

    size: int
    align: int


class MapNeed(Record):
    """A tensor map that a call looks up by address."""

    address: Address
    maps: TensorMaps


class PreparedLaunch(Record, eq=False):
    """One launch for one signature.

    ``fields`` are what a call packs, in order, after stream, attributes and their number. The same
    order in ``pack_format``; ``places`` are the fields' offsets and letters.
    """

    kernel: KernelEntry
    function: ctypes.c_void_p
    fields: tuple[Address | CallScalar | ScratchNeed | MapNeed, ...]
    places: tuple[tuple[int, str], ...]
    pack_format: str
    template: bytes
    parameter_offsets: tuple[int, ...]
    attributes: ctypes.Array[ctypes.c_char]
    n_attributes: int
    driver: Driver
    device: int

    @property
    def attributes_address(self) -> int:
        """Where the launch attributes lie; they never change."""
        return ctypes.addressof(self.attributes)

    def new_slot(self) -> Slot:
        """Memory for one launch at a time, everything in place that calls do not fill."""
        pointers_offset = len(self.template)
        size = pointers_offset + 8 * len(self.parameter_offsets)
        storage = (ctypes.c_char * (size + _ALIGNMENT))()
        base = ctypes.addressof(storage)
        start = -base % _ALIGNMENT
        memory = memoryview(storage).cast("B")[start : start + size]
        memory[:pointers_offset] = self.template
        addresses = [base + start + offset for offset in self.parameter_offsets]
        struct.pack_into(f"={len(addresses)}Q", memory, pointers_offset, *addresses)
        pointers = base + start + pointers_offset
        return memory, ctypes.c_void_p(base + start), ctypes.c_void_p(pointers)

    def native(self) -> Callable[..., int] | None:
        """``launch(stream, *values)`` of the extension module, where the driver has an address for it."""
        prepare = find_native()
        if self.driver.launch_address is None or prepare is None:
            return None
        places = tuple((offset, "H" if letter == "e" else letter) for offset, letter in self.places)
        return prepare(
            self.driver.launch_address,
            self.function.value or 0,
            self.template,
            places,
            self.parameter_offsets,
            self.attributes_address,
            self.attributes,
        )

    def recover(self, code: int, launch: Callable[..., int], *arguments: object) -> None:
        """After a failed launch: once more with the right context, where that was the trouble; else
        raise."""
        if code in CONTEXT_ERRORS:
            previous = self.driver.activate(self.device)
            try:
                code = launch(*arguments)
            finally:
                if previous != self.device:
                    self.driver.restore(previous)
        if code:
            grid = _CONFIG.unpack_from(self.template)[:3]
            raise self.driver.error(
                code,
                f"launching kernel {self.kernel.name!r} with a grid of {grid} blocks on device {self.device}",
            )


def prepare_launch(
    launch: EvaluatedLaunch,
    sources: Sequence[LaunchArgument],
    kernel: KernelEntry,
    function: int,
    driver: Driver,
    device: int,
) -> PreparedLaunch:
    """Lay out the memory of one launch. ``sources`` are the entry's arguments, as :func:`expand`
    reads them."""
    builder = _Layout(launch, kernel, driver)
    for number, parameter in enumerate(expand(kernel, sources)):
        builder.place(number, parameter)
    attributes, n_attributes = _attributes(kernel)
    grid_x = launch.grid[0] * kernel.num_ctas
    if grid_x > _MAX_GRID_X:
        raise GridError(
            f"kernel {kernel.name!r}: {launch.grid[0]} clusters of {kernel.num_ctas} blocks are more than "
            f"the {_MAX_GRID_X} blocks of a grid's first dimension"
        )
    block = (kernel.num_warps * kernel.warp_size, 1, 1)
    config = _CONFIG.pack(grid_x, *launch.grid[1:], *block, kernel.shared, 0, 0, n_attributes)
    fields, places, pack_format, template, offsets = builder.finish(config)
    handle = ctypes.c_void_p(function)
    return PreparedLaunch(
        kernel,
        handle,
        fields,
        places,
        pack_format,
        template,
        offsets,
        attributes,
        n_attributes,
        driver,
        device,
    )


class _Layout:
    """Collects parameters: those a call fills, ordered 8-byte fields, then tensor maps; and
    constants."""

    def __init__(self, launch: EvaluatedLaunch, kernel: KernelEntry, driver: Driver) -> None:
        self._launch = launch
        self._kernel = kernel
        self._driver = driver
        self._words: list[tuple[int, str, Address | CallScalar | ScratchNeed]] = []
        self._maps: list[tuple[int, MapNeed]] = []
        self._constants: list[tuple[int, bytes]] = []

    def place(self, number: int, parameter: Parameter) -> None:
        """Sort one parameter into its group."""
        kernel = self._kernel
        match parameter.role:
            case "global_scratch":
                self._scratch(number, kernel.global_scratch_size, kernel.global_scratch_align)
            case "profile_scratch":
                self._scratch(number, kernel.profile_scratch_size, kernel.profile_scratch_align)
            case _:
                self._argument(number, parameter, self._launch.arguments[parameter.argument])

    def finish(
        self, config: bytes
    ) -> tuple[
        tuple[Address | CallScalar | ScratchNeed | MapNeed, ...],
        tuple[tuple[int, str], ...],
        str,
        bytes,
        tuple[int, ...],
    ]:
        """Fields, their offsets and letters, their pack format from the stream on, the template bytes,
        the offset of each parameter."""
        memory = bytearray(config.ljust(_FIELDS_OFFSET, b"\0"))
        pack_format = "=QQQ8x"
        offsets: dict[int, int] = {}
        for number, letter, _ in self._words:
            offsets[number] = len(memory)
            memory += bytes(8)
            pack_format += letter + "x" * (8 - struct.calcsize("=" + letter))
        if self._maps:
            padding = -len(memory) % _ALIGNMENT
            memory += bytes(padding)
            pack_format += "x" * padding
        for number, _ in self._maps:
            offsets[number] = len(memory)
            memory += bytes(SIZES["tensormap"])
            pack_format += "128s"
        for number, value in self._constants:
            offsets[number] = len(memory)
            memory += value.ljust(8, b"\0")
        fields = (*(field for _, _, field in self._words), *(need for _, need in self._maps))
        letters = {number: letter for number, letter, _ in self._words}
        filled = (*letters, *(number for number, _ in self._maps))
        places = tuple((offsets[number], letters.get(number, "s")) for number in filled)
        in_order = tuple(offsets[number] for number in range(len(offsets)))
        return fields, places, pack_format, bytes(memory), in_order

    def _argument(
        self, number: int, parameter: Parameter, value: Address | Scalar | CallScalar | Descriptor
    ) -> None:
        if isinstance(value, Address):
            self._words.append((number, "Q", value))
        elif isinstance(value, CallScalar):
            self._words.append((number, FORMATS[value.type], value))
        elif isinstance(value, Scalar):
            self._constant(number, value.type, struct.pack("=" + FORMATS[value.type], value.value))
        else:
            self._descriptor(number, parameter, value)

    def _descriptor(self, number: int, parameter: Parameter, value: Descriptor) -> None:
        layout = self._kernel.descriptors[value.layout]
        where = f"kernel {self._kernel.name!r}: {parameter.role} {parameter.index} of a descriptor"
        match parameter.role:
            case "address":
                self._words.append((number, "Q", value.address))
            case "map":
                geometry = tensor_map_geometry(value, layout)
                maps = TensorMaps(self._driver, geometry, layout.element_size)
                self._maps.append((number, MapNeed(value.address, maps)))
            case "shape":
                extent = value.shape[parameter.index]
                self._constant(number, parameter.word, pack(parameter.word, extent, where))
            case "stride":
                stride = value.strides[parameter.index]
                self._constant(number, parameter.word, pack(parameter.word, stride, where))
            case role:
                flag = role == "tf32" and layout.round_f32_to_tf32
                self._constant(number, "i1", pack("i1", flag, where))

    def _scratch(self, number: int, size: int, align: int) -> None:
        if size == 0:
            self._constants.append((number, bytes(8)))
            return
        total = size * self._kernel.num_ctas * self._launch.programs
        self._words.append((number, "Q", ScratchNeed(total, align)))

    def _constant(self, number: int, word: str, value: bytes) -> None:
        assert len(value) == SIZES[word]
        self._constants.append((number, value))


def _attributes(kernel: KernelEntry) -> tuple[ctypes.Array[ctypes.c_char], int]:
    """The CUlaunchAttribute array of a kernel, and how many it holds."""
    rows = b""
    if kernel.programmatic_dependent_launch:
        rows += _attribute(_PROGRAMMATIC_STREAM_SERIALIZATION, 1)
    if kernel.cooperative:
        rows += _attribute(_COOPERATIVE, 1)
    if kernel.num_ctas > 1:
        rows += _attribute(_CLUSTER_DIMENSION, kernel.num_ctas, 1, 1)
        rows += _attribute(_CLUSTER_SCHEDULING, _SPREAD_CLUSTERS)
    return ctypes.create_string_buffer(rows, max(len(rows), 1)), len(rows) // _ATTRIBUTE_SIZE


def _attribute(identity: int, *values: int) -> bytes:
    return struct.pack(f"=I4x{len(values)}I", identity, *values).ljust(_ATTRIBUTE_SIZE, b"\0")
