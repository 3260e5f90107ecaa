"""Problems with the functions around and inside of a kernel, and with the names they capture."""

from __future__ import annotations

from helion.exc.base import HelionError


class NestedKernelCallsNotSupported(HelionError):
    """A kernel calls another kernel."""

    title = "kernel called inside a kernel"
    message = "kernel `{kernel}` was called while another one runs"
    help = "call it outside, or move what they share into a plain function"


class DecoratorAfterHelionKernelDecorator(HelionError):
    """Another decorator is applied to a kernel."""

    title = "decorator on top of a kernel"
    message = "`@{decorator}` would wrap the kernel, which then is none any more"
    help = "apply `@helion.kernel` last: write it as the first decorator"


class NotAllowedInHelperFunction(HelionError):
    """A function that needs a kernel's own body is called in a function it calls."""

    title = "not allowed in a helper function"
    message = "`{function}` was called in `{helper}`, which is not the kernel itself"
    help = "call it in the kernel, and pass the result to `{helper}`"


class NamingConflict(HelionError):
    """A name that Helion uses itself."""

    title = "reserved name"
    message = "the name `{name}` is reserved"
    help = "choose another name"


class ClosuresNotSupported(HelionError):
    """A captured variable of a kind that kernels cannot take."""

    title = "captured variable not supported"
    message = "`{name}` is captured from the scope around, and is a {type}"
    help = "pass it as an argument"


class ClosureMutation(HelionError):
    """A function called by a kernel assigns a variable of the scope around it."""

    title = "captured variable assigned"
    message = "`{name}` belongs to the scope around and is assigned here"
    help = "return the new value instead"


class GlobalMutation(HelionError):
    """A kernel, or a function it calls, assigns a global variable."""

    title = "global variable assigned"
    message = "the global variable `{name}` is assigned here"
    help = "return the new value, or store into a tensor that is passed in"
