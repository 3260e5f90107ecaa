"""The command ``helion``: tune kernels, build bundles, look at config spaces, print generated source. A GPU is needed
for tuning alone.

Exit status: 0 if all went well; 1 for a problem with a kernel, its arguments or a file, told on
standard error; 2 for a mistake on the command line.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from helion.exc import HelionError, wants_color
from helion_compiler.cli import build_command, source_command, space_command, tune_command

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status. Mistakes on it leave through argparse's own SystemExit."""
    from helion_runtime.errors import RuntimeBundleError  # --help needs nothing

    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except HelionError as error:
        print(error.report(color=wants_color(sys.stderr)), file=sys.stderr)
    except RuntimeBundleError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="helion",
        description="Tune kernels, build bundles of them, and look at what the compiler makes of them.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build_command.add(commands)
    tune_command.add(commands)
    space_command.add(commands)
    source_command.add(commands)
    return parser
