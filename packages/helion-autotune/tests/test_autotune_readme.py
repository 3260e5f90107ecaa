"""The README's code runs as printed; Triton kernels do in ``triton_scripts/readme.py``."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
#: Blocks that need Triton, or a kernel of another package: examples/ holds the whole of that.
ELSEWHERE = ("@triton.jit", "liger_kernel")
RUNNABLE = [block for block in BLOCKS if not any(word in block for word in ELSEWHERE)]


def test_there_is_code_to_run():
    assert len(RUNNABLE) >= 2


@pytest.mark.parametrize("block", RUNNABLE, ids=range(len(RUNNABLE)))
def test_block(block, capsys):
    exec(compile(block, str(README), "exec"), {"__name__": "readme"})


def test_the_space_of_the_triton_example_is_one():
    (block,) = [block for block in BLOCKS if "Constraint(" in block]
    names = {}
    _, _, rest = block.partition("import triton.language as tl\n")  # which need not be installed
    exec(compile(rest.split("@autotune")[0], str(README), "exec"), names)
    assert names["space"].check(names["space"].default) == []
    assert names["space"].size.count == 48
