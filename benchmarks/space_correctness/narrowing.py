"""Which of a wrong config's values make it wrong: all others go back to the default, one after the other.

    python -m benchmarks.space_correctness.narrowing squeeze_and_excite 40 [--kernel forward_kernel] [--device cuda]

Prints each try as it ends, then the config that is left, and where the wrong elements of its results lie. The search is
greedy: a value goes back to the default for good if the result stays wrong without it (A. Zeller, R. Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002, in its simplest form).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "integration_tests")]

from benchmarks.space_correctness.checking import CaseChecker, drawn, outputs_of, run  # noqa: E402  # found only now
from benchmarks.space_correctness.comparing import tensors  # noqa: E402  # as above
from benchmarks.space_correctness.compiling import Compiler, why_excluded  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    import helion
    from benchmarks.space_correctness.checking import Prepared

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
    """The greedy search for one kernel of a case."""

    def __init__(self, checker: CaseChecker, one: Prepared) -> None:
        self._checker, self._one = checker, one
        self._known: dict[str, str] = {}

    def wrong(self, config: helion.Config) -> str:
        """What is wrong with its results; empty if nothing is, or if it can't be tried."""
        text = config.to_json()
        if text not in self._known:
            self._known[text] = self._answer(config)
        return self._known[text]

    def narrowed(self, config: helion.Config) -> helion.Config:
        """The config nearest to the default that is wrong still."""
        default = json.loads(self._one.bound.space.default_config().to_json())
        found = True
        while found:
            found = False
            values = json.loads(config.to_json())
            for changed in steps(values, default):
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

    def _answer(self, config: helion.Config) -> str:
        if why_excluded(self._one.bound, config):
            return ""
        try:
            return "; ".join(run(self._checker.case, self._one, config))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is no wrong result
            print(f"{type(error).__name__}: {str(error).splitlines()[0][:160]}", flush=True)
            return ""

    def where(self, config: helion.Config) -> Iterator[str]:
        """Where the elements lie that are far off, by index of each dimension."""
        outputs, _ = outputs_of(self._one, config)
        pairs = zip(tensors(outputs), tensors(self._one.expected), strict=True)
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


def main() -> None:
    """Narrow down one draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("case")
    parser.add_argument("draw", type=int)
    parser.add_argument("--kernel", help="of those that the case runs (the first that is wrong)")
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    with Compiler() as compiler:
        checker = CaseChecker(given.case, given.device, compiler)
        for one in checker.prepared(given.draw):
            narrowing, config = Narrowing(checker, one), drawn(one.bound, given.draw)
            if given.kernel not in (None, one.call.kernel.name) or not narrowing.wrong(config):
                continue
            left = narrowing.narrowed(config)
            print("\n".join([left.to_json(), narrowing.wrong(left), *narrowing.where(left)]))
            return
    print("nothing is wrong")


if __name__ == "__main__":
    main()
