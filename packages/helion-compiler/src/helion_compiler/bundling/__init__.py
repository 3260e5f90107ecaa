"""Bundling: kernels, example arguments and targets in; one file for ``helion_runtime.load`` out. No GPU is needed, but
for tuning beforehand."""

from helion_compiler.bundling.build import BuiltBundle, build_bundle
from helion_compiler.bundling.locked_configs import LockedConfigs
from helion_compiler.bundling.recorded_configs import RecordedConfigs
from helion_compiler.bundling.request import BuildRequest
from helion_compiler.bundling.size_ranges import RangedTensor, SizeRange
from helion_compiler.bundling.tune_requests import TunedRequest, tune_requests

__all__ = [
    "BuildRequest",
    "BuiltBundle",
    "LockedConfigs",
    "RangedTensor",
    "RecordedConfigs",
    "SizeRange",
    "TunedRequest",
    "build_bundle",
    "tune_requests",
]
