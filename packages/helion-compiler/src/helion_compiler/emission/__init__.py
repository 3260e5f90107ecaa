"""Emit: from a Schedule to readable Triton source. The same Schedule gives the same bytes."""

from helion_compiler.emission.emit import emit
from helion_compiler.emission.emitted import EmittedKernel
from helion_compiler.emission.functions import CHANGED, SAME
from helion_compiler.emission.parameters import (
    BufferParameter,
    DescriptorParameter,
    ScalarParameter,
)

__all__ = [
    "CHANGED",
    "SAME",
    "BufferParameter",
    "DescriptorParameter",
    "EmittedKernel",
    "ScalarParameter",
    "emit",
]
