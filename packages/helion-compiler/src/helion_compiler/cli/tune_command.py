"""``helion tune``: search for configs on this machine's GPU, and keep them in a lock file for ``helion build``."""

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
    from helion_compiler.bundling.tune_requests import TunedRequest

_EXAMPLES = """\
examples:
  helion tune kernels.toml --lock tuned.lock.json           # here, on the GPU
  helion build kernels.toml --lock tuned.lock.json -o kernels.helion      # anywhere
  helion tune matmul.py:matmul --args "bf16[4096,4096]" "bf16[4096,4096]" --lock tuned.lock.json

The build file is that of `helion build`; it may name the lock file itself (lock = "tuned.lock.json").
Kernels and variants with a config of their own are not tuned. Arguments are filled with random
floats and with zeros for integers; where their values decide how long a kernel takes, call
`kernel.autotune(args)` with the setting autotune_lock instead.

"""


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands, "tune", "search for the fastest configs on this GPU", _tune, epilog=_EXAMPLES
    )
    add_requests(command)
    command.add_argument("--lock", metavar="FILE", help="where the configs are kept")
    command.add_argument(
        "--seconds", type=positive, help="for each search; by default as the kernels' settings say"
    )
    command.add_argument(
        "--evaluations", type=positive, help="configs to measure at most, for each search"
    )
    command.add_argument(
        "--force", action="store_true", help="search again for what the lock file has"
    )


def _tune(options: Any) -> int:
    from helion_compiler.bundling.tune_requests import tune_requests  # --help loads no torch

    file = read_requests(options)
    lock = options.lock or file.lock or options.usage_error("give --lock, a file for the configs")
    finished = tune_requests(
        file.requests,
        lock,
        targets=file.targets,
        force=options.force,
        seconds=options.seconds,
        evaluations=options.evaluations,
        progress=_report,
    )
    tuned = sum(one.config is not None for one in finished)
    print(f"{lock}: {tuned} of {len(finished)} tuned")
    return 0


def _report(finished: TunedRequest) -> None:
    outcome = finished.config if finished.config is not None else f"not tuned, {finished.skipped}"
    print(f"{finished.op}: {outcome}", file=sys.stderr)
