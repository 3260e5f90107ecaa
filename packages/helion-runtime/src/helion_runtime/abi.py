"""How the arguments of a launch become the parameters of a binary.

In: a kernel's parameter words and the launch arguments in source order. Out: for each parameter,
where its value comes from. The words decide, since compilers differ in how they expand descriptors;
this module recognises the expansions that exist and never guesses one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from helion_runtime.entries import DescriptorArgument, PointerArgument, ScalarArgument
from helion_runtime.errors import SchemaError
from helion_runtime.record import Record, replace
from helion_runtime.scalars import SIZES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_runtime.entries import KernelEntry, LaunchArgument

Role: TypeAlias = Literal[
    "address",
    "scalar",
    "map",
    "shape",
    "stride",
    "nan",
    "tf32",
    "global_scratch",
    "profile_scratch",
]


class Parameter(Record):
    """One parameter: its ABI word, and the role of the launch argument (by position) it is filled
    from.

    ``index`` is the dimension, for roles shape and stride.
    """

    word: str
    role: Role
    argument: int = -1
    index: int = 0


def expand(kernel: KernelEntry, arguments: Sequence[LaunchArgument]) -> tuple[Parameter, ...]:
    """Pair every parameter of ``kernel`` with its source.

    Raises :class:`SchemaError` where the words and the arguments do not fit each other.
    """
    words = kernel.parameters
    result: list[Parameter] = []
    for position, argument in enumerate(arguments):
        for candidate in _expansions(kernel, position, argument):
            if tuple(item.word for item in candidate) == words[len(result) :][: len(candidate)]:
                result.extend(candidate)
                break
        else:
            raise SchemaError(
                f"kernel {kernel.name!r}: argument {position} ({type(argument).__name__}) does not fit "
                f"the parameters from number {len(result)} on: {list(words[len(result) :][:16])}"
            )
    for word in words[len(result) :]:
        if word not in ("global_scratch", "profile_scratch"):
            raise SchemaError(
                f"kernel {kernel.name!r}: parameter {len(result)} ({word}) has no launch argument; "
                f"the launch gives {len(arguments)} argument(s)"
            )
        result.append(Parameter(word, "global_scratch" if word[0] == "g" else "profile_scratch"))
    return tuple(result)


def check_words(kernel: KernelEntry) -> None:
    """Raise :class:`SchemaError` for a parameter word that is none."""
    for position, word in enumerate(kernel.parameters):
        if word not in SIZES:
            raise SchemaError(
                f"kernel {kernel.name!r}: parameter {position}: expected one of {', '.join(SIZES)}; "
                f"found {word!r:.80}"
            )


def _expansions(
    kernel: KernelEntry, position: int, argument: LaunchArgument
) -> Iterator[tuple[Parameter, ...]]:
    """The ways ``argument`` may stand in the parameter list, most usual first."""
    if isinstance(argument, PointerArgument):
        yield (Parameter("pointer", "address", position),)
    elif isinstance(argument, ScalarArgument):
        yield (Parameter(argument.type, "scalar", position),)
    else:
        yield from _descriptor_expansions(kernel, position, argument)


def _descriptor_expansions(
    kernel: KernelEntry, position: int, argument: DescriptorArgument
) -> Iterator[tuple[Parameter, ...]]:
    rank = range(len(argument.shape))
    shape = tuple(Parameter("i32", "shape", position, index) for index in rank)
    strides = tuple(Parameter("i64", "stride", position, index) for index in rank)
    if not 0 <= argument.layout < len(kernel.descriptors):
        raise SchemaError(
            f"kernel {kernel.name!r}: argument {position}: layout {argument.layout} of "
            f"{len(kernel.descriptors)} descriptor(s)"
        )
    if kernel.descriptors[argument.layout].use_tensor_map:
        yield (Parameter("tensormap", "map", position), *shape, *strides)
        return
    address = Parameter("pointer", "address", position)
    long_shape = tuple(replace(item, word="i64") for item in shape)
    flags = (Parameter("i1", "nan", position), Parameter("i1", "tf32", position))
    yield (address, *long_shape, *strides, *flags, *shape, *strides)
    yield (address, *long_shape, *strides, flags[0], *shape, *strides)
    yield (address, *shape, *strides)
