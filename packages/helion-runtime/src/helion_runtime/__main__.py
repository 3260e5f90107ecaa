"""``python -m helion_runtime inspect|verify PATH``: look at a bundle without a GPU.

Exit status: 0 if the bundle is sound, 1 if it is not, 2 for a mistake on the command line.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from helion_runtime.bundle.reading import read_verified
from helion_runtime.errors import BundleError
from helion_runtime.inspection import render, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        content = read_verified(Path(options.path), options.pin)
    except BundleError as error:
        if options.json:
            print(
                json.dumps({"sound": False, "error": type(error).__name__, "message": str(error)})
            )
        else:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if options.command == "verify":
        files = len(content.manifest.files)
        verdict = {"sound": True, "id": content.id, "files": files}
        print(json.dumps(verdict) if options.json else f"sound: {files} file(s), id {content.id}")
    else:
        summary = summarise(content)
        print(json.dumps(summary, indent=2) if options.json else render(summary))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helion_runtime", description="Look at a bundle; no GPU is needed."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("inspect", "verify a bundle and print what it holds"),
        ("verify", "check every file of a bundle against its manifest"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("path", help="a bundle: a directory or a zip file")
        command.add_argument("--pin", help="the id the bundle must have")
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
