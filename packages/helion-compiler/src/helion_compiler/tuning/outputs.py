"""The shape of what a kernel returns: whether a variant's is what the author's function gave, and the same in lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion.containers import parts_of

if TYPE_CHECKING:
    from helion_runtime.entries import OutputTree


def in_lists(tree: Any) -> OutputTree:
    """The output tree with a list for each container, which any process can make, the author's classes or not."""
    match tree:
        case ["object", _, trees] | ["tuple" | "list", trees]:
            return ["list", [in_lists(item) for item in trees]]
        case ["dict", pairs]:
            return ["list", [in_lists(item) for _, item in pairs]]
    unchanged: OutputTree = tree
    return unchanged


def containers_of_value(value: Any) -> Any:
    """Types and labels of a value's containers, nested as they are; None for a leaf."""
    parts = None if isinstance(value, torch.Tensor) else parts_of(value)
    if parts is None:
        return None
    kind = tuple if parts.type is torch.Size else parts.type
    return kind, parts.labels, tuple(map(containers_of_value, parts.items))


def containers_of_tree(tree: Any) -> Any:
    """The same of what an output tree makes."""
    match tree:
        case ["object", make, trees]:
            kind, labels = make.args
        case ["dict", pairs]:
            kind, labels = dict, tuple(name for name, _ in pairs)
            trees = [item for _, item in pairs]
        case ["tuple" | "list" as word, trees]:
            kind, labels = (tuple if word == "tuple" else list), None
        case _:
            return None
    return kind, labels, tuple(map(containers_of_tree, trees))
