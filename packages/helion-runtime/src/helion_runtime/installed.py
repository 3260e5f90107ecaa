"""Variants that a dispatcher has, and calls that it has prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_runtime.driver import Driver
    from helion_runtime.entries import VariantEntry
    from helion_runtime.evaluated import EvaluatedVariant
    from helion_runtime.modules import KernelImage


class PreparedCall(Record, eq=False):
    """One variant, ready for one signature.

    Calling it launches without looking at the signature again: pass arguments of the same dtypes,
    shapes, strides and values as those it was prepared with, and none lazily negated or conjugated.
    Alignment is checked.
    """

    variant: VariantEntry
    plan: EvaluatedVariant
    run: Callable[..., Any]

    def __call__(self, *args: object) -> Any:
        """Run; returns what the op returns."""
        return self.run(*args)


class Installed(Record, eq=False):
    """A variant and the images of the kernels it launches; ``note`` is logged whenever a signature first meets it."""

    variant: VariantEntry
    images: Mapping[str, KernelImage]
    note: str = ""


def install(variant: VariantEntry, kernels: Mapping[str, KernelImage], note: str = "") -> Installed:
    """A variant with what it launches of ``kernels``."""
    return Installed(
        variant, {launch.kernel: kernels[launch.kernel] for launch in variant.launches}, note
    )


def run_elsewhere(driver: Driver, device: int) -> Callable[..., Any]:
    """Runs a prepared call with its device made current for the thread, then restores the thread's
    own."""

    def elsewhere(run: Callable[..., Any], *args: object) -> Any:
        previous = driver.activate(device)
        try:
            return run(*args)
        finally:
            driver.restore(previous)

    return elsewhere
