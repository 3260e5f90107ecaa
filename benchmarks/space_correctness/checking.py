"""Draw a config of each kernel that a case runs, compile it, run it and compare."""

from __future__ import annotations

import copy
import itertools
import json
import math
import traceback
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import torch

from benchmarks.space_correctness.cases import DRAWS_ALIKE, names
from benchmarks.space_correctness.comparing import differences
from benchmarks.space_correctness.compiling import why_excluded
from benchmarks.space_correctness.outcome import Outcome
from gallery.calls import KernelCall, calls_of
from gallery.case import Case, Maker
from helion import exc, reference
from helion_autotune.space import NoValidPointError
from helion_compiler.building import parse_target, target_of_device
from helion_compiler.compiled_kernel import CompiledKernel
from helion_compiler.tuning.comparing import same_random_numbers
from helion_runtime.errors import SharedMemoryError
from integration_tests.poisoned import run_poisoned
from random_cases import iterations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import helion
    from benchmarks.space_correctness.compiling import Compiler
    from helion_compiler.building.targets import Target
    from helion_compiler.specialized_kernel import SpecializedKernel

MOST_STEPS = 400.0
"""How often innermost bodies may run in the interpreter, roughly: a millisecond or two each."""
_TRIES = 60
_LONGEST_DETAIL = 3000


@attrs.frozen(eq=False)
class Prepared:
    """One kernel of a case, with arguments, and what reference mode makes of them."""

    call: KernelCall
    bound: SpecializedKernel
    expected: Any
    mutated: Mapping[int, Any]
    _elsewhere: dict[str, SpecializedKernel] = attrs.field(factory=dict, init=False)

    def bound_for(self, target: Target) -> SpecializedKernel:
        """The same specialization with the configs that another target has."""
        if target.name not in self._elsewhere:
            compiled = CompiledKernel(self.bound.definition, target.traits)
            self._elsewhere[target.name] = compiled.bind(self.call.arguments).specialized
        return self._elsewhere[target.name]


@attrs.frozen(eq=False)
class CaseChecker:
    """The draws of one case on one device. Calls are made once for each choice of sizes and dtype.

    ``compiler`` compiles for a GPU, and for ``targets``.
    """

    name: str
    device: str
    compiler: Compiler
    targets: Sequence[str] = ()
    _prepared: dict[tuple[tuple[int, ...], torch.dtype], list[Prepared]] = attrs.field(
        factory=dict, init=False
    )

    def check(self, draw: int) -> list[Outcome]:
        """One outcome for each kernel that the case runs; nothing is raised."""
        sizes, dtype = self._call(draw)
        described = f"{'x'.join(map(str, sizes))} {str(dtype).removeprefix('torch.')}"
        try:
            prepared = self.prepared(draw)
        except Exception:  # noqa: BLE001  # whatever it is, the report shows it
            return [Outcome(self.name, draw, "", described, "error", traceback.format_exc())]
        return [self._check(one, draw, described) for one in prepared]

    def prepared(self, draw: int) -> list[Prepared]:
        """The kernels that the case runs, with the arguments of this draw."""
        call = self._call(draw)
        if call not in self._prepared:
            self._prepared.clear()  # one at a time: tensors for a GPU are large
            sizes, dtype = call
            make = Maker(dtype, self.device)
            self._prepared[call] = [_prepare(c) for c in calls_of(self.case, sizes, make)]
        return self._prepared[call]

    @property
    def case(self) -> Case:
        """The one that is checked."""
        return names()[self.name]

    def _call(self, draw: int) -> tuple[tuple[int, ...], torch.dtype]:
        """Sizes and dtype of a draw."""
        runs = self._runs(self.case)
        sizes, dtype = runs[draw // DRAWS_ALIKE % len(runs)]
        return tuple(sizes), dtype

    def _runs(self, case: Case) -> list[Any]:
        """On a GPU the large sizes take turns with the small ones."""
        small = list(case.runs())
        if self.device == "cpu":
            return small
        large = [(case.large, dtype) for dtype in case.dtypes]
        return [run for pair in zip(itertools.cycle(large), small, strict=False) for run in pair]

    def _check(self, one: Prepared, draw: int, described: str) -> Outcome:
        outcome = Outcome(self.name, draw, one.call.kernel.name, described, "equal")
        try:
            config = drawn(one.bound, draw, MOST_STEPS if self.device == "cpu" else math.inf)
        except Exception:  # noqa: BLE001  # a space that has no points is a finding
            return attrs.evolve(outcome, kind="error", detail=traceback.format_exc())
        outcome = attrs.evolve(outcome, config=json.loads(config.to_json()))
        outcome = self._compiled(one, config, outcome)
        try:
            if self.device != "cpu":
                self.compiler.build(one.bound, config, target_of_device(torch.device(self.device)))
            wrong = run(self.case, one, config)
        except TimeoutError as error:
            return attrs.evolve(outcome, kind="slow to compile", detail=str(error))
        except exc.InternalError:
            return attrs.evolve(outcome, kind="error", detail=traceback.format_exc())
        except (exc.HelionError, SharedMemoryError) as error:
            detail = f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL]
            return attrs.evolve(outcome, kind="refused", detail=detail)
        except Exception:  # noqa: BLE001  # as above
            return attrs.evolve(outcome, kind="error", detail=traceback.format_exc())
        return attrs.evolve(outcome, kind="wrong" if wrong else "equal", detail="; ".join(wrong))

    def _compiled(self, one: Prepared, config: helion.Config, outcome: Outcome) -> Outcome:
        """The outcome with what each target says to the config, or to one of its own space that has not this one."""
        targets, instead = {}, {}
        for name in self.targets:
            target, tried = parse_target(name), config
            bound = one.bound_for(target)
            if reason := why_excluded(bound, config):
                try:
                    point = bound.space.space.sample(_rng(bound, outcome.draw))
                except NoValidPointError:
                    targets[name] = f"no config for this target: {reason}"
                    continue
                tried = bound.space.config(point)
                instead[name] = {"reason": reason, "config": json.loads(tried.to_json())}
            targets[name] = self.compiler.answer(bound, tried, target)
        return attrs.evolve(outcome, targets=targets, instead=instead)


def _prepare(call: KernelCall) -> Prepared:
    bound: Any = call.kernel.bind(call.arguments)
    specialized: SpecializedKernel = bound._implementation.specialized
    with same_random_numbers():
        if specialized.program.host_draws:  # higher precision would draw other numbers
            result = reference.run(call.kernel.fn, copy.deepcopy(call.arguments))
        else:
            result = _reference(call)
    return Prepared(call, specialized, result.outputs, result.mutated)


def _reference(call: KernelCall) -> Any:
    """In higher precision; a kernel with Triton source in it has no reference but its own default config."""
    try:
        return reference.run(call.kernel.fn, call.arguments, precision="high")
    except exc.NotInReferenceMode:
        arguments = copy.deepcopy(call.arguments)
        return reference.ReferenceResult(call.kernel(*arguments), {})


def drawn(bound: SpecializedKernel, draw: int, most_steps: float = math.inf) -> helion.Config:
    """A random config that runs in few enough steps, or the one of many that runs in the fewest."""
    rng = _rng(bound, draw)
    tried = []
    for _ in range(_TRIES):
        point = bound.space.space.sample(rng)
        steps = iterations(bound, point)
        if steps <= most_steps:
            return bound.space.config(point)
        tried.append((steps, point))
    return bound.space.config(min(tried, key=lambda pair: pair[0])[1])


def _rng(bound: SpecializedKernel, draw: int) -> np.random.Generator:
    return np.random.default_rng([draw, *bound.definition.name.encode()])


def run(case: Case, one: Prepared, config: helion.Config) -> list[str]:
    """What is wrong with the results of a config, on poisoned outputs."""
    outputs, arguments = outputs_of(one, config)
    return list(differences(outputs, arguments, one.expected, one.mutated, 2 * case.slack))


def outputs_of(one: Prepared, config: helion.Config) -> tuple[Any, tuple[Any, ...]]:
    """What the kernel returns, and its arguments afterwards."""
    arguments = copy.deepcopy(one.call.arguments)
    leaves = one.bound.call.leaves_of(arguments)
    with same_random_numbers():
        return run_poisoned(one.bound, config, leaves), arguments
