"""What an op, a variant and a kernel are, as data: the contract between the compiler and the
runtime.

The compiler produces these, a bundle stores them as JSON, the dispatcher runs them. Nothing here
needs a device.

Buffers are numbered: the op's tensor arguments come first, under their argument position (positions
of scalar arguments are left unused); each host step then takes the next numbers, starting at the
number of arguments: a call one for each of its results, every other step one.

Steps run in order. The launches come before the first step that is marked ``after``, or behind all.

Expressions are those of :mod:`helion_runtime.expressions`: JSON lists over the arguments' metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

Expression: TypeAlias = (
    "int | float | bool | str | list[Expression] | tuple[Expression, ...] | None"
)
"""A number, or ``[operator, operand, ...]``; see :mod:`helion_runtime.expressions` for the closed
list."""

OutputTree: TypeAlias = "list[object] | tuple[object, ...]"
"""``["buffer", n]``, ``["value", expression]``, ``["tuple", [tree, ...]]``, ``["list", [tree,
...]]``, ``["dict", [[name, tree], ...]]`` or ``["none"]``. Outside of bundles also ``["object", make, [tree,
...]]``, which is what ``make`` makes of a list."""


class TensorSignature(Record):
    """A tensor argument: ``dtype`` as torch prints it without the prefix (``"bfloat16"``), and its
    rank."""

    dtype: str
    ndim: int


class ScalarSignature(Record):
    """A Python argument. ``kind`` is its type; a ``constant`` argument must equal ``value``."""

    kind: Literal["int", "float", "bool", "str", "none"]
    constant: bool = False
    value: int | float | bool | str | None = None


class AllocateStep(Record):
    """Allocate ``torch.empty_strided(sizes, strides)`` on the op's device; ``fill`` sets every
    element."""

    sizes: tuple[Expression, ...]
    strides: tuple[Expression, ...]
    dtype: str
    fill: int | float | bool | None = None


class ViewStep(Record):
    """``torch.as_strided`` of a buffer. ``offset`` counts elements from the start of the buffer's
    own data."""

    buffer: int
    sizes: tuple[Expression, ...]
    strides: tuple[Expression, ...]
    offset: Expression = 0


CallTree: TypeAlias = "list[object] | tuple[object, ...]"
"""An argument of an operator: ``["buffer", n]``, ``["value", expression]``, ``["list", [tree, ...]]``,
``["dtype", name]``, ``["memory_format", name]`` or ``["device"]``, the op's."""


class ResultEntry(Record):
    """A tensor that an operator gives, as the rest of the variant takes it to be laid out."""

    sizes: tuple[Expression, ...]
    strides: tuple[Expression, ...]
    dtype: str


class CallStep(Record):
    """Call an ATen operator, ``"aten::name.overload"``, of the list in
    :mod:`helion_runtime.host_operators`, on every call of the op.

    ``results`` are its tensors in order, one or several; none for an operator that writes into its
    arguments. ``after`` says that it runs behind the launches.
    """

    operator: str
    arguments: tuple[CallTree, ...]
    keywords: tuple[tuple[str, CallTree], ...]
    results: tuple[ResultEntry, ...]
    after: bool = False


class ReadStep(Record):
    """Read the one element of a buffer as a Python number; ``["item", n]`` is its value from here on.

    ``again`` says that a call may start from its beginning once more after this step: nothing that the
    caller sees has been changed by then. Where a guard on the number does not hold, another variant is
    tried; without ``again`` that is an error.
    """

    buffer: int
    kind: Literal["int", "float", "bool"]
    again: bool = False
    after: bool = False


HostStep: TypeAlias = AllocateStep | ViewStep | CallStep | ReadStep


def numbers_taken(step: HostStep) -> int:
    """How many buffer numbers a step takes."""
    return len(step.results) if isinstance(step, CallStep) else 1


def launch_position(steps: Sequence[HostStep]) -> int:
    """Before which step the launches come."""
    for position, step in enumerate(steps):
        if isinstance(step, (CallStep, ReadStep)) and step.after:
            return position
    return len(steps)


class PointerArgument(Record):
    """The address of a buffer's first element, plus ``offset`` elements."""

    buffer: int
    offset: Expression = 0


class ScalarArgument(Record):
    """A number passed by value. ``type`` is Triton's name: i1 i8 i16 i32 i64 u8 … fp32 fp64."""

    type: str
    value: Expression


class DescriptorArgument(Record):
    """A host tensor descriptor (on sm_90+: a CUtensorMap and what follows it) over a buffer.

    ``layout`` is an index into the kernel's ``descriptors``. ``shape`` and ``strides`` are in
    elements, outermost first, the last stride being 1.
    """

    buffer: int
    layout: int
    shape: tuple[Expression, ...]
    strides: tuple[Expression, ...]
    offset: Expression = 0


LaunchArgument: TypeAlias = PointerArgument | ScalarArgument | DescriptorArgument


class DescriptorLayout(Record):
    """How a descriptor's block is laid out in shared memory, as the compiler that made the kernel
    decided.

    ``use_tensor_map`` is False where the target has no TMA: the kernel then takes a pointer in its
    place.
    ``block_shape`` is the box in elements; ``element_type`` is CUtensorMapDataType; ``swizzle``
    CUtensorMapSwizzle; ``element_size`` in bytes.
    """

    use_tensor_map: bool
    block_shape: tuple[int, ...]
    element_size: int
    element_type: int = 0
    swizzle: int = 0
    fp4_padded: bool = False
    round_f32_to_tf32: bool = False


class KernelEntry(Record):
    """One binary and how it is launched.

    ``parameters`` lists the ABI in order, one word each: ``pointer``, a scalar type of
    :class:`ScalarArgument`, ``tensormap``, ``global_scratch`` or ``profile_scratch``. A
    :class:`DescriptorArgument` expands to ``tensormap`` (or ``pointer``), one ``i32`` per dimension
    (its shape) and one ``i64`` per dimension (its strides), exactly as listed here. ``blob`` is the
    sha256 of the binary in lower-case hex.
    ``arch`` is ``"sm_90a"``, ``"ptx_80"`` (PTX text for that compute capability) or ``"gfx942"``.
    ``shared`` and ``global_scratch_size`` are in bytes; the scratch size is per CTA of the grid.
    """

    name: str
    symbol: str
    blob: str
    arch: str
    parameters: tuple[str, ...]
    num_warps: int
    shared: int
    num_ctas: int = 1
    cooperative: bool = False
    programmatic_dependent_launch: bool = False
    global_scratch_size: int = 0
    global_scratch_align: int = 1
    profile_scratch_size: int = 0
    profile_scratch_align: int = 1
    warp_size: int = 32
    descriptors: tuple[DescriptorLayout, ...] = ()
    config: str = "{}"
    """The Config as JSON text, for people."""


class LaunchEntry(Record):
    """One launch: which kernel, the grid in programs (x, y, z), the arguments in source order."""

    kernel: str
    grid: tuple[Expression, Expression, Expression]
    arguments: tuple[LaunchArgument, ...]


class VariantEntry(Record):
    """One compiled choice of an op.

    It serves a call when the arguments match ``signature``, every expression of ``guard`` is true
    and every buffer in ``aligned`` (arguments only) starts at a multiple of 16 bytes. ``mutates`` are the
    arguments whose memory the op writes; None where an older format does not say.
    """

    signature: tuple[TensorSignature | ScalarSignature, ...]
    guard: tuple[Expression, ...]
    aligned: tuple[int, ...]
    steps: tuple[HostStep, ...]
    launches: tuple[LaunchEntry, ...]
    outputs: OutputTree
    mutates: tuple[int, ...] | None = None


class OpEntry(Record):
    """An op: its name, its arguments' names, and its variants, the most specialised first."""

    name: str
    arguments: tuple[str, ...]
    variants: tuple[VariantEntry, ...]
