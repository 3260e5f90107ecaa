"""Damaged and hostile bundles, drawn and generated: what ``helion_runtime.load`` has to refuse."""
