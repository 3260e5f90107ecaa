"""Decide on a config: the author's, a stored result, a measured one of several, or the winner of a search."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from helion import Config, exc
from helion_autotune import (
    Budget,
    CannotMeasureError,
    Chooser,
    LockedResult,
    LockFile,
    LockFileError,
    NoCandidateWorked,
    NoProgress,
    NotPortableError,
    NotTunedError,
    Question,
    RanksDisagreeError,
    RecordsError,
    Space,
    progress_for,
    tune,
)
from helion_autotune.parameters import Choice
from helion_compiler.building.compile_pool import CompilePool
from helion_compiler.tracing.arguments import device_of
from helion_compiler.tuning.cached_configs import cached_configs
from helion_compiler.tuning.comparing import own_random_numbers
from helion_compiler.tuning.store import open_store
from helion_compiler.tuning.untuned import find_oracle, untuned_config
from helion_compiler.tuning.workload import KernelWorkload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_autotune import Isolation, Progress
    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_compiler.tuning.oracle import Oracle
    from helion_compiler.tuning.store import Store
    from helion_compiler.tuning.worker_source import WorkerSource

BUDGET_SECONDS = {"quick": 30.0, "full": 240.0}
ORACLE_SHARE = 0.2
"""How much of a search's time the kernel's own Python may take to say what is right."""


def choose_config(
    kernel: SpecializedKernel, leaves: Sequence[Any], workers: WorkerSource
) -> Config:
    """The config of a first call.

    On CPU tensors, where times mean nothing, the author's first config or the default runs. On a GPU one
    config runs at once, several are measured, and none means a stored result or a search, as the settings say.
    """
    settings = kernel.definition.settings
    configs = kernel.definition.configs
    if device_of(leaves).type != "cuda":
        return configs[0] if configs else kernel.space.default_config()
    if len(configs) == 1 and not settings.force_autotune:
        return configs[0]
    if len(configs) > 1 and not settings.force_autotune and settings.autotuner_fn is None:
        return _fastest_of(kernel, leaves, configs)
    if settings.autotune_effort == "none":
        return untuned_config(kernel, leaves)
    return autotune(kernel, leaves, workers, force=settings.force_autotune, options={})


def autotune(
    kernel: SpecializedKernel,
    leaves: Sequence[Any],
    workers: WorkerSource,
    *,
    force: bool,
    options: Mapping[str, Any],
) -> Config:
    """Search the config space, or take the locked or stored result where ``force`` does not forbid it.

    With the setting ``autotuner_fn``, configs from the cache are measured in place of a search.

    Raises:
        helion.exc.AutotuneError: there is no GPU to measure on, or the search could not start.
        helion.exc.AutotuningDisallowedInEnvironment: the settings forbid searching.
        helion.exc.NoConfigFound: nothing ran and gave the right result.
    """
    options = {"began": time.monotonic(), **options}
    settings = kernel.definition.settings
    name = kernel.definition.name
    if device_of(leaves).type != "cuda" or not torch.cuda.is_available():
        raise exc.AutotuneError(
            kernel=name, reason="times are only meaningful on a GPU, and the tensors are not on one"
        )
    space = kernel.space.space
    store = open_store(kernel, leaves)
    chooser = Chooser(
        None if settings.autotune_lock is None else LockFile(settings.autotune_lock),
        frozen=settings.disallow_autotuning,
        agree=settings.autotune_agree,
    )

    def measured() -> LockedResult:
        config = _measured(kernel, leaves, store, workers.isolation(settings), options)
        return LockedResult(name, store.key, kernel.space.point(config))

    try:
        point = chooser.choose(
            Question(name, store.key, space),
            stored=lambda: store.best(space),
            tuned=measured,
            anew=force,
        )
    except NotTunedError as error:
        raise exc.AutotuningDisallowedInEnvironment(kernel=name, notes=(str(error),)) from error
    except (LockFileError, RanksDisagreeError) as error:
        raise exc.AutotuneError(kernel=name, reason=str(error)) from error
    return kernel.space.config(point)


def _measured(
    kernel: SpecializedKernel,
    leaves: Sequence[Any],
    store: Store,
    isolation: Isolation | bool,
    options: Mapping[str, Any],
) -> Config:
    """The winner of a search, or of the configs that ``autotuner_fn`` names; it is stored."""
    settings, space = kernel.definition.settings, kernel.space.space
    name = kernel.definition.name
    store.prepare()
    if settings.autotuner_fn is not None:
        known = cached_configs(kernel, store, settings.autotuner_fn)
        config = known[0] if len(known) == 1 else _fastest_of(kernel, leaves, known)
        store.remember(space, kernel.space.point(config))
        return config
    seeds = list(kernel.space.starts)
    seeds += [kernel.space.point(config) for config in kernel.definition.configs]
    seconds = _seconds(kernel, options)
    budget = Budget(seconds, options.get("evaluations"), began=options["began"])
    # A search that never ended goes on from its records; one that is asked for again measures anew.
    key = store.key if store.best(space) is None else f"{store.key} {time.time_ns()}"
    # Host code that draws random numbers is timed, too; what the author draws afterwards stays as it was.
    with (
        own_random_numbers(),
        CompilePool(_jobs(kernel), settings.autotune_compile_timeout) as pool,
    ):
        oracle = _oracle(kernel, leaves, seconds)
        workload = KernelWorkload(kernel, leaves, oracle, compiler=pool.compile)
        config = _search(
            kernel,
            workload,
            store,
            seeds=seeds,
            budget=budget,
            key=key,
            isolation=isolation,
            options=options,
        )
    store.remember(space, kernel.space.point(config))
    print(
        f"To skip the search, decorate {name} with\n    @helion.kernel(config={config!r})",
        file=sys.stderr,
    )
    return config


def _search(
    kernel: SpecializedKernel,
    workload: KernelWorkload,
    store: Store,
    *,
    seeds: Sequence[Mapping[str, Any]],
    budget: Budget,
    key: str,
    isolation: Isolation | bool,
    options: Mapping[str, Any],
) -> Config:
    settings, space = kernel.definition.settings, kernel.space.space
    valid = [seed for seed in seeds if not space.check(seed)]
    try:
        result = tune(
            space,
            workload,
            strategy=options.get("strategy", "default"),
            budget=budget,
            seeds=valid,
            key=key,
            records=store.records,
            rng_seed=settings.autotune_random_seed or 0,
            jobs=_jobs(kernel),
            progress=_progress(kernel),
            isolation=isolation,
        )
    except NoCandidateWorked as error:
        raise _none_worked(kernel, error) from error
    except (CannotMeasureError, NotPortableError) as error:
        raise exc.AutotuneError(kernel=kernel.definition.name, reason=str(error)) from error
    except RecordsError as error:
        raise exc.CacheNotWritable(path=settings.autotune_cache, reason=str(error)) from error
    return kernel.space.config(result.best.point)


def _fastest_of(
    kernel: SpecializedKernel, leaves: Sequence[Any], configs: Sequence[Config]
) -> Config:
    """Measure these configs and keep the fastest; nothing is searched or stored.

    In this process, as a single config would run: the author chose them, or an earlier search measured them, and a
    worker takes longer to start than a few of them take.
    """
    texts = [config.to_json() for config in configs]
    space = Space({"config": Choice(texts, default=texts[0])})
    oracle = _oracle(kernel, leaves, _seconds(kernel, {}))
    workload = KernelWorkload(kernel, leaves, oracle, listed=True)
    try:
        with own_random_numbers():
            result = tune(
                space,
                workload,
                strategy="finite",
                jobs=os.cpu_count(),
                seeds=[{"config": t} for t in texts],
                isolation=False,
            )
    except NoCandidateWorked as error:
        raise _none_worked(kernel, error) from error
    return Config.from_json(str(result.best.point["config"]))


def _oracle(
    kernel: SpecializedKernel, leaves: Sequence[Any], seconds: float
) -> Callable[[], Oracle] | None:
    """What makes the oracle of a search of so many seconds, if there is to be one."""
    if not kernel.definition.settings.autotune_accuracy_check:
        return None
    return partial(find_oracle, kernel, leaves, ORACLE_SHARE * seconds)


def _none_worked(kernel: SpecializedKernel, error: NoCandidateWorked) -> exc.NoConfigFound:
    return exc.NoConfigFound(
        tried=len(error.trials), kernel=kernel.definition.name, notes=str(error).splitlines()[1:]
    )


def _jobs(kernel: SpecializedKernel) -> int:
    return kernel.definition.settings.autotune_precompile_jobs or os.cpu_count() or 1


def _effort(kernel: SpecializedKernel) -> str:
    effort = kernel.definition.settings.autotune_effort
    return "quick" if effort == "none" else effort


def _seconds(kernel: SpecializedKernel, options: Mapping[str, Any]) -> float:
    given = options.get("seconds") or kernel.definition.settings.autotune_budget_seconds
    return float(given) if given is not None else BUDGET_SECONDS[_effort(kernel)]


def _progress(kernel: SpecializedKernel) -> Progress:
    if not kernel.definition.settings.autotune_progress_bar:
        return NoProgress()
    return progress_for(
        sys.stderr, lambda point: repr(kernel.space.config(point)).removeprefix("helion.")
    )
