"""The command ``helion-autotune``: what can be done with records when no GPU is near.

Exit status: 0 if all went well; 1 for a problem with the records, told on standard error; 2 for a mistake on the
command line.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from helion_autotune.cli import replay_command, report_command
from helion_autotune.records import RecordsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status. Mistakes on it leave through argparse's own SystemExit."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (RecordsError, ValueError, ImportError, OSError) as error:
        print(f"helion-autotune: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="helion-autotune",
        description="Look at the records of tuning sessions, and learn from them.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    replay_command.add(commands)
    report_command.add(commands)
    return parser
