"""Problems with assigning and unpacking inside of tile loops."""

from __future__ import annotations

from helion.exc.base import HelionError


class AssignmentMultipleTargets(HelionError):
    """``a = b = value`` on the device."""

    title = "several targets in one assignment"
    message = "one value is assigned to several targets here"
    help = "write one assignment per target"


class InvalidAssignment(HelionError):
    """Something other than a name or a subscript is assigned."""

    title = "invalid assignment"
    message = "`{target}` cannot be assigned inside a tile loop"
    help = "assign a name, or store into a tensor: `out[tile] = value`"


class FailedToUnpackTupleAssign(HelionError):
    """The number of names differs from the number of values."""

    title = "cannot unpack"
    message = "{targets} names are assigned from {value}"
    help = "assign one name, or as many as there are values"


class InvalidSequenceSubscription(HelionError):
    """A tuple or list is subscripted with what is unknown at compile time."""

    title = "sequence subscripted by a device value"
    message = "a {type} is subscripted with {index}, which is not known at compile time"
    help = "use a number, or loop with `hl.static_range`"


class NonTensorSubscriptAssign(HelionError):
    """Subscript assignment on the device to something that is not a tensor."""

    title = "subscript assignment to a non-tensor"
    message = "the target of this assignment is a {type}, not a tensor"
    help = "only tensors can be stored to inside a tile loop"


class DeviceTensorSubscriptAssignmentNotAllowed(HelionError):
    """Subscript assignment to a value, which has no memory to store into."""

    title = "subscript assignment to a value"
    message = "`{name}` is a value made inside the tile loop, and cannot be stored to"
    help = (
        "make a new value (`torch.where(condition, new, old)`), or store into a tensor of the host"
    )


class RequiresTensorInAssignment(HelionError):
    """Something that is neither a tensor nor a number is stored."""

    title = "cannot store this"
    message = "a {type} is assigned to a part of a tensor"
    help = "assign a tensor or a number"
