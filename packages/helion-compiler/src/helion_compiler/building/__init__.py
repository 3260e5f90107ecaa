"""Build: from Triton source to binaries and to variants, the runtime's own terms."""

from helion_compiler.building.binary import build_binary, recipe_of, request_of
from helion_compiler.building.line_info import without_line_info
from helion_compiler.building.module import load_kernel
from helion_compiler.building.targets import (
    Target,
    parse_target,
    shared_memory_of,
    target_of_device,
    traits_of_device,
)
from helion_compiler.building.variant import make_variant

__all__ = [
    "Target",
    "build_binary",
    "load_kernel",
    "make_variant",
    "parse_target",
    "recipe_of",
    "request_of",
    "shared_memory_of",
    "target_of_device",
    "traits_of_device",
    "without_line_info",
]
