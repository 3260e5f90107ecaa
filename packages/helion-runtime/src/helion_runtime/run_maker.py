"""From one variant and one call to the function that runs such calls, its launches prepared.

In: a variant with its kernels, loaded for one device. Out: the function of :mod:`generate`. Where a
variant goes on by a number that it reads from a tensor, the part behind it is made when such a number
is first read, and remembered by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.errors import ReadingError
from helion_runtime.evaluated import Call, Read
from helion_runtime.generate import Made, Pause, generate_run
from helion_runtime.launcher import prepare_launch
from helion_runtime.plan import ArgumentMetadata, evaluate_variant
from helion_runtime.record import Record
from helion_runtime.tensor_maps import refuse_empty
from helion_runtime.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.entries import VariantEntry
    from helion_runtime.evaluated import EvaluatedVariant
    from helion_runtime.generate import Entrance
    from helion_runtime.launcher import PreparedLaunch
    from helion_runtime.modules import KernelImage, ModuleLoader

MAX_NUMBERS = 1024
"""Numbers that the part behind a read step is remembered for; beyond it the oldest is forgotten."""


class RunMaker(Record, eq=False):
    """Makes the functions of one variant on one device.

    ``unserved(error, arguments)`` runs a call whose number the variant was not compiled for.
    """

    op: str
    names: Sequence[str]
    variant: VariantEntry
    images: Mapping[str, KernelImage]
    loader: ModuleLoader
    device: int
    unserved: Callable[[ReadingError, tuple[Any, ...]], Any]

    def make(
        self, arguments: Sequence[Any], entrance: Entrance
    ) -> tuple[EvaluatedVariant, Callable[..., Any]]:
        """The function for calls like one with ``arguments``, and what it was made of."""
        plan = evaluate_variant(self.variant, self._metadata(arguments, {}))
        run = self._generate(plan, entrance, None)
        calls = any(isinstance(step, (Call, Read)) for step in (*plan.steps, *plan.after))
        return plan, undisturbed(run, self.loader.driver.device_type) if calls else run

    def _generate(
        self, plan: EvaluatedVariant, entrance: Entrance | None, made: Made | None
    ) -> Callable[..., Any]:
        pause = None if plan.read is None else self._pause(plan.read)
        return generate_run(
            plan, self._launches(plan), self.loader.driver, self.device, entrance, made, pause
        )

    def _pause(self, read: Read) -> Pause:
        remembered: dict[Any, Callable[..., Any]] = {}

        def find(
            numbers: tuple[Any, ...], made: Made, arguments: tuple[Any, ...]
        ) -> Callable[..., Any]:
            items = dict(zip(made.items, numbers, strict=True))
            number = items[read.number]
            run = self._behind(read, items, made, arguments)
            while len(remembered) >= MAX_NUMBERS:
                remembered.pop(next(iter(remembered)), None)
            key = (number.__class__, repr(number)) if read.exact else number.__class__
            remembered[key] = run
            return run

        return Pause(remembered, find)

    def _behind(
        self, read: Read, items: Mapping[int, Any], made: Made, arguments: tuple[Any, ...]
    ) -> Callable[..., Any]:
        try:
            plan = evaluate_variant(self.variant, self._metadata(arguments, items), read.number)
        except ReadingError as error:
            if not read.again:
                raise
            found = error
        else:
            return self._generate(plan, None, made)

        def otherwise(*passed: Any) -> Any:
            return self.unserved(found, passed[: len(self.names)])

        return otherwise

    def _launches(self, plan: EvaluatedVariant) -> list[PreparedLaunch]:
        for launch in plan.launches:
            if launch.programs:
                entry = self.images[launch.kernel].entry
                refuse_empty(launch, entry, self.op, self.names)
        return [
            prepare_launch(
                launch,
                entry.arguments,
                self.images[entry.kernel].entry,
                self.loader.function(self.images[entry.kernel], self.device),
                self.loader.driver,
                self.device,
            )
            for launch, entry in zip(plan.launches, self.variant.launches, strict=False)
            if launch.programs
        ]

    def _metadata(self, arguments: Sequence[Any], items: Mapping[int, Any]) -> ArgumentMetadata:
        driver = self.loader.driver
        return ArgumentMetadata(arguments, lambda: driver.properties(self.device).sm_count, items)
