"""Give a value the dimensions that an expression wants, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .draft import Draft
    from .values import Dims, Value


def sizes_text(dims: Dims) -> str:
    """A shape as text; tiles stand for their sizes."""
    return "[" + ", ".join(dim.name for dim in dims) + "]"


def listed(entries: Sequence[str]) -> str:
    """Subscripts as a list, in which slices have to be spelled out."""
    return "[" + ", ".join(map(_spelled, entries)) + "]"


def _spelled(entry: str) -> str:
    if ":" not in entry:
        return entry
    parts = [part or "None" for part in entry.split(":")]
    return f"slice({', '.join(parts)})"


def permuted(draft: Draft, value: Value, dims: Dims) -> Value:
    """The same dimensions in another order."""
    if value.dims == dims:
        return value
    order = [value.dims.index(dim) for dim in dims]
    if len(order) == 2:
        text = draft.draws.pick(
            (
                f"{value.text}.t()",
                f"{value.text}.transpose(0, 1)",
                f"{value.text}.permute(1, 0)",
                f"{value.text}.T",
                f"torch.transpose({value.text}, -1, -2)",
            )
        )
    else:
        listed = ", ".join(map(str, order))
        text = draft.draws.pick(
            (f"{value.text}.permute({listed})", f"torch.permute({value.text}, ({listed},))")
        )
    return attrs.evolve(value, text=text, dims=dims)


def spaced(draft: Draft, value: Value, dims: Dims) -> Value:
    """``value`` with size 1 where it lacks a dimension; its ``dims`` are then all of ``dims``."""
    kept = tuple(dim for dim in dims if dim in value.dims)
    value = permuted(draft, value, kept)
    missing = [position for position, dim in enumerate(dims) if dim not in kept]
    if not missing:
        return value
    entries = ", ".join("None" if dim not in kept else ":" for dim in dims)
    unsqueezed = value.text + "".join(f".unsqueeze({position})" for position in missing)
    shape = ", ".join("1" if dim not in kept else dim.name for dim in dims)
    choices = [f"{value.text}[{entries}]", unsqueezed]
    if kept and all(not dim.parent for dim in kept):
        choices.append(f"{value.text}.reshape([{shape}])")
    if not kept:
        choices = [f"{value.text}.reshape([{shape}])", unsqueezed]
    return attrs.evolve(value, text=draft.draws.pick(choices), dims=dims)


def expanded(draft: Draft, value: Value, dims: Dims) -> Value:
    """``value`` broadcast to all of ``dims``."""
    if value.dims == dims:
        return value
    full = len(value.dims) == len(dims)
    aligned = spaced(draft, value, dims)
    if full:
        return aligned
    shape = sizes_text(dims)
    choices = [f"{aligned.text}.expand({shape})", f"torch.broadcast_to({aligned.text}, {shape})"]
    return attrs.evolve(aligned, text=draft.draws.pick(choices))


def loose(draft: Draft, value: Value, dims: Dims) -> Value:
    """``value`` as an operand that broadcasts against ``dims``: leading sizes of 1 may be left out.

    Its ``dims`` say only how many dimensions it has.
    """
    own = [dim for dim in dims if dim in value.dims]
    if not value.dims:
        return value
    first = dims.index(own[0])
    if draft.draws.chance(0.5):
        first = 0
    return spaced(draft, value, dims[first:])
