"""Draw a config of each kernel that a case runs, compile it, run it and compare."""

from __future__ import annotations

import copy
import itertools
import json
import math
import time
import traceback
from typing import TYPE_CHECKING, Any

import attrs
import torch

from benchmarks.space_correctness.cases import DRAWS_ALIKE, names
from benchmarks.space_correctness.comparing import differences
from benchmarks.space_correctness.drawing import drawn, drawn_for
from benchmarks.space_correctness.outcome import EXCLUDED, Outcome
from benchmarks.space_correctness.preparing import Prepared, prepare
from gallery.calls import calls_of
from gallery.case import Case, Maker
from helion import exc
from helion_compiler.building import parse_target, target_of_device
from helion_compiler.tuning.comparing import same_random_numbers
from helion_runtime.errors import SharedMemoryError
from integration_tests.poisoned import run_poisoned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import helion
    from benchmarks.space_correctness.compiling import Compiler

MOST_STEPS = 400.0
"""How often innermost bodies may run in the interpreter, roughly: a millisecond or two each."""
_LONGEST_DETAIL = 3000


@attrs.frozen(eq=False)
class CaseChecker:
    """The draws of one case on one device. Calls are made once for each choice of sizes and dtype.

    ``compiler`` compiles for a GPU, and for ``targets``. Without ``runs`` the draws are the same, and compiled alone.
    """

    name: str
    device: str
    compiler: Compiler
    targets: Sequence[str] = ()
    runs: bool = True
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
            calls = calls_of(self.case, sizes, Maker(dtype, self.device))
            self._prepared[call] = [prepare(one, runs=self.runs) for one in calls]
        return self._prepared[call]

    def drawn(self, one: Prepared, draw: int) -> helion.Config:
        """A config of a kernel."""
        return drawn(one.bound, draw, math.inf if self._on_gpu else MOST_STEPS)

    @property
    def case(self) -> Case:
        """The one that is checked."""
        return names()[self.name]

    @property
    def _on_gpu(self) -> bool:
        return self.device != "cpu"

    def _call(self, draw: int) -> tuple[tuple[int, ...], torch.dtype]:
        """Sizes and dtype of a draw."""
        runs = self._choices(self.case)
        sizes, dtype = runs[draw // DRAWS_ALIKE % len(runs)]
        return tuple(sizes), dtype

    def _choices(self, case: Case) -> list[Any]:
        """On a GPU the large sizes take turns with the small ones."""
        small = list(case.runs())
        if not self._on_gpu:
            return small
        large = [(case.large, dtype) for dtype in case.dtypes]
        return [run for pair in zip(itertools.cycle(large), small, strict=False) for run in pair]

    def _check(self, one: Prepared, draw: int, described: str) -> Outcome:
        outcome = Outcome(self.name, draw, one.call.kernel.name, described, "not run")
        try:
            config = self.drawn(one, draw)
        except Exception:  # noqa: BLE001  # a space that has no points is a finding
            return attrs.evolve(outcome, kind="error", detail=traceback.format_exc())
        outcome = attrs.evolve(outcome, config=json.loads(config.to_json()))
        outcome = self._compiled(one, config, outcome)
        return self._run(one, config, outcome) if self.runs else outcome

    def _run(self, one: Prepared, config: helion.Config, outcome: Outcome) -> Outcome:
        """The outcome with what the config computes on the device."""
        begun = time.monotonic()
        try:
            if self._on_gpu:
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
        return attrs.evolve(
            outcome,
            kind="wrong" if wrong else "equal",
            detail="; ".join(wrong),
            seconds={**outcome.seconds, "run": _since(begun)},
        )

    def _compiled(self, one: Prepared, config: helion.Config, outcome: Outcome) -> Outcome:
        """The outcome with what each target says to the config, or to one of its own space that has not this one."""
        targets, instead, seconds = {}, {}, {}
        for name in self.targets:
            target, begun = parse_target(name), time.monotonic()
            try:
                tried = drawn_for(one, target, config, outcome.draw)
            except Exception:  # noqa: BLE001  # as above
                targets[name] = traceback.format_exc()[-_LONGEST_DETAIL:]
                continue
            if tried.config is None:
                targets[name] = f"{EXCLUDED}no config for this target: {tried.reason}"
                continue
            if tried.reason:
                own = json.loads(tried.config.to_json())
                instead[name] = {"reason": tried.reason, "config": own}
            targets[name] = self.compiler.answer(tried.bound, tried.config, target)
            seconds[name] = _since(begun)
        return attrs.evolve(outcome, targets=targets, instead=instead, seconds=seconds)


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 2)


def run(case: Case, one: Prepared, config: helion.Config) -> list[str]:
    """What is wrong with the results of a config, on poisoned outputs."""
    assert one.expected is not None  # it is known wherever something runs
    outputs, arguments = outputs_of(one, config)
    outputs_wanted, mutated = one.expected.outputs, one.expected.mutated
    return list(differences(outputs, arguments, outputs_wanted, mutated, 2 * case.slack))


def outputs_of(one: Prepared, config: helion.Config) -> tuple[Any, tuple[Any, ...]]:
    """What the kernel returns, and its arguments afterwards."""
    arguments = copy.deepcopy(one.call.arguments)
    leaves = one.bound.call.leaves_of(arguments)
    with same_random_numbers():
        return run_poisoned(one.bound, config, leaves), arguments
