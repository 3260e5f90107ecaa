"""Model: what a GPU can do, and a first estimate of how long a Program takes there at a point of its config space.

The estimate chooses what runs without tuning and where a search starts; measuring has the last word.
"""

from helion_compiler.model.cost import CostModel
from helion_compiler.model.devices import DeviceFacts, Limits, facts_of, limits_of
from helion_compiler.model.instructions import instructions_of

__all__ = ["CostModel", "DeviceFacts", "Limits", "facts_of", "instructions_of", "limits_of"]
