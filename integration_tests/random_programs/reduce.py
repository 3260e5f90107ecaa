"""Make a failing program smaller while it fails in the same way, as far as a number of checks takes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from .edits import smaller_sources
from .pruning import pruned

if TYPE_CHECKING:
    from collections.abc import Callable

    from .check import Outcome
    from .program import RandomProgram

    Check = Callable[[RandomProgram, int], Outcome]
    """The outcome of a program on the config of an attempt."""

ATTEMPTS = 3
"""Configs that a smaller program is tried with, where what it fails on depends on them."""
MOST_CHECKS = 400


@attrs.frozen
class Reduced:
    """The smallest program found, and its outcome."""

    program: RandomProgram
    outcome: Outcome


def reduce_program(
    program: RandomProgram,
    check: Check,
    most: int = MOST_CHECKS,
    tell: Callable[[str], None] = lambda _: None,
) -> Reduced:
    """A smaller program with the same failure; the program itself if it does not fail."""
    outcomes = [check(program, attempt) for attempt in range(ATTEMPTS)]
    failing = [attempt for attempt, outcome in enumerate(outcomes) if outcome.kind != "passed"]
    if not failing:
        return Reduced(program, outcomes[0])
    first = outcomes[failing[0]]
    wanted = signature(first)
    always = all(signature(outcome) == wanted for outcome in outcomes)
    attempts = failing[:1] if always else sorted(range(ATTEMPTS), key=lambda a: a not in failing)
    search = _Search(check, wanted, attempts, Reduced(program, first), most, tell)
    search.run()
    return search.best


class _Search:
    def __init__(
        self,
        check: Check,
        wanted: tuple[str, str],
        attempts: list[int],
        best: Reduced,
        most: int,
        tell: Callable[[str], None],
    ) -> None:
        self.best = best
        self._check = check
        self._wanted = wanted
        self._attempts = attempts
        self._left = most
        self._tell = tell
        self._prunes = False
        """Whether what leads to no result may go with each edit: it is none of what the program fails on."""
        self._tried: set[RandomProgram] = set()

    def run(self) -> None:
        """Take whatever smaller program fails alike, until none does or no checks are left."""
        # A result that nothing writes is no failure, so it had better hold something.
        filled = self.best.program.source.replace("torch.empty([", "torch.zeros([")
        self._take(with_source(self.best.program, filled))
        for output in self.best.program.outputs:
            source = pruned(self.best.program.source, output.name)
            if self._take(with_source(self.best.program, source)):
                self._prunes = True
                break
        before = None
        while self._left > 0 and before is not self.best.program:
            before = self.best.program
            self._edit()
        for simpler in SIMPLER_CALLS:
            self._take(simpler(self.best.program))

    def _edit(self) -> None:
        """Go once through what can be edited."""
        position = 0
        while self._left > 0:
            program = self.best.program
            for number, source in smaller_sources(program.source, position):
                position = number
                text = pruned(source) if self._prunes else source
                if self._take(with_source(program, text)) or self._left <= 0:
                    break
            else:
                return

    def _take(self, candidate: RandomProgram) -> bool:
        """Whether a candidate fails alike, and is now the best."""
        if candidate in self._tried or candidate == self.best.program:
            return False
        self._tried.add(candidate)
        for attempt in self._attempts:
            self._left -= 1
            outcome = self._check(candidate, attempt)
            if signature(outcome) == self._wanted and "depends on tiles" not in outcome.detail:
                self.best = Reduced(candidate, outcome)
                self._tell(f"{len(candidate.source)} characters, {self._left} checks left")
                return True
            if outcome.kind not in ("passed", "wrong"):
                return False
        return False


def signature(outcome: Outcome) -> tuple[str, str]:
    """What has to stay the same: the kind, and of errors the class and where it was raised first."""
    if outcome.kind != "error":
        return outcome.kind, outcome.detail.partition(":")[0] if outcome.kind == "refused" else ""
    place = ""
    for line in outcome.detail.splitlines():
        frame = re.match(r'\s+File "(.*)", line \d+, in (\S+)', line)
        if frame:
            place = f"{frame[1].rpartition('/')[2]}:{frame[2]}"
        elif (raised := re.match(r"([\w.]+)(:|$)", line)) and place:
            return outcome.kind, f"{raised[1]} in {place}"
    return outcome.kind, place


def with_source(program: RandomProgram, source: str) -> RandomProgram:
    """The program with another source, and the outputs that it returns."""
    names = set(re.findall(r"\w+", source.rpartition("return")[2]))
    kept = tuple(output for output in program.outputs if output.name in names)
    return attrs.evolve(program, source=source, outputs=kept)


def _with_static_shapes(program: RandomProgram) -> RandomProgram:
    return attrs.evolve(program, static_shapes=True)


def _with_dense_tensors(program: RandomProgram) -> RandomProgram:
    tensors = tuple(attrs.evolve(spec, layout="dense") for spec in program.tensors)
    return attrs.evolve(program, tensors=tensors)


def without_unused(program: RandomProgram) -> RandomProgram:
    """The program without parameters that nothing reads; the others may then hold other numbers."""
    head, opening, rest = program.source.partition("def kernel(")
    body = rest.partition("):")[2]
    read = set(re.findall(r"\w+", body))
    tensors = tuple(spec for spec in program.tensors if spec.name in read)
    numbers = tuple(entry for entry in program.numbers if entry[0] in read)
    names = [spec.name for spec in tensors] + [name for name, _ in numbers]
    source = f"{head}{opening}{', '.join(names)}):{body}"
    return attrs.evolve(program, source=source, tensors=tensors, numbers=numbers)


SIMPLER_CALLS = (_with_static_shapes, _with_dense_tensors, without_unused)
"""The same kernel, called with fewer oddities."""
