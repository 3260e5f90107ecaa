"""Compile ``launch.c`` into ``src/helion_runtime/_launch.abi3.so``, for this machine's architecture.

python packages/helion-runtime/native/build.py

Takes a C compiler (``CC``, or cc) and Python's headers. One build serves Python 3.11 and every later version.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent
DESTINATION = HERE.parent / "src" / "helion_runtime" / "_launch.abi3.so"


def build(destination: Path = DESTINATION) -> Path:
    """Write the extension module; it replaces an older one in one step."""
    compiler = os.environ.get("CC", "cc")
    beside = destination.with_suffix(".partial")
    include = sysconfig.get_path("include")
    subprocess.run(
        [
            *(compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"),
            *("-shared", "-fPIC", "-Wl,--build-id=none", f"-I{include}"),
            *(str(HERE / "launch.c"), "-o", str(beside)),
        ],
        check=True,
    )
    return beside.replace(destination)


if __name__ == "__main__":
    print(build())
