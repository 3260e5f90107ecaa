"""Factors of products that are computed in the product's own loop.

Products take right factors from shared memory, so computed ones are put there, and left ones of products that are not
of whole groups of warps with rows of their own. Nothing keeps such a product in flight while the next turn computes:
Triton waits for it at once (``WARPGROUP.DEPBAR.LE gsb0, 0x0`` behind it, in SASS for sm_90).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS

if TYPE_CHECKING:
    from helion_compiler.model.place import Place
    from helion_compiler.model.work import Multiplied


def passed(product: Multiplied, place: Place) -> tuple[bool, bool]:
    """Which of the two factors passes from registers to shared memory, the left one first."""
    product = place.arranged(product)
    rows = place.lanes(product.sizes[0])
    grouped = place.warps >= GROUP_WARPS and rows >= GROUP_ROWS * (place.warps // GROUP_WARPS)
    grouped &= place.elements(product.batch) == 1
    left, right = (factor.is_formed(place.lanes) for factor in product.factors)
    return left and not grouped, right


def passed_bytes(product: Multiplied, place: Place) -> float:
    """What such factors take of shared memory."""
    product = place.arranged(product)
    m, k, n = map(place.lanes, product.sizes)
    left, right = passed(product, place)
    return place.elements(product.batch) * product.itemsize * k * (left * m + right * n)
