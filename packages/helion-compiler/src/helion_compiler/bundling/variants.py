"""Compile: from requests to variants with their binaries, each for one target."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from helion_compiler.building import parse_target, shared_memory_of, without_line_info
from helion_compiler.building.compile_pool import CompilePool
from helion_compiler.building.line_info import WITHOUT_LINE_INFO
from helion_compiler.bundling.errors import BundleRequestError
from helion_compiler.bundling.size_ranges import within
from helion_compiler.bundling.widen_guard import widen_guard

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from types import CodeType

    from helion import Config
    from helion_compiler.building import Target
    from helion_compiler.bundling.request import BuildRequest
    from helion_compiler.bundling.tuned_configs import ChosenConfig, TunedConfigs
    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_runtime import KernelImage
    from helion_runtime.entries import VariantEntry
    from helion_runtime.recompiling.recipe import Recipe

    Compiler: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

_PATIENCE_SECONDS = 600.0


@attrs.frozen(eq=False)
class CompiledVariant:
    """A variant of an op, ready to be put into a bundle.

    ``arguments`` are the op's, with captures. ``chosen`` is its config, and where that comes from.
    ``code`` is the kernel's; ``fixed`` what else of its call no later call can show: the values of
    constants, and the code of functions.
    """

    op: str
    arguments: tuple[str, ...]
    target: Target
    variant: VariantEntry
    image: KernelImage
    source: str
    chosen: ChosenConfig
    recipe: Recipe
    code: CodeType
    fixed: Hashable


@attrs.frozen(eq=False)
class _Task:
    request: BuildRequest
    bound: SpecializedKernel
    chosen: ChosenConfig
    target: Target

    @property
    def config(self) -> Config:
        """The config to compile."""
        return self.chosen.config


def compile_variants(
    requests: Sequence[BuildRequest],
    targets: Sequence[str],
    *,
    tuned: TunedConfigs | None = None,
    jobs: int | None = None,
    progress: Callable[[CompiledVariant], None] | None = None,
) -> tuple[CompiledVariant, ...]:
    """Every request for each of its targets, in the order given. ``progress`` is told of each as it
    is finished.

    Raises:
        helion.exc.HelionError: a request cannot be traced, does not fit its config, or does not compile.
    """
    tasks = [task for request in requests for task in _tasks(request, targets, tuned)]
    jobs = min(jobs or os.cpu_count() or 1, len(tasks))
    finished = []
    for item in _one_by_one(tasks) if jobs == 1 else _side_by_side(tasks, jobs):
        finished.append(item)
        if progress is not None:
            progress(item)
    return tuple(finished)


def _one_by_one(tasks: Sequence[_Task]) -> Iterator[CompiledVariant]:
    with without_line_info():
        for task in tasks:
            yield _compile(task, None)


def _side_by_side(tasks: Sequence[_Task], jobs: int) -> Iterator[CompiledVariant]:
    """In processes, for Triton holds Python's lock; the threads here only wait for them."""
    pool = CompilePool(jobs, timeout=_PATIENCE_SECONDS, environment=WITHOUT_LINE_INFO)
    with pool, ThreadPoolExecutor(jobs) as threads:
        running = [threads.submit(_compile, task, pool.compile) for task in tasks]
        try:
            for future in running:
                yield future.result()
        finally:
            for future in running:
                future.cancel()


def _tasks(
    request: BuildRequest, targets: Sequence[str], tuned: TunedConfigs | None
) -> list[_Task]:
    chosen = request.targets if request.targets is not None else tuple(targets)
    if not chosen:
        raise BundleRequestError(
            problem=f"no target is named for `{request.op}`", remedy="name one, such as sm_90"
        )
    parsed = list(dict.fromkeys(parse_target(name) for name in chosen))
    bound = {target.traits: request.bind(target) for target in parsed}
    configs = {traits: request.choose_config(one, tuned) for traits, one in bound.items()}
    for (
        traits,
        one,
    ) in bound.items():  # a config that does not fit is refused before anything compiles
        one.lower(configs[traits].config)
    return [
        _Task(request, bound[target.traits], configs[target.traits], target) for target in parsed
    ]


def _compile(task: _Task, compiler: Compiler | None) -> CompiledVariant:
    try:
        built = task.bound.build(task.config, task.target, compiler)
    except TimeoutError as error:
        raise BundleRequestError(
            problem=f"`{task.request.op}` with {task.config} for {task.target.name}: {error}",
            remedy="give another config, or --jobs 1 to wait as long as it takes",
        ) from error
    _check_shared_memory(task, built.image.entry.shared)
    return CompiledVariant(
        op=task.request.op,
        arguments=task.bound.call.names,
        target=task.target,
        variant=within(
            widen_guard(built.variant, task.bound.lower(task.config).program),
            task.bound.call.names,
            task.request.ranged,
        ),
        image=built.image,
        source=task.bound.lower(task.config).emitted.source,
        chosen=task.chosen,
        recipe=built.recipe,
        code=task.bound.call.kernel.code,
        fixed=task.bound.call.static,
    )


def _check_shared_memory(task: _Task, needed: int) -> None:
    """What no device of the target can launch is not put into a bundle; targets that the table
    lacks are checked when loaded."""
    limit = shared_memory_of(task.target)
    if limit is not None and needed > limit:
        raise BundleRequestError(
            problem=f"`{task.request.op}` with {task.config} needs {needed} bytes of shared memory per block, "
            f"{task.target.name} has {limit}",
            remedy=f"give a config with smaller blocks or fewer stages for {task.target.name}",
        )
