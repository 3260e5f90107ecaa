"""Python that a kernel cannot say."""

from __future__ import annotations

from helion.exc.base import HelionError


class StatementNotSupported(HelionError):
    """A statement that has no meaning in device code."""

    title = "statement not supported"
    message = "`{statement}` cannot be used here"
    help = "{remedy}"


class StarredArgsNotSupportedOnDevice(HelionError):
    """A kernel takes ``*args`` or ``**kwargs``."""

    title = "starred arguments"
    message = "parameter `{parameter}` stands for any number of arguments"
    help = "name every parameter; pass several tensors as one tuple"


class UndefinedVariable(HelionError):
    """A name is read that nothing has assigned."""

    title = "undefined variable"
    message = "`{name}` is not defined here"
    help = "assign it before the loop; a name first assigned in a loop is unknown if the loop never runs"


class MissingAttribute(HelionError):
    """A module, tensor, tile or number is asked for a name that it does not have."""

    title = "no such name"
    message = "{owner} has no `{name}`"
    help = "{remedy}"


class CantCombineTypesInControlFlow(HelionError):
    """A name means different kinds of things depending on which way control flows."""

    title = "types differ between control-flow paths"
    message = "`{name}` is {before} on one path and {after} on another"
    help = "give `{name}` the same type on every path"


class ControlFlowTensorMismatch(HelionError):
    """A loop changes the shape or the dtype of a tensor that it carries."""

    title = "carried tensor changes"
    message = "`{name}` enters as {before} and leaves as {after}"
    help = "keep shape and dtype the same: cast with `.to(dtype)`, or create `{name}` the way it leaves"


class FailedToUnpackTile(HelionError):
    """The number of loop targets differs from the number of tiles."""

    title = "cannot unpack tile"
    message = "{targets} names are assigned from {tiles} tile(s)"
    help = "loop over as many sizes as names: `for tile_m, tile_n in hl.tile([m, n])`"


class TracedFunctionCaptures(HelionError):
    """A function with values of its own is passed to a kernel in a call that ``torch.compile`` traces."""

    title = "function captures values"
    message = "`{function}` captures variables or has defaults, and is passed to a kernel where Dynamo traces"
    help = "pass what it captures as arguments of the kernel: Dynamo would not notice another value"


class TracedArgNotSupported(HelionError):
    """An argument of a type that kernels cannot take."""

    title = "argument not supported"
    message = "argument `{parameter}` is a {type}"
    help = "pass tensors, numbers, strings, functions, or tuples, lists and dicts of these"


class NoTensorArgs(HelionError):
    """None of a kernel's arguments is a tensor, so there is no device to run on."""

    title = "no tensor among the arguments"
    message = "kernel `{kernel}` was given no tensor"
    help = "pass at least one tensor: its device is where the kernel runs"


class UnsupportedPythonType(HelionError):
    """A value of a type that kernels cannot use."""

    title = "type not supported"
    message = "a {type} cannot be used in a kernel"
    help = "use tensors, numbers, strings, functions, or tuples, lists and dicts of these"


class TypeInferenceError(HelionError):
    """What an expression is cannot be told."""

    title = "type unknown"
    message = "{problem}"
    help = "{remedy}"
