"""What a kernel returns, in the words of a bundle: named tuples become tuples; other objects cannot be held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_compiler.bundling.errors import BundleRequestError

if TYPE_CHECKING:
    from helion_runtime.entries import OutputTree


def portable_outputs(op: str, tree: Any) -> OutputTree:
    """The output tree of op ``op`` without Python's objects.

    Raises:
        BundleRequestError: one of them is more than a tuple.
    """
    match tree:
        case ["object", make, trees]:
            kind = make.args[0]
            if not issubclass(kind, tuple):
                raise BundleRequestError(
                    problem=f"op `{op}` returns a {kind.__name__}, and a bundle holds no class of yours",
                    remedy="return a tuple or a dict with strings as its keys",
                )
            return ["tuple", [portable_outputs(op, item) for item in trees]]
        case ["dict", pairs]:
            return ["dict", [[name, portable_outputs(op, item)] for name, item in pairs]]
        case ["tuple" | "list" as kind, trees]:
            return [kind, [portable_outputs(op, item) for item in trees]]
    unchanged: OutputTree = tree
    return unchanged
