"""Space: which Config keys a Program has, what they may hold, and how a Config becomes a point of
the search space.
"""

from helion_compiler.space.config_space import ConfigSpace
from helion_compiler.space.derive_space import derive_space

__all__ = ["ConfigSpace", "derive_space"]
