"""``@autotune`` over a hand-written ``@triton.jit`` kernel.

In: the kernel, and a Space or a list of ``triton.Config``. Out: an object that launches like the kernel and tunes once
per key: the values of the arguments named by ``key``, the dtypes of all tensors, and the GPU. Results are remembered
in the process and, with ``records`` or a lock file, between processes. Once tuned, a launch only looks its point up,
so it may be captured in a CUDA graph; any thread may launch.
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.budget import NO_LIMIT, Budget
from helion_autotune.choosing import Chooser, LockedResult, LockFile, Question
from helion_autotune.isolation_limits import Isolation
from helion_autotune.measuring import measure_milliseconds
from helion_autotune.records import Records
from helion_autotune.session import tune
from helion_autotune.strategies.finite import FiniteSearch
from helion_autotune.triton_kernels.candidates import Candidates, candidates_of
from helion_autotune.triton_kernels.keys import ArgumentKey, argument_key, innermost, stored_point
from helion_autotune.triton_kernels.launch import Launch, Measure
from helion_autotune.triton_kernels.oracle import Oracle, Reference
from helion_autotune.triton_kernels.pruning import Predicate, check_prune, pruned
from helion_autotune.triton_kernels.workload import TritonWorkload

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from helion_autotune.isolation import ForkServers
    from helion_autotune.point import Point
    from helion_autotune.progress import Progress
    from helion_autotune.space import Space
    from helion_autotune.strategies import Strategy


class TimesMeanNothingError(RuntimeError):
    """Something must be timed to choose a config, where times mean nothing."""


def _names(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"a list of argument names is wanted, got the text {names!r}")
    return tuple(names)


def _records(records: Records | str | os.PathLike[str] | None) -> Records | None:
    return records if records is None or isinstance(records, Records) else Records(records)


@attrs.frozen(eq=False, kw_only=True)
class Tuning:
    """What the decorator was told; see :func:`autotune`."""

    key: tuple[str, ...] = attrs.field(converter=_names)
    restore_value: tuple[str, ...] = attrs.field(converter=_names)
    reset_to_zero: tuple[str, ...] = attrs.field(converter=_names)
    reference: Reference | None
    tolerance: float | None
    strategy: str | Strategy | None
    budget: Budget
    records: Records | None = attrs.field(converter=_records)
    jobs: int | None
    progress: Progress | None
    measure: Measure | None
    isolation: Isolation | bool | None
    lock: LockFile | str | os.PathLike[str] | None
    frozen: bool | None
    agree: Any
    prune: Any

    def chooser(self) -> Chooser:
        """Where to look before tuning, as told here or by the environment at the time of the launch."""
        return Chooser.of(self.lock, frozen=self.frozen, agree=self.agree)


class TunedKernel:
    """A kernel that chooses its own config: ``kernel[grid](*args, **meta)``, as before."""

    def __init__(self, kernel: Any, configs: Space | Sequence[Any], tuning: Tuning) -> None:
        self.fn = kernel
        self.arg_names: list[str] = list(kernel.arg_names)
        self.__name__ = innermost(kernel).__name__
        self.tuning = tuning
        self.candidates: Candidates = candidates_of(configs, self.arg_names, self.__name__)
        named = (*tuning.key, *tuning.restore_value, *tuning.reset_to_zero)
        strangers = [name for name in named if name not in self.arg_names]
        if strangers:
            raise ValueError(
                f"{strangers} are no arguments of {self.__name__}, which has {', '.join(self.arg_names)}"
            )
        check_prune(tuning.prune, self.candidates, self.__name__)
        self._only = self.candidates.only()
        self._chosen: dict[Hashable, Point] = {}
        self._lock = threading.Lock()
        self._servers: ForkServers | None = None

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        """What launches on this grid: a tuple, or a callable that gives one for the launch's arguments by name."""
        return partial(self.run, grid=grid, warmup=False)

    def run(self, *args: Any, grid: Any, warmup: bool = False, **meta: Any) -> Any:
        """Choose a point for these arguments, tuning if it must be, and launch; with ``warmup``, only compile.

        Raises TimesMeanNothingError where a choice is needed and there is no GPU, NoCandidateWorked when nothing runs.
        """
        named = {**dict(zip(self.arg_names, args, strict=False)), **meta}
        point = self._only or self._point(args, meta, named, grid)
        options = self.candidates.options(point)
        twice = options.keys() & meta.keys()
        if twice:
            raise ValueError(
                f"{sorted(twice)} are chosen by the tuner of {self.__name__}; remove them from the launch"
            )
        hook = self.candidates.pre_hook(point)
        return Launch(self.fn, args, meta, named, grid, None).run(options, hook, warmup=warmup)

    def fix(self, config: Any) -> None:
        """Launch with this config (of the list, or a mapping of the space's names) from now on, whatever the key."""
        self._only = self.candidates.point_of(config)

    @property
    def chosen(self) -> Mapping[Hashable, Point]:
        """The points in use, by key."""
        return dict(self._chosen)

    # -- choosing -------------------------------------------------------------------------------

    def _point(
        self, args: tuple[Any, ...], meta: Mapping[str, Any], named: Mapping[str, Any], grid: Any
    ) -> Point:
        key = argument_key(self.fn, self.tuning.key, named)
        point = self._chosen.get(key)
        if point is not None:
            return point
        with self._lock:
            if key not in self._chosen:
                launch = Launch(self.fn, args, meta, named, grid, key.device)
                candidates = pruned(self.candidates, self.tuning.prune, named)
                self._chosen[key] = candidates.only() or self._choose(candidates, launch, key)
            return self._chosen[key]

    def _choose(self, candidates: Candidates, launch: Launch, key: ArgumentKey) -> Point:
        return self.tuning.chooser().choose(
            Question(self.__name__, key.text(self.fn), candidates.space),
            stored=lambda: self._stored(candidates, key),
            tuned=lambda: self._tuned(candidates, launch, key),
        )

    def _stored(self, candidates: Candidates, key: ArgumentKey) -> Point | None:
        """The point that an earlier session chose; where times mean nothing, one tuned on any GPU will do."""
        records = self.tuning.records
        if records is None:
            return None
        return stored_point(records, candidates.space, self.fn, key)

    def _tuned(self, candidates: Candidates, launch: Launch, key: ArgumentKey) -> LockedResult:
        tuning = self.tuning
        if key.device is None and tuning.measure is None:
            raise TimesMeanNothingError(self._no_device())
        if key.device is not None:
            _refuse_capture(self.__name__)
        oracle = Oracle(
            launch.named,
            restore_value=tuning.restore_value,
            reset_to_zero=tuning.reset_to_zero,
            reference=tuning.reference,
            tolerance=tuning.tolerance,
        )
        timer = tuning.measure or measure_milliseconds
        listed = bool(candidates.configs)
        try:
            result = tune(
                candidates.space,
                TritonWorkload(launch, candidates, oracle, timer, owner=self),
                strategy=tuning.strategy or (FiniteSearch() if listed else "default"),
                budget=tuning.budget,
                seeds=[candidates.first()],
                key=key.text(self.fn),
                records=tuning.records,
                jobs=tuning.jobs,
                progress=tuning.progress,
                isolation=self._isolation(key),
            )
        finally:
            oracle.restore()
        best = result.best
        return LockedResult(self.__name__, key.text(self.fn), best.point, best.milliseconds)

    def _isolation(self, key: ArgumentKey) -> Isolation | bool | None:
        """How candidates are measured: without a GPU in this process, as nothing can happen that would need another.

        The process that workers are forked from stays for the kernel's next key.
        """
        given = self.tuning.isolation
        if key.device is None or given is False:
            return False
        if sys.platform != "linux":
            return given
        if given is None or given is True:
            given = Isolation(required=bool(given))
        if self._servers is None:
            from helion_autotune.isolation import ForkServers  # needs what Linux has

            self._servers = ForkServers()
        return attrs.evolve(given, servers=given.servers or self._servers)

    def _no_device(self) -> str:
        return (
            f"{self.__name__} has {self.candidates.space.size} configs to choose from, but runs without a GPU "
            "(in Triton's interpreter, or on tensors of the CPU), where times mean nothing. Ways out: "
            f"{self.__name__}.fix(config) chooses one for this process; a list of one config leaves no choice; "
            "records=PATH of a session on a GPU holds its result"
        )


def _refuse_capture(name: str) -> None:
    import torch

    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            f"{name} must be tuned for these arguments, which cannot happen while a CUDA graph is captured; "
            "launch it once with them before the capture"
        )


def autotune(  # noqa: PLR0913 - the public interface; all but two are keywords with defaults
    configs: Space | Sequence[Any],
    key: Iterable[str] = (),
    *,
    restore_value: Iterable[str] = (),
    reset_to_zero: Iterable[str] = (),
    reference: Reference | None = None,
    tolerance: float | None = None,
    strategy: str | Strategy | None = None,
    budget: Budget = NO_LIMIT,
    records: Records | str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    measure: Measure | None = None,
    lock: LockFile | str | os.PathLike[str] | None = None,
    frozen: bool | None = None,
    agree: Any = None,
    isolation: Isolation | bool | None = None,
    prune: Predicate | Mapping[str, Any] | None = None,
) -> Callable[[Any], TunedKernel]:
    """Decorate a ``@triton.jit`` kernel: tuned once for each value of the arguments named by ``key``.

    ``configs``: a list of ``triton.Config``, all of which are tried, or a Space over constexpr arguments and launch
    options (num_warps, num_stages, ...), which is searched. ``restore_value`` and ``reset_to_zero`` name tensors that
    every launch needs as they were, or zeroed. Every candidate's results are compared with the first config's, or with
    those of ``reference(**arguments)``, which returns expected tensors by argument name; ``tolerance`` is relative.
    ``strategy`` (default: the whole list; "default" for a Space), ``budget``, ``records``, ``jobs``, ``progress``
    and ``isolation`` are those of :func:`helion_autotune.tune`: candidates run in a worker process, which imports the
    kernel's module; a kernel of the main program is measured here. ``measure`` replaces :func:`measure_milliseconds`.
    ``lock`` is a file of chosen points to commit, ``frozen=True`` refuses to tune, ``agree=True`` (or a process group)
    lets rank 0 of a ``torch.distributed`` job choose for all: see :class:`helion_autotune.Chooser`, also for the
    environment variables. ``prune(config, arguments)``, both by name, is true for configs that are not worth trying for
    a launch; the dict that ``triton.autotune`` takes as ``prune_configs_by`` does as well.
    """
    tuning = Tuning(
        key=key,
        restore_value=restore_value,
        reset_to_zero=reset_to_zero,
        reference=reference,
        tolerance=tolerance,
        strategy=strategy,
        budget=budget,
        records=records,
        jobs=jobs,
        progress=progress,
        measure=measure,
        lock=lock,
        frozen=frozen,
        agree=agree,
        isolation=isolation,
        prune=prune,
    )
    return lambda kernel: TunedKernel(kernel, configs, tuning)
