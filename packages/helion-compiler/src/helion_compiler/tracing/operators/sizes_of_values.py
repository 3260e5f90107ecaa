"""Operators whose results are as long as their operands' values say, which no tile is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for(
    "nonzero",
    "masked_select",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "unique_dim_consecutive",
)
def refused(_trace: Trace, operator: Any, *_: Any, **__: Any) -> Any:
    """Refused."""
    name = operator._schema.name.removeprefix("aten::").strip("_").rstrip("2")
    raise exc.DataDependentOutputShapeNotSupported(span=here(), operation=f"torch.{name}")
