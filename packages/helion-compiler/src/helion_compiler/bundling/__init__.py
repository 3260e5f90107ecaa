"""Bundling: kernels, example arguments and targets in; one file for ``helion_runtime.load`` out. No
GPU is needed."""

from helion_compiler.bundling.build import BuiltBundle, build_bundle
from helion_compiler.bundling.request import BuildRequest

__all__ = ["BuildRequest", "BuiltBundle", "build_bundle"]
