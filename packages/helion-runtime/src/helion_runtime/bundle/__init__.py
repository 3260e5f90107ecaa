"""Bundles: ops, variants and binaries in one file that is verified before use."""

from __future__ import annotations

from helion_runtime.bundle.bundle import Bundle, load
from helion_runtime.bundle.manifest import Manifest, Requirements

__all__ = ["Bundle", "Manifest", "Requirements", "load"]
