"""Choosing: which of an op's variants serves a call on a device, and why the others do not.

In: arguments and variants with their kernels, in the order in which they are tried. Out: the first that serves them, or
the error that shows every rejection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.conditions import unmet_conditions
from helion_runtime.misses import Rejection, explain
from helion_runtime.plan import ArgumentMetadata, serves
from helion_runtime.record import Record
from helion_runtime.signature import check_call, mismatches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_runtime.installed import Installed
    from helion_runtime.modules import ModuleLoader


class Chooser(Record, eq=False):
    """Chooses for one op, whose arguments have ``names``; ``loader`` knows the devices."""

    op: str
    names: tuple[str, ...]
    loader: ModuleLoader

    def device(self, args: Sequence[Any]) -> int:
        """The device of a call. Raises a :class:`CallError` for arguments that no op can be called with."""
        driver = self.loader.driver
        device = check_call(self.op, self.names, args, driver.device_type)
        return driver.current_device() if device is None else device

    def choose(
        self, args: Sequence[Any], device: int, candidates: Sequence[Installed]
    ) -> Installed:
        """The first of ``candidates`` that serves a call.

        Raises :class:`NoVariantError`, or a :class:`DeviceError` where only the device stands in the way.
        """
        rejections = []
        for item in candidates:
            rejection = self.reject(item, args, device)
            if rejection is None:
                return item
            rejections.append(rejection)
        raise self.error(args, rejections)

    def reject(self, item: Installed, args: Sequence[Any], device: int) -> Rejection | None:
        """Why a variant does not serve a call; None if it does."""
        reasons = mismatches(item.variant, self.names, args)
        if reasons:
            return Rejection(item.variant, tuple(reasons))
        driver = self.loader.driver
        metadata = ArgumentMetadata(args, lambda: driver.properties(device).sm_count)
        if not serves(item.variant, metadata):
            unmet = unmet_conditions(item.variant, self.names, metadata)
            return Rejection(item.variant, unmet, by_guard=True)
        objection = self.objection(item, device)
        if objection is not None:
            return Rejection(item.variant, (str(objection),), objection)
        return None

    def objection(self, item: Installed, device: int) -> Exception | None:
        """Why a device cannot run a variant; None if it can."""
        objections = (self.loader.objection(image.entry, device) for image in item.images.values())
        return next((objection for objection in objections if objection is not None), None)

    def error(self, args: Sequence[Any], rejections: Sequence[Rejection]) -> Exception:
        """What a call raises that every variant rejected."""
        return explain(self.op, self.names, args, rejections)
