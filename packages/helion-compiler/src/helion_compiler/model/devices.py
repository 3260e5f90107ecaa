"""Facts of GPUs that estimates depend on, by architecture.

Sources: NVIDIA's architecture white papers and data sheets (A100, H200, B200), the table of technical specifications
per compute capability in the CUDA C++ Programming Guide, AMD's data sheets and white papers (CDNA 2 to 4). Bandwidths
of caches, and what of a memory's bandwidth a copy reaches, are measurements or estimates.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen
class Limits:
    """What one multiprocessor has: bytes of shared memory that one program may take, threads and programs that run at
    once, 32-bit registers.
    """

    shared_memory: int
    threads: int = 2048
    programs: int = 32
    registers: int = 65536


@attrs.frozen(kw_only=True)
class DeviceFacts:
    """One GPU. Rates are per second for the whole device, sizes in bytes.

    ``products`` are operations per second of the matrix units by the size of an operand's element.
    """

    name: str
    multiprocessors: int
    bandwidth: float
    cache: int
    cache_bandwidth: float
    own_cache: int
    """Bytes of the cache of one multiprocessor, with its shared memory."""
    limits: Limits
    warp_size: int = 32
    schedulers: int = 4
    """Of a multiprocessor, each with warps of its own."""
    operations: float
    products: Mapping[int, float]
    latency: float
    """Seconds from a load to its data while memory is busy: for so long it has to be asked ahead."""


_LIMITS: Mapping[int | str, Limits] = MappingProxyType(
    {
        75: Limits(64 << 10, threads=1024, programs=16),
        80: Limits(163 << 10),
        86: Limits(99 << 10, threads=1536, programs=16),
        87: Limits(163 << 10, threads=1536, programs=16),
        89: Limits(99 << 10, threads=1536, programs=24),
        90: Limits(227 << 10),
        100: Limits(227 << 10),
        103: Limits(227 << 10),
        120: Limits(99 << 10, threads=1536, programs=24),
        121: Limits(99 << 10, threads=1536, programs=24),
        "gfx90a": Limits(64 << 10, registers=131072),
        "gfx942": Limits(64 << 10, registers=131072),
        "gfx950": Limits(160 << 10, registers=131072),
    }
)
"""By NVIDIA's compute capability, or AMD's name of an architecture."""

_A100 = DeviceFacts(
    name="A100",
    multiprocessors=108,
    bandwidth=1.8e12,
    cache=40 << 20,
    cache_bandwidth=7e12,
    own_cache=192 << 10,
    limits=_LIMITS[80],
    operations=9.7e12,
    products={1: 624e12, 2: 312e12, 4: 156e12, 8: 19.5e12},
    latency=0.95e-6,
)
_H200 = DeviceFacts(
    name="H200",
    multiprocessors=132,
    bandwidth=4.2e12,
    cache=50 << 20,
    cache_bandwidth=10e12,
    own_cache=256 << 10,
    limits=_LIMITS[90],
    operations=30e12,
    products={1: 1979e12, 2: 989e12, 4: 494e12, 8: 67e12},
    latency=0.95e-6,
)
_B200 = DeviceFacts(
    name="B200",
    multiprocessors=148,
    bandwidth=7.4e12,
    cache=126 << 20,
    cache_bandwidth=16e12,
    own_cache=256 << 10,
    limits=_LIMITS[100],
    operations=37e12,
    products={1: 4500e12, 2: 2250e12, 4: 1125e12, 8: 37e12},
    latency=0.95e-6,
)
_MI300X = DeviceFacts(
    name="MI300X",
    multiprocessors=304,
    bandwidth=4.5e12,
    cache=256 << 20,
    cache_bandwidth=17e12,
    own_cache=32 << 10,
    limits=_LIMITS["gfx942"],
    warp_size=64,
    operations=40e12,
    products={1: 2614e12, 2: 1307e12, 4: 653e12, 8: 163e12},
    latency=1.3e-6,
)

_BY_ARCHITECTURE: Mapping[int | str, DeviceFacts] = MappingProxyType(
    {80: _A100, 90: _H200, 100: _B200, "gfx942": _MI300X}
)


def limits_of(architecture: int | str) -> Limits | None:
    """What a multiprocessor of an architecture has; None of one that is not listed."""
    return _LIMITS.get(architecture)


def facts_of(architecture: int | str) -> DeviceFacts:
    """The facts of an architecture; where it is not listed, those of the nearest that is, with limits of its own."""
    nearest = _nearest(architecture)
    return attrs.evolve(nearest, limits=limits_of(architecture) or nearest.limits)


def _nearest(architecture: int | str) -> DeviceFacts:
    if isinstance(architecture, str):
        return _BY_ARCHITECTURE.get(architecture, _MI300X)
    older = [
        known for known in _BY_ARCHITECTURE if isinstance(known, int) and known <= architecture
    ]
    return _BY_ARCHITECTURE[max(older, default=80)]
