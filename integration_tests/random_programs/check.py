"""Compile one random program, run it, and say what came of it."""

from __future__ import annotations

import importlib.util
import math
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

import helion
from helion import exc, reference
from helion_compiler.building import parse_target, target_of_device
from helion_compiler.pipeline import make_source
from helion_compiler.program.printer import print_program
from helion_compiler.tracing.arguments import device_of
from integration_tests.poisoned import run_poisoned

from .configs import SlowToCompileError, first_that_runs
from .limits import SECONDS, TookTooLongError, limited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion_compiler.specialized_kernel import SpecializedKernel

    from .limits import Compiler
    from .program import RandomProgram

RETRACED = 4
"""One in so many programs is traced twice to see whether its source is the same; of others, it is emitted twice."""

Kind = Literal["passed", "refused", "wrong", "error", "timeout", "crash"]


@attrs.frozen
class Outcome:
    """What came of one program: ``detail`` is an error's class for refusals, and all there is to know for failures."""

    number: int
    kind: Kind
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Whether the compiler is to blame."""
        return self.kind not in ("passed", "refused")


_PASSES_FAILED = "PassManager::run failed"
"""What Triton says where its own passes fail on code that it took: such configs are refused."""


class _NotCompiledError(Exception):
    """Triton refuses what its interpreter runs."""


def check(
    program: RandomProgram,
    device: str = "cpu",
    *,
    attempt: int = 0,
    seconds: float = SECONDS,
    target: str | None = None,
    compiler: Compiler | None = None,
) -> Outcome:
    """One program on one random config, for so many seconds; nothing is raised.

    ``target`` is what it has to compile for, too; ``compiler`` compiles, or else this process.
    """
    try:
        with limited(device, seconds):
            wrong = _check(program, device, attempt, target, compiler)
    except TookTooLongError:
        return Outcome(program.number, "timeout", traceback.format_exc())
    except SlowToCompileError as slow:
        return Outcome(program.number, "refused", f"SlowToCompile: {slow}")
    except (exc.InternalError, _NotCompiledError):
        return Outcome(program.number, "error", traceback.format_exc())
    except exc.HelionError as error:
        where = "reference " if _in_reference(error) else ""
        return Outcome(program.number, "refused", f"{where}{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001  # whatever it is, the report shows it
        return Outcome(program.number, "error", traceback.format_exc())
    return Outcome(program.number, "wrong" if wrong else "passed", wrong or "")


def _in_reference(error: BaseException) -> bool:
    return any(
        "/helion/reference/" in frame.filename
        for frame in traceback.extract_tb(error.__traceback__)
    )


def _check(
    program: RandomProgram,
    device: str,
    attempt: int,
    target: str | None,
    compiler: Compiler | None,
) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        function = _load(program, Path(folder))
        arguments = program.arguments(device)
        expected = reference.run(function, arguments, precision="high").outputs
        bound = _bind(function, program, arguments)
        print_program(bound.program)
        config, results = _run(bound, program, arguments, attempt, compiler)
        _check_deterministic(function, program, arguments, bound, config)
        _check_compiles(bound, config, target, compiler)
        found = list(_differences(program, results, expected))
        if not found:
            return None
        if _depends_on_tiles(program, function, arguments, expected):
            found.append(
                "reference mode says otherwise with other block sizes: the program depends on tiles"
            )
        return "\n".join([*found, repr(config), bound.lower(config).emitted.source])


def _load(program: RandomProgram, folder: Path) -> Any:
    name = f"helion_random_program_{program.number}"
    path = folder / f"{name}.py"
    path.write_text(program.source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module.kernel


def _bind(function: Any, program: RandomProgram, arguments: tuple[Any, ...]) -> SpecializedKernel:
    kernel: Any = helion.kernel(function, static_shapes=program.static_shapes)
    specialized: SpecializedKernel = kernel.bind(arguments)._implementation.specialized
    return specialized


def _check_deterministic(
    function: Any,
    program: RandomProgram,
    arguments: tuple[Any, ...],
    bound: SpecializedKernel,
    config: helion.Config,
) -> None:
    first = bound.lower(config).emitted.source
    if program.number % RETRACED:
        _, emitted = make_source(
            bound.program, bound.space.point(config), bound.definition.settings, bound.traits
        )
        second = emitted.source
    else:
        second = _bind(function, program, arguments).lower(config).emitted.source
    assert first == second, f"the same program gave two sources:\n{first}\n{second}"


def _check_compiles(
    bound: SpecializedKernel, config: helion.Config, target: str | None, compiler: Compiler | None
) -> None:
    if target is None:
        return
    try:
        bound.build(config, parse_target(target), compiler)
    except TimeoutError as error:
        raise SlowToCompileError(str(error)) from error
    except exc.TritonError as error:
        if _PASSES_FAILED in str(error):
            raise
        raise _NotCompiledError(bound.lower(config).emitted.source) from error


def _run(
    bound: SpecializedKernel,
    program: RandomProgram,
    arguments: tuple[Any, ...],
    attempt: int,
    compiler: Compiler | None,
) -> tuple[helion.Config, Any]:
    leaves = bound.call.leaves_of(arguments)
    device = device_of(leaves)

    def build(config: helion.Config) -> None:
        if device.type != "cpu":
            bound.build(config, target_of_device(device), compiler)

    return first_that_runs(
        bound,
        [program.number, attempt],
        build,
        lambda config: run_poisoned(bound, config, leaves),
    )


# Comparing.


def _differences(program: RandomProgram, results: Any, expected: Any) -> Iterator[str]:
    for output, actual, wanted in zip(program.outputs, results, expected, strict=True):
        if actual.shape != wanted.shape:
            yield f"{output.name} has the shape {tuple(actual.shape)}, not {tuple(wanted.shape)}"
            continue
        allowed = 2 * output.error
        off = (actual.double() - wanted.double().to(actual.device)).abs()
        off = off.nan_to_num(nan=math.inf)
        wrong = off > allowed
        if bool(wrong.any()):
            place = tuple(wrong.nonzero()[0].tolist())
            yield (
                f"{output.name}: {int(wrong.sum())} of {wrong.numel()} elements are off by more than "
                f"{allowed:.3g}, first at {place}: {actual[place].item()} instead of {wanted[place].item()}"
            )


def _depends_on_tiles(
    program: RandomProgram, function: Any, arguments: tuple[Any, ...], expected: Any
) -> bool:
    for size in (1, 2, 8):
        again = reference.run(function, arguments, precision="high", block_sizes=size).outputs
        if any(_differences(program, again, expected)):
            return True
    return False
