"""The command: measure, write ``results.json`` after every case, and print the table."""

from __future__ import annotations

import sys

from benchmarks.suite.driver import Pace, run_all
from benchmarks.suite.options import parse
from benchmarks.suite.records import Results
from benchmarks.suite.spread import spread
from benchmarks.suite.table import line, summary


def main(arguments: list[str]) -> int:
    """Measure what the command line says; 1 where a case did not end well."""
    options = parse(arguments)
    import torch  # only to look for a GPU: contexts are for the processes of cases

    if not torch.cuda.is_available():
        print("there is no GPU here, and times elsewhere mean nothing", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    results = Results(options=options.as_json())
    run_all(
        options.tasks(),
        Pace(options.seconds_of_a_case(), options.budget),
        results,
        options.output,
        progress=lambda record: print(line(record), flush=True),
    )
    print("\n" + (spread(results.cases) if options.spread else summary(results.cases)))
    return 1 if any(case.ending == "failed" for case in results.cases) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
