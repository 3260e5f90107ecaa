"""Injects faults into searches and checks what is left of them: ``python -m benchmarks.fault_injection``."""
