"""Problems with what is known at compile time: sizes, constants and tunables."""

from __future__ import annotations

from helion.exc.base import HelionError


class ShapeSpecializingCall(HelionError):
    """A call needs the number that a symbolic size stands for."""

    title = "size needed at compile time"
    message = "`{operation}` needs the value of a size that is symbolic"
    help = "make it known: `hl.specialize(size)`, or annotate the parameter with `hl.constexpr`"


class ShapeSpecializingAllocation(HelionError):
    """A value is allocated with a size that is symbolic."""

    title = "size needed at compile time"
    message = "a value is allocated with the symbolic size `{size}`"
    help = "make it known: `hl.specialize({size})`, or use a tile as the size"


class SpecializeOnDevice(HelionError):
    """``hl.specialize`` was called inside a tile loop."""

    title = "specialize on the device"
    message = "`hl.specialize` was called inside a tile loop"
    help = "specialise before the loop, and use the result inside"


class SpecializeArgType(HelionError):
    """``hl.specialize`` was given something other than sizes."""

    title = "cannot specialise"
    message = "`hl.specialize` takes a size or a tuple of sizes, not a {type}"
    help = (
        "pass sizes of arguments, such as `x.size(0)` or `x.shape`;\n"
        "annotate a parameter that is to be known with `hl.constexpr`"
    )


class RegisterTunableArgTypes(HelionError):
    """``hl.register_tunable`` was given something other than a name and a fragment."""

    title = "cannot register a tunable"
    message = (
        "`hl.register_tunable` takes a name and a fragment, not a {name_type} and a {fragment_type}"
    )
    help = 'write `hl.register_tunable("name", PowerOfTwoFragment(1, 16))`, of helion.autotuner'


class TunableTypeNotSupported(HelionError):
    """A tunable has values of a kind that a kernel cannot take."""

    title = "tunable of this type"
    message = "tunable `{name}` has values of type {type}"
    help = "use integers, floats, booleans or strings"


class TunableNameConflict(HelionError):
    """Two tunables, or a tunable and a config key, have one name."""

    title = "name of tunable is taken"
    message = "there is already {what} of the name `{name}`"
    help = "choose another name"


class ConfigSpecFragmentWithSymInt(HelionError):
    """A fragment is made with a symbolic size."""

    title = "fragment of unknown size"
    message = "the limits of a tunable are to be numbers; `{size}` is symbolic"
    help = "make it known: `hl.specialize({size})`"
