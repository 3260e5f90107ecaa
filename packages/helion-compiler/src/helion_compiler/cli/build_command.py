"""``helion build``: compile kernels into a bundle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from helion_compiler.cli.kernel_options import (
    add_command,
    add_requests,
    positive,
    read_requests,
)

if TYPE_CHECKING:
    from helion_compiler.bundling.build_file import BuildFile
    from helion_compiler.bundling.tuned_configs import TunedConfigs
    from helion_compiler.bundling.variants import CompiledVariant
    from helion_runtime import SigningKey

_EXAMPLES = """\
examples:
  helion build matmul.py:matmul --args "bf16[4096,4096]" "bf16[4096,4096]" --target sm_90 -o matmul.helion
  helion build package.ops:add --args "f32[8192]" "f32[8192]" --args "f16[4096]" "f16[4096]" \\
      --target sm_80 --target sm_90 -o add.helion
  helion build kernels.toml -o kernels.helion

Each --args makes one variant. --config is given once for all of them, or once for each in the same
order. Several kernels go into one bundle through a build file in TOML:

  targets = ["sm_90", "sm_80"]
  lock = "tuned.lock.json"             # configs that `helion tune` found, for what names none
  # or: records = "cache"              # the cache directory of the machine that tuned, in its place

  [[variant]]
  kernel = "matmul.py:matmul"          # relative to this file, or package.module:kernel
  args = ["bf16[4096,4096]", "bf16[4096,4096]"]
  config = { block_sizes = [128, 256, 64], num_warps = 8 }    # or a file that Config.save wrote
  static_shapes = false                # serve other sizes as well
  targets = ["sm_90"]                  # in place of those above
  name = "matmul_bf16"                 # the op's name; the kernel's if left out

"""


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands, "build", "compile kernels into a bundle", _build, epilog=_EXAMPLES
    )
    add_requests(command)
    command.add_argument(
        "--config",
        action="append",
        default=[],
        help="JSON, or a file that Config.save wrote; repeatable",
    )
    command.add_argument(
        "--target", action="append", default=[], help="sm_90, ptx_80, gfx942, ...; repeatable"
    )
    command.add_argument("-o", "--output", required=True, help="where to write the bundle")
    command.add_argument(
        "--container",
        choices=("zip", "directory"),
        default="zip",
        help="one file (default) or a directory",
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--lock", metavar="FILE", help="configs that 'helion tune' found, for what names none"
    )
    source.add_argument(
        "--records",
        metavar="PATH",
        help="the same from records of searches: a cache directory, or one of its files",
    )
    command.add_argument(
        "--tuned-on",
        metavar="GPU",
        help="whose results count, if there are those of several GPUs of one architecture",
    )
    command.add_argument(
        "--sign",
        metavar="FILE",
        help="sign the bundle with this private key, which 'python -m helion_runtime keygen' makes",
    )
    command.add_argument(
        "--passphrase-file", metavar="FILE", help="what that key is encrypted with"
    )
    command.add_argument(
        "--jobs", type=positive, help="processes that compile; one per core if left out"
    )


def _build(options: Any) -> int:
    from helion_compiler.bundling import build_bundle  # --help loads no torch
    from helion_runtime.bundle.signatures import fingerprint  # as above

    key = _signing_key(options)  # before minutes of compiling
    file = read_requests(options)
    if not options.target and not options.what.endswith(".toml"):
        options.usage_error("give at least one --target, such as sm_90")
    built = build_bundle(
        options.output,
        file.requests,
        targets=tuple(options.target) or file.targets,  # those told here replace those of the file
        container=options.container,
        tuned=_tuned(options, file),
        signing_key=key,
        jobs=options.jobs,
        progress=_report,
    )
    blobs = {kernel.blob for kernel in built.kernels}
    variants = sum(len(op.variants) for op in built.ops)
    print(f"{built.path}: {len(built.ops)} op(s), {variants} variant(s), {len(blobs)} binaries")
    print(f"id {built.id}")
    if key is not None:
        print(f"signed by {fingerprint(key.public_key)}")
    return 0


def _tuned(options: Any, file: BuildFile) -> TunedConfigs | None:
    """Where tuned configs are; what is told here replaces what the build file says."""
    from helion_compiler.bundling import LockedConfigs, RecordedConfigs  # as above

    tuned_on = options.tuned_on or file.tuned_on
    if options.lock is not None:
        return LockedConfigs(options.lock, tuned_on)
    if options.records is not None:
        return RecordedConfigs(options.records, tuned_on)
    if file.lock is not None:
        return LockedConfigs(file.lock, tuned_on)
    if file.records is not None:
        return RecordedConfigs(file.records, tuned_on)
    if tuned_on is not None:
        options.usage_error("--tuned-on says whose results count: give --lock or --records")
    return None


def _signing_key(options: Any) -> SigningKey | None:
    from helion_runtime.ed25519 import SigningKey, read_passphrase  # as above

    if options.sign is None:
        if options.passphrase_file is not None:
            options.usage_error("--passphrase-file opens the key of --sign, which is not given")
        return None
    return SigningKey.read(options.sign, read_passphrase(options.passphrase_file))


def _report(finished: CompiledVariant) -> None:
    size = len(finished.image.binary)
    told = f"{finished.op} for {finished.target.name}: {size} bytes, {finished.chosen.origin}"
    print(told, file=sys.stderr)
