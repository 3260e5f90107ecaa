"""Which of a wrong config's values make it wrong: all others go back to the default, one after the other.

    python -m benchmarks.space_correctness.narrowing squeeze_and_excite 40 [--kernel forward_kernel] [--device cuda]
    python -m benchmarks.space_correctness.narrowing gated_delta_states 0 --device cpu --target gfx942

Wrong is a config whose results are, or with ``--target`` one that does not compile for it.
Prints each try as it ends, then the config that is left, and where the wrong elements of its results lie. The search is
greedy: a value goes back to the default for good if the result stays wrong without it (A. Zeller, R. Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002, in its simplest form).
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "integration_tests")]

from benchmarks.space_correctness.checking import (  # noqa: E402  # found only now
    CaseChecker,
    outputs_of,
    run,
)
from benchmarks.space_correctness.comparing import tensors  # noqa: E402  # as above
from benchmarks.space_correctness.compiling import Compiler, why_excluded  # noqa: E402  # as above
from benchmarks.space_correctness.drawing import drawn_for  # noqa: E402  # as above
from benchmarks.space_correctness.outcome import is_failure  # noqa: E402  # as above
from helion_compiler.building import Target, parse_target  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    import helion
    from benchmarks.space_correctness.preparing import Prepared
    from gallery.case import Case
    from helion_compiler.specialized_kernel import SpecializedKernel

_SHOWN = 12


def steps(config: dict[str, Any], default: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``config`` with one value, or one entry of a list, as in ``default``; only what differs."""
    for key, value in config.items():
        if key not in default:
            yield {other: config[other] for other in config if other != key}
            continue
        usual = default[key]
        if value == usual:
            continue
        yield {**config, key: usual}
        if isinstance(value, list) and isinstance(usual, list) and len(value) == len(usual) > 1:
            for place, entry in enumerate(usual):
                if value[place] != entry:
                    yield {**config, key: [*value[:place], entry, *value[place + 1 :]]}


class Narrowing:
    """The greedy search.

    ``answer`` says what is wrong with a config; empty if nothing is, or if it can't be tried. ``default`` is right.
    """

    def __init__(self, answer: Callable[[helion.Config], str], default: helion.Config) -> None:
        self._answer = answer
        self._default = json.loads(default.to_json())
        self._known: dict[str, str] = {}

    def wrong(self, config: helion.Config) -> str:
        """What is wrong with a config, asked once."""
        text = config.to_json()
        if text not in self._known:
            self._known[text] = self._answer(config)
        return self._known[text]

    def narrowed(self, config: helion.Config) -> helion.Config:
        """The config nearest to the default that is wrong still."""
        found = True
        while found:
            found = False
            values = json.loads(config.to_json())
            for changed in steps(values, self._default):
                candidate = type(config).from_dict(changed)
                problem = self.wrong(candidate)
                different = {
                    key: changed.get(key) for key in values if changed.get(key) != values[key]
                }
                print(f"{different} -> {problem or 'right, or refused'}", flush=True)
                if problem:
                    config, found = candidate, True
                    break
        return config


def wrong_results(case: Case, one: Prepared, config: helion.Config) -> str:
    """What is wrong with the results of a config."""
    if why_excluded(one.bound, config):
        return ""
    try:
        return "; ".join(run(case, one, config))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is no wrong result
        print(f"{type(error).__name__}: {str(error).splitlines()[0][:160]}", flush=True)
        return ""


def wrong_binary(
    compiler: Compiler, bound: SpecializedKernel, target: Target, config: helion.Config
) -> str:
    """Why a config that its target's space has does not compile."""
    if why_excluded(bound, config):
        return ""
    answer = compiler.answer(bound, config, target)
    return " ".join(answer.split()) if is_failure(answer) else ""


def where(one: Prepared, config: helion.Config) -> Iterator[str]:
    """Where the elements lie that are far off, by index of each dimension."""
    outputs, _ = outputs_of(one, config)
    assert one.expected is not None  # it is known wherever something runs
    pairs = zip(tensors(outputs), tensors(one.expected.outputs), strict=True)
    for number, (actual, expected) in enumerate(pairs):
        yield f"tensor {number}: {_described(actual, expected)}"


def _described(actual: torch.Tensor, expected: torch.Tensor) -> str:
    wanted = expected.to(actual.device).double()
    far = (actual.double() - wanted).abs() > 0.05 * (wanted.abs() + wanted.std())
    parts = [f"{int(far.sum())} of {far.numel()} elements are off"]
    for dimension in range(far.ndim):
        others = [other for other in range(far.ndim) if other != dimension]
        lines = far.sum(others) if others else far
        places = lines.nonzero().flatten().tolist()
        shown = ", ".join(map(str, places[:_SHOWN])) + (" …" if len(places) > _SHOWN else "")
        parts.append(f"dimension {dimension}: {len(places)} places, {shown}")
    return "; ".join(parts)


def _narrowed(
    checker: CaseChecker, one: Prepared, draw: int, target: Target | None
) -> Iterator[str]:
    """What is left of a draw of a kernel, and why and where it is wrong; nothing if it is right."""
    bound, config = one.bound, checker.drawn(one, draw)
    answer: Callable[[helion.Config], str] = partial(wrong_results, checker.case, one)
    if target is not None:
        tried = drawn_for(one, target, config, draw)
        if tried.config is None:
            return
        bound, config = tried.bound, tried.config
        answer = partial(wrong_binary, checker.compiler, bound, target)
    narrowing = Narrowing(answer, bound.space.default_config())
    if narrowing.wrong(config):
        left = narrowing.narrowed(config)
        yield from (left.to_json(), narrowing.wrong(left))
        if target is None:
            yield from where(one, left)


def main() -> None:
    """Narrow down one draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("case")
    parser.add_argument("draw", type=int)
    parser.add_argument("--kernel", help="of those that the case runs (the first that is wrong)")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--target", type=parse_target, help="for which it does not compile")
    given = parser.parse_args()
    with Compiler() as compiler:
        runs = given.target is None
        checker = CaseChecker(given.case, given.device, compiler, runs=runs)
        for one in checker.prepared(given.draw):
            if given.kernel in (None, one.call.kernel.name):
                told = list(_narrowed(checker, one, given.draw, given.target))
                if told:
                    print("\n".join(told))
                    return
    print("nothing is wrong")


if __name__ == "__main__":
    main()
