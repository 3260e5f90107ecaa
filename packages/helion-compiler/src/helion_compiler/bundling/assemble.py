"""Assemble: compiled variants as the op entries, kernel entries and files of one bundle. The order
depends on the content alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.portable_outputs import portable_outputs
from helion_runtime.entries import KernelEntry, OpEntry, VariantEntry
from helion_runtime.recompiling.recipe import with_recipe
from helion_runtime.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helion_compiler.building import Target
    from helion_compiler.bundling.variants import CompiledVariant
    from helion_runtime.entries import Expression
    from helion_runtime.recompiling.recipe import Recipe


@attrs.frozen
class BundleContent:
    """What :func:`helion_runtime.write_bundle` takes. ``blobs`` are keyed by sha256, ``sources`` by
    kernel."""

    ops: tuple[OpEntry, ...]
    kernels: tuple[KernelEntry, ...]
    blobs: dict[str, bytes]
    sources: dict[str, str]


class _Kernels:
    """Kernel entries by name; variants that come to the same binary in the same way share one."""

    def __init__(self) -> None:
        self.entries: dict[str, KernelEntry] = {}
        self.blobs: dict[str, bytes] = {}
        self.sources: dict[str, str] = {}
        self._recipes: dict[str, Recipe] = {}

    def add(self, compiled: CompiledVariant) -> VariantEntry:
        """Take a variant's kernel; the variant that launches it."""
        entry = self._settle(compiled.image.entry, compiled.recipe)
        if entry.name not in self.entries:
            self.entries[entry.name] = entry
            self.sources[entry.name] = with_recipe(compiled.source, compiled.recipe)
            self._recipes[entry.name] = compiled.recipe
        self.blobs[entry.blob] = compiled.image.binary
        launches = tuple(replace(launch, kernel=entry.name) for launch in compiled.variant.launches)
        outputs = portable_outputs(compiled.op, compiled.variant.outputs)
        return replace(compiled.variant, launches=launches, outputs=outputs)

    def _settle(self, entry: KernelEntry, recipe: Recipe) -> KernelEntry:
        """The entry under a name of its own, or the one there is that launches the same way;
        configs are for people. What its source may be compiled with again belongs to it: a variant that promises less
        needs one of its own."""
        number = 1
        while True:
            name = entry.name if number == 1 else f"{entry.name}_{number}"
            known = self.entries.get(name)
            if known is None:
                return replace(entry, name=name)
            same = replace(entry, name=name, config=known.config) == known
            if same and self._recipes[name] == recipe:
                return known
            number += 1


def assemble(compiled: Iterable[CompiledVariant]) -> BundleContent:
    """One op per name, in order of names; the most specialised variants of an op come first.

    Raises:
        BundleRequestError: variants of one op take different arguments.
    """
    by_op: dict[str, list[CompiledVariant]] = {}
    for item in compiled:
        by_op.setdefault(item.op, []).append(item)
    kernels = _Kernels()
    ops = tuple(_op(name, by_op[name], kernels) for name in sorted(by_op))
    entries = tuple(kernels.entries[name] for name in sorted(kernels.entries))
    return BundleContent(ops, entries, kernels.blobs, kernels.sources)


def _op(name: str, items: Sequence[CompiledVariant], kernels: _Kernels) -> OpEntry:
    arguments = items[0].arguments
    for item in items:
        if item.arguments != arguments:
            raise BundleRequestError(
                problem=f"variants of op `{name}` take ({', '.join(arguments)}) and ({', '.join(item.arguments)})",
                remedy="give one of them another name",
            )
        if any(item.code == other.code and item.fixed != other.fixed for other in items):
            raise BundleRequestError(
                problem=f"variants of op `{name}` differ in a constant or a function, which calls do not show",
                remedy="give each of them a name of its own",
            )
    variants: list[VariantEntry] = []
    targets: list[Target] = []
    for item in sorted(items, key=_rank):
        variant = kernels.add(item)
        if variant in variants:  # requests may repeat each other
            continue
        for other, target in zip(variants, targets, strict=True):
            if target == item.target and _serves_the_same(variant, other):
                raise BundleRequestError(
                    problem=f"two variants of op `{name}` for {target.name} serve the same calls",
                    remedy="leave one of them out: the first would run always",
                )
        variants.append(variant)
        targets.append(item.target)
    return OpEntry(name, arguments, tuple(variants))


def _serves_the_same(one: VariantEntry, other: VariantEntry) -> bool:
    return (one.signature, one.guard, one.aligned) == (other.signature, other.guard, other.aligned)


def _rank(item: CompiledVariant) -> tuple[int, int, int, int, bool, int]:
    """Where a variant belongs: those for more sizes and numbers of the call first, then those for ranges, small ones
    before large ones, then those that demand more of the rest, then machine code before PTX, then those for newer
    targets."""
    variant = item.variant
    guards = {repr(guard): guard for guard in variant.guard}.values()
    pinned = sum(map(_pins, guards))
    constants = sum(1 for entry in variant.signature if getattr(entry, "constant", False))
    bounds = [high for high in map(_bound, guards) if high]
    demands = len(guards) + len(variant.aligned)
    is_ptx = item.target.binary == "ptx"
    return -pinned - constants, -len(bounds), sum(bounds), -demands, is_ptx, -_age(item.target)


def _pins(guard: Expression) -> bool:
    """Whether a guard asks for one value of a size or argument."""
    match guard:
        case ["eq", ["size" | "argument", *_], int()]:
            return True
    return False


def _bound(guard: Expression) -> int:
    """The largest size that a guard lets through, 0 where it asks for something else."""
    match guard:
        case ["le", ["size", *_], int(high)]:
            return high
    return 0


def _age(target: Target) -> int:
    """CUDA targets in the order of their numbers; devices run those of older numbers as well."""
    return target.architecture if isinstance(target.architecture, int) else 0
