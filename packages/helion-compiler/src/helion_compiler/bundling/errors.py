"""Problems with what is to be built, as told by a command line or a build file."""

from __future__ import annotations

from helion.exc import HelionError


class ArgumentTextError(HelionError):
    """An argument of a kernel, written as text, that cannot be read."""

    title = "cannot read an argument"
    message = "{text}: {problem}"
    help = (
        "write a tensor as bf16[4096,4096], with strides as bf16[64,128]@[1,64],\n"
        "anything else as JSON: 3, 0.5, true, null, '\"text\"'"
    )


class KernelNameError(HelionError):
    """Nothing, or nothing that is a kernel, stands under a name."""

    title = "no such kernel"
    message = "{name}: {problem}"
    help = "{remedy}"


class BuildFileError(HelionError):
    """A build file cannot be read, or says what it cannot say."""

    title = "unusable build file"
    message = "{path}: {problem}"
    help = "{remedy}"


class BundleRequestError(HelionError):
    """What is asked for does not fit together."""

    title = "cannot build this bundle"
    message = "{problem}"
    help = "{remedy}"
