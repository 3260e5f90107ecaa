"""Nested arguments, leaf by leaf, as torch takes them apart."""

from torch.utils._pytree import tree_any, tree_map

__all__ = ["tree_any", "tree_map"]
