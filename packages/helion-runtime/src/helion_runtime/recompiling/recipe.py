"""How a bundle's source was compiled, so that it can be compiled once more: a line of JSON that ends the source.

In and out: Triton source, and what the worker is asked besides it. The line makes a source of a bundle complete, for
people who want to see where a binary comes from as well as for ``on_miss="jit"``.
"""

from __future__ import annotations

import json
from typing import Any

from helion_runtime.errors import RecompileError
from helion_runtime.record import Record

_BEGIN = "# compiled with "


class Recipe(Record):
    """For each parameter of a kernel its Triton type and whether it is a multiple of 16, and Triton's options."""

    types: tuple[str, ...]
    divisible: tuple[bool, ...]
    options: dict[str, Any]


def with_recipe(source: str, recipe: Recipe) -> str:
    """A source with its recipe."""
    fields = {
        "types": list(recipe.types),
        "divisible": list(recipe.divisible),
        "options": recipe.options,
    }
    return f"{source.rstrip()}\n\n{_BEGIN}{json.dumps(fields, sort_keys=True)}\n"


def read_recipe(source: str, where: str) -> Recipe:
    """The recipe at the end of a source.

    Raises:
        RecompileError: there is none, as in bundles of older versions, or it is malformed.
    """
    last = source.rstrip().rpartition("\n")[2]
    if not last.startswith(_BEGIN):
        raise RecompileError(
            f"{where} does not say how it was compiled; build the bundle again with this version of helion-compiler"
        )
    try:
        fields = json.loads(last.removeprefix(_BEGIN))
        recipe = Recipe(tuple(fields["types"]), tuple(fields["divisible"]), dict(fields["options"]))
    except (ValueError, TypeError, KeyError) as error:
        raise RecompileError(f"{where}: its last line is no recipe: {error}") from error
    if not _is_sound(recipe):
        raise RecompileError(f"{where}: its last line is no recipe: {last:.120}")
    return recipe


def _is_sound(recipe: Recipe) -> bool:
    return (
        len(recipe.types) == len(recipe.divisible)
        and all(isinstance(item, str) for item in recipe.types)
        and all(isinstance(item, bool) for item in recipe.divisible)
        and all(isinstance(value, (bool, int, float, str)) for value in recipe.options.values())
    )
