"""The command ``python -m helion_runtime``: look at bundles, make keys, sign. Nothing here needs a GPU.

Exit status: 0 if all went well; 1 for a bundle that is not sound or not signed as it should be, or a key that cannot be
used, told on standard error or as JSON; 2 for a mistake on the command line.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from helion_runtime.cli import looking_commands, signing_commands
from helion_runtime.errors import RuntimeBundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        report, text = options.run(options)
    except RuntimeBundleError as error:
        kind = type(error).__name__
        if options.json:
            print(json.dumps({**options.verdict, "error": kind, "message": str(error)}))
        else:
            print(f"{kind}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=options.indent) if options.json else text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helion_runtime",
        description="Look at bundles, make keys, sign. No GPU is needed.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    looking_commands.add(commands)
    signing_commands.add(commands)
    return parser
