"""What commands about kernels share: how a kernel, its arguments and its config are told on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion import Config
    from helion_compiler.bundling import BuildRequest
    from helion_compiler.bundling.build_file import BuildFile

_ARGUMENTS = """\
arguments are written as
  bf16[4096,4096]        a tensor: dtype and sizes (bf16 f16 f32 f64 f8e4m3 f8e5m2 bool u8 i8 i16 i32 i64)
  bf16[64,128]@[1,64]    with strides, in elements
  bf16[2..128,4096]      a range of sizes; sizes that are no ranges are fixed (16..2048/16: multiples of 16)
  3  0.5  true  null  '"text"'  '["f32[8]", 2]'    anything else, as JSON
"""


def add_command(
    commands: Any, name: str, purpose: str, run: Callable[[Any], int], *, epilog: str = ""
) -> argparse.ArgumentParser:
    """A command of ``helion`` that ``run`` carries out."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=epilog + _ARGUMENTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run, usage_error=command.error)
    return command


def add_kernel(command: argparse.ArgumentParser) -> None:
    """The options for one kernel with one set of arguments."""
    command.add_argument("what", metavar="KERNEL", help="module:kernel or file.py:kernel")
    command.add_argument("--args", nargs="*", default=[], metavar="ARG", help="example arguments")
    add_static_shapes(command)


def add_static_shapes(command: argparse.ArgumentParser) -> None:
    """Whether to specialise on sizes."""
    command.add_argument(
        "--static-shapes",
        action=argparse.BooleanOptionalAction,
        help="specialise on the sizes, or serve other sizes as well; left out, the kernel's settings decide",
    )


def add_requests(command: argparse.ArgumentParser) -> None:
    """What :func:`read_requests` reads, but for configs."""
    command.add_argument(
        "what", metavar="KERNEL|FILE.toml", help="module:kernel, file.py:kernel, or a build file"
    )
    command.add_argument(
        "--args",
        nargs="*",
        action="append",
        default=[],
        metavar="ARG",
        help="example arguments; repeatable",
    )
    add_static_shapes(command)


def read_request(options: Any, args: Sequence[str], config: Config | None) -> BuildRequest:
    """The kernel of ``options`` with these arguments."""
    from helion_compiler.bundling import BuildRequest  # --help loads no torch
    from helion_compiler.bundling.example_arguments import parse_argument  # as above
    from helion_compiler.bundling.kernel_names import find_kernel  # as above

    kernel = find_kernel(options.what, Path.cwd())
    values = tuple(parse_argument(text) for text in args)
    return BuildRequest(kernel, values, config=config, static_shapes=options.static_shapes)


def read_requests(options: Any) -> BuildFile:
    """What a build file asks for, or one request for each of the sets of arguments on the command line.

    There, ``config`` is given once for all sets, or once for each in the same order.
    """
    from helion_compiler.bundling.build_file import BuildFile, read_build_file  # as above

    given = getattr(options, "config", [])
    if options.what.endswith(".toml"):
        if options.args or given or options.static_shapes is not None:
            options.usage_error("--args, --config and --static-shapes go into the build file")
        return read_build_file(Path(options.what))
    sets, configs = options.args or [[]], given or [None]
    if len(configs) not in (1, len(sets)):
        options.usage_error(f"{len(configs)} times --config for {len(sets)} times --args")
    configs = configs * len(sets) if len(configs) == 1 else configs
    requests = tuple(
        read_request(options, args, read_config(config))
        for args, config in zip(sets, configs, strict=True)
    )
    return BuildFile(requests, ())


def positive(text: str) -> int:
    """A number from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def read_config(text: str | None) -> Config | None:
    """A config from JSON, or from a file that ``Config.save`` wrote."""
    from helion import Config  # as above

    if text is None:
        return None
    return Config.from_json(text) if text.lstrip().startswith("{") else Config.load(text)
