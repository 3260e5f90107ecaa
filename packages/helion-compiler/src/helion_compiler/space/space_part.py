"""What one topic adds to a config space: keys, when they are active, and what it leaves out."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_autotune import Parameter
    from helion_autotune.constraints import Condition, Constraint
    from helion_compiler.space.config_space import Exclusion, Site


@attrs.frozen(kw_only=True)
class SpacePart:
    """Fields are those of :class:`helion_compiler.space.ConfigSpace`; conditions may look at the parameters of
    this part that stand before theirs, and at those of parts that were added before.
    """

    single: Mapping[str, Parameter] = MappingProxyType({})
    wider: Mapping[str, Parameter] = MappingProxyType({})
    sites: Mapping[str, Sequence[Site]] = MappingProxyType({})
    conditions: Mapping[str, Condition] = MappingProxyType({})
    demands: Sequence[Constraint] = ()
    advice: Sequence[Constraint] = ()
    excluded: Sequence[Exclusion] = ()
