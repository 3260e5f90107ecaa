"""``python -m integration_tests.bundle_fuzzing --mutations 10000 BUNDLE ...``: damage bundles, and report.

Without a bundle, the frozen ones of the runtime's tests are taken. Each is signed, and damaged as a zip file and as a
directory; then every hostile manifest, zip file and signature that can be made of it is opened. The exit status is 1 if
anything was not refused. Takes helion-runtime[signing].
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .checking import damaged, hostile

FROZEN = Path(__file__).parents[2] / "packages" / "helion-runtime" / "tests" / "data"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="*", type=Path, help="zip files of bundles")
    parser.add_argument("--mutations", type=int, default=10_000, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bundles = options.bundles or sorted(FROZEN.glob("format_*.helion"))
    problems = 0
    for bundle in bundles:
        with tempfile.TemporaryDirectory() as folder:
            each = -(-options.mutations // (2 * len(bundles)))
            for report in damaged(bundle, Path(folder), each, options.seed):
                print(f"{bundle.name}: {report.outcomes.total()} damaged: {dict(report.outcomes)}")
                for violation in report.violations:
                    print(f"  {violation}")
                problems += len(report.violations)
            outcomes, failures = hostile(bundle, Path(folder))
            print(f"{bundle.name}: {outcomes.total()} hostile: {dict(outcomes)}")
            print("".join(f"  {failure}\n" for failure in failures), end="")
            problems += len(failures)
    print(f"{problems} problem(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
