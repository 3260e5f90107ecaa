"""A process that runs scripts, each in a fork of its own, and imports what all of them use but once.

A line of standard input is a JSON list: the path of a script, its arguments, and a file for what it prints. The answer
is a line with the script's exit status. Assumed: importing starts no thread.
"""

import importlib
import json
import os
import runpy
import sys
import traceback

# The last two are what tuning and comparing tensors load when they are first asked to.
USED_BY_ALL = (
    "pytest",
    "torch",
    "triton.language",
    "helion_autotune",
    "scipy.stats",
    "torch.testing",
)


def run(path, arguments, output):
    """Run a script in a fork; its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        sys.argv = [path, *arguments]
        runpy.run_path(path, run_name="__main__")
        status = 0
    except BaseException:  # noqa: BLE001  # as Python does with whatever ends a program
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    for module in USED_BY_ALL:
        importlib.import_module(module)
    for line in sys.stdin:
        print(run(*json.loads(line)), flush=True)
