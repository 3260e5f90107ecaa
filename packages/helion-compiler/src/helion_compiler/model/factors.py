"""Where the factors of products come from: as they were loaded, rearranged, or computed.

In: a factor, and the ops that make values. Out: what of it passes through registers at a point. Products take factors
out of shared memory as they were loaded; a reshape that merges dimensions of which only one has several lanes leaves
them there, another one brings them into threads and orders them anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.ops import Load, Reshape
from helion_compiler.program.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.program.ops import Op
    from helion_compiler.program.types import Size, Value


@attrs.frozen(eq=False)
class Factor:
    """One of the two that a product multiplies.

    ``computed`` says whether it is more than loaded lanes in some order, ``reshapes`` what it passes through if not.
    ``turned`` ones were loaded as they are, but lie along the other dimension in memory than matrix units want bytes.
    """

    computed: bool
    reshapes: tuple[Reshape, ...] = ()
    turned: bool = False

    def is_formed(self, lanes: Callable[[Size], int]) -> bool:
        """Whether it passes through registers on its way to the product, where sizes have so many lanes."""
        if self.computed or self.turned:
            return True
        return any(rearranges(reshape, lanes) for reshape in self.reshapes)


def factor_of(value: Value, makers: Mapping[Value, Op]) -> Factor:
    """What a factor is; one that nobody among ``makers`` makes is as it was."""
    op = makers.get(value)
    reshapes = []
    while isinstance(op, (*VIEWS, Reshape)):
        if isinstance(op, Reshape):
            reshapes.append(op)
        op = makers.get(op.operand)
    if isinstance(op, Load) or value not in makers:
        return Factor(computed=False, reshapes=tuple(reshapes))
    return Factor(computed=True)


def rearranges(reshape: Reshape, lanes: Callable[[Size], int]) -> bool:
    """Whether lanes lie otherwise behind a reshape: dimensions of one lane come and go without that."""
    before, after = (
        [many for many in map(lanes, value.type.shape) if many > 1]
        for value in (reshape.operand, reshape.result)
    )
    return before != after
