"""Compile a config for one target in a process of its own, which another replaces where it takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.space_correctness.outcome import COMPILED, EXCLUDED
from helion import exc
from helion_compiler.building import shared_memory_of
from helion_compiler.building.compile_pool import CompilePool
from helion_runtime.recompiling.worker import OUT_OF_TENSOR_MEMORY

if TYPE_CHECKING:
    from types import TracebackType

    import helion
    from benchmarks.space_correctness.compiled import Compiled
    from helion_compiler.building.targets import Target
    from helion_compiler.specialized_kernel import SpecializedKernel

SECONDS = 60.0
"""How long one compilation may take."""
_LONGEST = 3000


@attrs.frozen(eq=False)
class Compiler:
    """Use it as a context manager: leaving it ends the process.

    ``compiled`` is what need not be compiled again, only to know that it does.
    """

    pool: CompilePool = attrs.field(factory=lambda: CompilePool(1, SECONDS))
    compiled: Compiled | None = None

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
        """:data:`COMPILED`, what excludes it, or the words of what failed."""
        try:
            needed = self._shared(bound, config, target)
        except TimeoutError as error:
            return f"slow to compile: {error}"
        except (exc.InternalError, exc.TritonError) as error:
            ours = OUT_OF_TENSOR_MEMORY in str(error)  # which is found out by compiling
            return f"{EXCLUDED if ours else ''}{type(error).__name__}: {error}"[:_LONGEST]
        except exc.HelionError as error:
            return f"{EXCLUDED}{type(error).__name__}: {error}"[:_LONGEST]
        except Exception as error:  # noqa: BLE001  # whatever it raises is the finding
            return f"{type(error).__name__}: {error}"[:_LONGEST]
        limit = shared_memory_of(target)
        if limit is not None and needed > limit:
            return (
                f"{EXCLUDED}it needs {needed} bytes of shared memory, and a block may have {limit}"
            )
        return COMPILED

    def _shared(self, bound: SpecializedKernel, config: helion.Config, target: Target) -> int:
        """Bytes of shared memory that the binary needs, which is made unless it is known."""
        request = bound.request(config, target)
        needed = None if self.compiled is None else self.compiled.shared(request)
        if needed is None:
            needed = int(self.build(bound, config, target).image.entry.shared)
            if self.compiled is not None:
                self.compiled.add(request, needed)
        return needed


def why_excluded(bound: SpecializedKernel, config: helion.Config) -> str | None:
    """Why a search would not try the config; None if it might.

    A search draws from the space of the program with default tunables; another's may have other keys.
    """
    try:
        bound.point(config)
        point = bound.space.point(config)
    except exc.HelionError as error:
        return " ".join(str(error).split())[:_LONGEST]
    return next(map(str, bound.space.space.check(point)), None)
