"""``inspect`` and ``verify``: open a bundle as ``load`` would, and say what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from helion_runtime.bundle.reading import read_verified
from helion_runtime.bundle.trust import TRUSTED_KEYS, trusted_public_keys
from helion_runtime.inspection import describe_signatures, render, render_signatures, summarise

if TYPE_CHECKING:
    import argparse

    from helion_runtime.bundle.reading import VerifiedContent


def add(commands: Any) -> None:
    """Declare the commands."""
    for name, purpose, run in (
        ("inspect", "verify a bundle and print what it holds", _inspect),
        (
            "verify",
            "check every file of a bundle against its manifest, and its signatures",
            _verify,
        ),
    ):
        command: argparse.ArgumentParser = commands.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
        )
        command.add_argument("path", help="a bundle: a directory or a zip file")
        command.add_argument("--pin", help="the id the bundle must have")
        command.add_argument(
            "--trusted-key",
            action="append",
            metavar="FILE",
            help="a public key in PEM, of which one must have signed the bundle; repeatable; by default those that "
            f"{TRUSTED_KEYS} names",
        )
        command.add_argument("--json", action="store_true", help="print JSON")
        indent = 2 if name == "inspect" else None
        command.set_defaults(run=run, indent=indent, verdict={"sound": False})


def _open(options: Any) -> VerifiedContent:
    trusted = trusted_public_keys(options.trusted_key)
    return read_verified(Path(options.path), options.pin, trusted)


def _inspect(options: Any) -> tuple[dict[str, Any], str]:
    summary = summarise(_open(options))
    return summary, render(summary)


def _verify(options: Any) -> tuple[dict[str, Any], str]:
    content = _open(options)
    signatures = describe_signatures(content)
    files = len(content.manifest.files)
    report = {"sound": True, "id": content.id, "files": files, "signatures": signatures}
    text = [f"sound: {files} file(s), id {content.id}", *render_signatures(signatures)]
    return report, "\n".join(text)
