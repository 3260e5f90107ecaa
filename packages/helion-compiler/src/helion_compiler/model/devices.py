"""Facts of GPUs that estimates depend on, by architecture.

Sources: NVIDIA's architecture white papers and data sheets (A100, H200, B200), the table of technical specifications
per compute capability in the CUDA C++ Programming Guide, AMD's data sheet and CDNA 3 white paper (MI300X). Bandwidths
of caches, and what of a memory's bandwidth a copy reaches, are measurements or estimates.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class DeviceFacts:
    """One GPU. Rates are per second for the whole device, sizes in bytes.

    ``products`` are operations per second of the matrix units by the size of an operand's element. ``registers`` are
    32-bit ones, and like ``shared_memory``, ``threads`` and ``programs`` what one multiprocessor has.
    """

    name: str
    multiprocessors: int
    bandwidth: float
    cache: int
    cache_bandwidth: float
    shared_memory: int
    registers: int = 65536
    threads: int = 2048
    programs: int = 32
    warp_size: int = 32
    operations: float
    products: Mapping[int, float]
    latency: float
    """Seconds of traffic that have to be asked for ahead for memory to be busy."""


_A100 = DeviceFacts(
    name="A100",
    multiprocessors=108,
    bandwidth=1.8e12,
    cache=40 << 20,
    cache_bandwidth=7e12,
    shared_memory=164 << 10,
    operations=9.7e12,
    products={1: 624e12, 2: 312e12, 4: 156e12, 8: 19.5e12},
    latency=0.45e-6,
)
_H200 = DeviceFacts(
    name="H200",
    multiprocessors=132,
    bandwidth=4.2e12,
    cache=50 << 20,
    cache_bandwidth=10e12,
    shared_memory=227 << 10,
    operations=30e12,
    products={1: 1979e12, 2: 989e12, 4: 494e12, 8: 67e12},
    latency=0.45e-6,
)
_B200 = DeviceFacts(
    name="B200",
    multiprocessors=148,
    bandwidth=7.4e12,
    cache=126 << 20,
    cache_bandwidth=16e12,
    shared_memory=227 << 10,
    operations=37e12,
    products={1: 4500e12, 2: 2250e12, 4: 1125e12, 8: 37e12},
    latency=0.45e-6,
)
_MI300X = DeviceFacts(
    name="MI300X",
    multiprocessors=304,
    bandwidth=4.5e12,
    cache=256 << 20,
    cache_bandwidth=17e12,
    shared_memory=64 << 10,
    registers=131072,
    warp_size=64,
    operations=40e12,
    products={1: 2614e12, 2: 1307e12, 4: 653e12, 8: 163e12},
    latency=0.7e-6,
)

_BY_ARCHITECTURE: Mapping[int | str, DeviceFacts] = MappingProxyType(
    {80: _A100, 90: _H200, 100: _B200, "gfx942": _MI300X}
)


def facts_of(architecture: int | str) -> DeviceFacts:
    """The facts of an architecture; of one that is not listed, those of the nearest that is."""
    known = _BY_ARCHITECTURE.get(architecture)
    if known is not None:
        return known
    if isinstance(architecture, str):
        return _MI300X
    older = [number for number in (80, 90, 100) if number <= architecture]
    return _BY_ARCHITECTURE[older[-1] if older else 80]
