"""Why no variant serves a call: each rejection as data, and the error that shows them to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.acceptance import describe_signature
from helion_runtime.errors import NoVariantError
from helion_runtime.record import Record
from helion_runtime.signature import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_runtime.entries import VariantEntry

_SHOWN = 8


class Rejection(Record):
    """A variant that was not chosen. ``objection`` is the device's, where the arguments were not
    the reason; ``by_guard`` says that the signature was none either."""

    variant: VariantEntry
    reasons: tuple[str, ...]
    objection: Exception | None = None
    by_guard: bool = False


def explain(
    op: str, names: Sequence[str], arguments: Sequence[Any], rejections: Sequence[Rejection]
) -> Exception:
    """The error for a call that every variant rejected.

    Where only the device stands in the way of a variant, that is its own :class:`DeviceError`.
    """
    passed = [f"  {name}: {describe(value)}" for name, value in zip(names, arguments, strict=True)]
    lines = [f"op {op!r} has no variant for these arguments:", *passed]
    objections = [item.objection for item in rejections if item.objection is not None]
    if objections:
        rows = [f"  {objection}" for objection in objections[:_SHOWN]]
        message = "\n".join((f"op {op!r} cannot run on this device:", *rows))
        return type(objections[0])(message)
    if not rejections:
        return NoVariantError("\n".join((*lines, "It has no variant left to try.")))
    lines.append(f"It has {len(rejections)} variant(s) to try:")
    for number, item in enumerate(rejections[:_SHOWN], start=1):
        lines.append(f"  {number}. {describe_signature(names, item.variant)}")
    nearest = min(rejections, key=lambda item: (not item.by_guard, len(item.reasons)))
    lines.append(f"The nearest is number {rejections.index(nearest) + 1}:")
    lines.extend(f"  {reason}" for reason in nearest.reasons)
    lines.append("Pass arguments it takes, or build a variant for these.")
    return NoVariantError("\n".join(lines))
