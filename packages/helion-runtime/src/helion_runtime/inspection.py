"""What a bundle holds, as data and as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_runtime.acceptance import describe_signature
from helion_runtime.bundle.signatures import fingerprint
from helion_runtime.bundle.trust import check_signatures
from helion_runtime.ed25519 import is_available

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_runtime.bundle.reading import VerifiedContent
    from helion_runtime.entries import KernelEntry

_STATES = {
    "trusted": "a trusted key",
    "matches": "which matches; no key was named to trust",
    "not checked": "not checked: pip install 'helion-runtime[signing]'",
}


def summarise(content: VerifiedContent) -> dict[str, Any]:
    """A bundle as JSON values: its id, what it was built with, its ops and kernels."""
    manifest = content.manifest
    sizes = {record.name: record.size for record in manifest.files}
    return {
        "path": str(content.path),
        "id": content.id,
        "format_version": list(manifest.format_version),
        "built_with": manifest.built_with,
        "requires": {"cuda_driver": manifest.requires.cuda_driver},
        "tested_on": list(manifest.tested_on),
        "signatures": describe_signatures(content),
        "bytes": sum(sizes.values()),
        "ops": [
            {
                "name": op.name,
                "arguments": list(op.arguments),
                "variants": [
                    {
                        "accepts": describe_signature(op.arguments, variant),
                        "kernels": [launch.kernel for launch in variant.launches],
                    }
                    for variant in op.variants
                ],
            }
            for op in manifest.ops
        ],
        "kernels": [
            {
                "name": kernel.name,
                "arch": kernel.arch,
                "bytes": sizes[manifest.blob_name(kernel)],
                "num_warps": kernel.num_warps,
                "num_ctas": kernel.num_ctas,
                "shared": kernel.shared,
                "launch": _launch(kernel),
                "config": kernel.config,
            }
            for kernel in manifest.kernels
        ],
    }


def _launch(kernel: KernelEntry) -> str:
    """How launches of a kernel differ from ordinary ones."""
    kinds = {
        "cooperative": kernel.cooperative,
        "dependent": kernel.programmatic_dependent_launch,
    }
    return ", ".join(name for name, has_it in kinds.items() if has_it) or "ordinary"


def describe_signatures(content: VerifiedContent) -> list[dict[str, str]]:
    """Who has signed a bundle, and what is known of that: ``trusted``, ``matches`` (whether the key is trusted was
    not asked), or ``not checked``, where the library that can is not installed.

    Raises :class:`SignatureMismatchError`.
    """
    if content.trusted is None and (not content.signatures or not is_available()):
        known = dict.fromkeys(content.signatures, "not checked")
    else:
        if content.trusted is None:
            check_signatures(content.path, content.id, content.signatures)
        trusted = content.trusted or frozenset()
        known = {
            item: "trusted" if item.public_key in trusted else "matches"
            for item in content.signatures
        }
    return [{"key": fingerprint(item.public_key), "state": state} for item, state in known.items()]


def render_signatures(signatures: Sequence[dict[str, str]]) -> list[str]:
    """Signatures as lines of text."""
    return [f"signed   {item['key']}, {_STATES[item['state']]}" for item in signatures] or [
        "signed   by nobody"
    ]


def render(summary: dict[str, Any]) -> str:
    """A summary as text."""
    major, minor = summary["format_version"]
    lines = [
        f"bundle   {summary['path']}",
        f"id       {summary['id']}",
        *render_signatures(summary["signatures"]),
        f"format   {major}.{minor}, {summary['bytes']} bytes of kernels",
    ]
    built = ", ".join(f"{name} {version}" for name, version in summary["built_with"].items())
    lines.extend([f"built    {built}"] if built else [])
    driver = summary["requires"]["cuda_driver"]
    lines.extend([f"requires CUDA driver {driver // 1000}.{driver % 1000 // 10}"] if driver else [])
    tested = ", ".join(summary["tested_on"])
    lines.extend([f"tested   {tested}"] if tested else [])
    arches = {kernel["name"]: kernel["arch"] for kernel in summary["kernels"]}
    variants = [
        [
            op["name"],
            str(number),
            " ".join(dict.fromkeys(arches[name] for name in variant["kernels"])),
            variant["accepts"],
            " ".join(variant["kernels"]),
        ]
        for op in summary["ops"]
        for number, variant in enumerate(op["variants"])
    ]
    lines += ["", *_table(["op", "variant", "arch", "accepts", "kernels"], variants)]
    columns = ["name", "arch", "bytes", "num_warps", "num_ctas", "shared", "launch", "config"]
    kernels = [[str(kernel[column]) for column in columns] for kernel in summary["kernels"]]
    lines += ["", *_table(["kernel", *columns[1:]], kernels)]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; control characters of a bundle's text are not printed."""
    cells = [[_printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
