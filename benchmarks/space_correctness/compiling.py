"""Compile a config for one target in a process of its own, which another replaces where it takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.space_correctness.outcome import COMPILED
from helion import exc
from helion_compiler.building import shared_memory_of
from helion_compiler.building.compile_pool import CompilePool

if TYPE_CHECKING:
    from types import TracebackType

    import helion
    from helion_compiler.building.targets import Target
    from helion_compiler.specialized_kernel import SpecializedKernel

SECONDS = 60.0
"""How long one compilation may take."""
_LONGEST = 3000


@attrs.frozen(eq=False)
class Compiler:
    """Use it as a context manager: leaving it ends the process."""

    pool: CompilePool = attrs.field(factory=lambda: CompilePool(1, SECONDS))

    def __enter__(self) -> Compiler:
        self.pool.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pool.__exit__(kind, error, traceback)

    def build(self, bound: SpecializedKernel, config: helion.Config, target: Target) -> Any:
        """What the kernel keeps, so that it runs this binary.

        Raises:
            helion.exc.HelionError: the config, or Triton, refuses.
            TimeoutError: it took more than :data:`SECONDS`.
        """
        return bound.build(config, target, compiler=self.pool.compile)

    def answer(self, bound: SpecializedKernel, config: helion.Config, target: Target) -> str:
        """``"ok"``, or the words of what refused it."""
        try:
            built = self.build(bound, config, target)
        except TimeoutError as error:
            return f"slow to compile: {error}"
        except Exception as error:  # noqa: BLE001  # whatever it raises is the finding
            return f"{type(error).__name__}: {error}"[:_LONGEST]
        needed, limit = built.image.entry.shared, shared_memory_of(target)
        if limit is not None and needed > limit:
            return f"needs {needed} bytes of shared memory, a block may have {limit}"
        return COMPILED


def why_excluded(bound: SpecializedKernel, config: helion.Config) -> str | None:
    """Why a search would not try the config; None if it might."""
    try:
        point = bound.point(config)
    except exc.HelionError as error:
        return " ".join(str(error).split())[:_LONGEST]
    return next(map(str, bound.space.space.check(point)), None)
