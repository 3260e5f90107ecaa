"""``on_miss="jit"``: compile a variant of an op again, from the bundle's source, for a call that no binary serves.

In: calls whose arguments fit a variant, on a device that none of its binaries is for, or with tensors that do not start
at multiples of 16 bytes. Out: a variant more, behind the others, which says so in the log whenever a signature first
meets it. What a source was generated for (sizes, strides, dtypes, numbers) it goes on being for: other calls are still
misses.
"""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from helion_runtime.architecture import parse_architecture
from helion_runtime.entries import DescriptorArgument, PointerArgument
from helion_runtime.errors import NoTritonError, RecompileError
from helion_runtime.operator_results import memory_roots
from helion_runtime.plan import ArgumentMetadata, serves
from helion_runtime.recompiling import worker
from helion_runtime.recompiling.images import image_of
from helion_runtime.recompiling.recipe import read_recipe
from helion_runtime.record import Record, replace
from helion_runtime.signature import misaligned_positions, mismatches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.dispatch import Dispatcher
    from helion_runtime.entries import KernelEntry, LaunchEntry, VariantEntry
    from helion_runtime.modules import KernelImage, ModuleLoader

    Compiler = Callable[[dict[str, Any]], dict[str, Any]]

_log = logging.getLogger("helion_runtime")
_PATIENCE_SECONDS = 600.0

UNSERVED = (
    "on_miss='jit' compiles a variant that takes such arguments for another device, or for tensors that are not "
    "aligned; here no variant takes them"
)


class Sources(Record, eq=False):
    """What recompiling needs of a bundle: its kernels and their Triton sources by name, what they were built with, and
    where it is."""

    kernels: Mapping[str, KernelEntry]
    texts: Mapping[str, str]
    triton: str
    path: str


class Recompiler:
    """Compiles variants of one op. Safe to use from any thread.

    ``compiler`` answers a request of :mod:`helion_runtime.recompiling.worker`; by default a process of its own does.
    """

    def __init__(
        self,
        variants: Sequence[VariantEntry],
        sources: Sources,
        loader: ModuleLoader,
        compiler: Compiler | None = None,
    ) -> None:
        self._variants = [each for each in variants if self._is_for_cuda(each, sources)]
        self._sources = sources
        self._loader = loader
        self._compile = compiler or compile_elsewhere
        self._made: set[tuple[int, tuple[int, int], frozenset[int]]] = set()
        self._lock = threading.Lock()

    def serve(self, op: Dispatcher, args: tuple[Any, ...], device: int) -> str | None:
        """Add a variant for a call with ``args`` to ``op``; returns why there is none to add.

        Raises:
            NoTritonError: Triton is not installed.
            RecompileError: the bundle lacks what is needed, or Triton refuses the source.
        """
        driver = self._loader.driver
        metadata = ArgumentMetadata(args, lambda: driver.properties(device).sm_count)
        reason = UNSERVED
        for number, variant in enumerate(self._variants):
            if mismatches(variant, op.arguments, args) or not serves(variant, metadata):
                continue
            unaligned = frozenset(misaligned_positions(variant, args))
            described = _described(variant, unaligned)
            if described & unaligned:
                names = ", ".join(op.arguments[position] for position in described & unaligned)
                reason = f"on_miss='jit': tensor descriptors need {names} to start at a multiple of 16 bytes"
                continue
            self._add(op, number, unaligned, driver.properties(device).capability)
            return None
        return reason

    def _add(
        self, op: Dispatcher, number: int, unaligned: frozenset[int], capability: tuple[int, int]
    ) -> None:
        with self._lock:
            if (number, capability, unaligned) in self._made:
                return
            variant = self._variants[number]
            images = [
                self._recompiled(op.name, variant, launch, unaligned, capability)
                for launch in variant.launches
            ]
            launches = tuple(
                replace(launch, kernel=image.entry.name)
                for launch, image in zip(variant.launches, images, strict=True)
            )
            aligned = tuple(each for each in variant.aligned if each not in unaligned)
            added = replace(variant, launches=launches, aligned=aligned)
            note = f"runs kernels that were compiled here, from the source in {self._sources.path}"
            op.add(added, {image.entry.name: image for image in images}, note=note)
            self._made.add((number, capability, unaligned))

    def _recompiled(
        self,
        op: str,
        variant: VariantEntry,
        launch: LaunchEntry,
        unaligned: frozenset[int],
        capability: tuple[int, int],
    ) -> KernelImage:
        """The kernel of a launch, compiled for a device of ``capability``."""
        name = launch.kernel
        where = f"{self._sources.path}: source/{name}.py"
        source = self._sources.texts.get(name)
        if source is None:
            raise RecompileError(
                f"op {op!r}: {where} is not in the bundle, so it cannot be compiled here"
            )
        self._require_triton(op)
        recipe = read_recipe(source, where)
        if len(recipe.types) != len(launch.arguments):
            raise RecompileError(
                f"{where}: its recipe has {len(recipe.types)} parameters, the launch {len(launch.arguments)}"
            )
        roots = memory_roots(variant)
        divisible = [
            known and not (isinstance(item, PointerArgument) and roots[item.buffer] in unaligned)
            for known, item in zip(recipe.divisible, launch.arguments, strict=True)
        ]
        entry = self._sources.kernels[name]
        architecture = 10 * capability[0] + capability[1]
        request = {
            "name": entry.symbol,
            "source": source,
            "file": f"<{where}>",
            "types": list(recipe.types),
            "divisible": divisible,
            "backend": "cuda",
            "binary": "cubin",
            "architecture": architecture,
            "warp_size": entry.warp_size,
            "options": recipe.options,
        }
        _log.warning(
            "op %r: compiling kernel %r for sm_%d from the source in %s, as on_miss='jit' asks",
            op,
            name,
            architecture,
            self._sources.path,
        )
        try:
            answer = self._compile(request)
        except RecompileError as error:
            raise RecompileError(
                f"op {op!r}: Triton cannot compile {where} for sm_{architecture}: {error}"
            ) from error
        return image_of(answer, request, entry.config)

    def _require_triton(self, op: str) -> None:
        if self._compile is compile_elsewhere and find_spec("triton") is None:
            version = f"=={self._sources.triton}" if self._sources.triton else ""
            raise NoTritonError(
                f"op {op!r}: no binary serves this call, and on_miss='jit' takes Triton, which is not installed: "
                f"pip install triton{version}"
            )

    @staticmethod
    def _is_for_cuda(variant: VariantEntry, sources: Sources) -> bool:
        entries = (sources.kernels[launch.kernel] for launch in variant.launches)
        return all(parse_architecture(entry.arch).blob_format != "hsaco" for entry in entries)


def _described(variant: VariantEntry, unaligned: frozenset[int]) -> frozenset[int]:
    """The arguments that kernels reach through tensor descriptors."""
    if not unaligned:
        return frozenset()
    roots = memory_roots(variant)
    found = (
        roots[item.buffer]
        for launch in variant.launches
        for item in launch.arguments
        if isinstance(item, DescriptorArgument)
    )
    return frozenset(root for root in found if root is not None)


def compile_elsewhere(request: dict[str, Any]) -> dict[str, Any]:
    """The worker's answer, from a process that ends with it.

    Raises:
        RecompileError: Triton refuses the source, or the process fails.
    """
    try:
        done = subprocess.run(
            # -P: the worker's own folder is no place to import from.
            [sys.executable, "-P", worker.__file__],
            input=json.dumps(request) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RecompileError(str(error)) from error
    if not done.stdout:
        raise RecompileError(
            f"the compiling process ended with {done.returncode}: {done.stderr[-300:]}"
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise RecompileError(answer["error"])
    answer["binary"] = base64.b64decode(answer["binary"])
    return answer
