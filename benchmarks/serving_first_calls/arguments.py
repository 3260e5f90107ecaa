"""Arguments from JSON values, and waiting for a device; of the standard library and torch alone."""

from __future__ import annotations

from typing import Any

import torch


def described(value: Any) -> dict[str, Any]:
    """A tensor, or a number, as JSON has it; a tensor's data is not kept."""
    if not isinstance(value, torch.Tensor):
        return {"value": value}
    dtype = str(value.dtype).removeprefix("torch.")
    return {"dtype": dtype, "sizes": list(value.shape), "strides": list(value.stride())}


def made(item: dict[str, Any], device: str) -> Any:
    """What was described; tensors hold zeros."""
    if "value" in item:
        return item["value"]
    dtype = getattr(torch, item["dtype"])
    return torch.empty_strided(item["sizes"], item["strides"], dtype=dtype, device=device).zero_()


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
