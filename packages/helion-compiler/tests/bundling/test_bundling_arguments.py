"""Example arguments: what text stands for, and fakes of what is given."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor

from helion.exc import TracedArgNotSupported
from helion_compiler.bundling.errors import ArgumentTextError
from helion_compiler.bundling.example_arguments import on_fake_gpu, parse_argument


@pytest.mark.parametrize(
    ("text", "dtype", "sizes", "strides"),
    [
        ("bf16[4096,128]", torch.bfloat16, (4096, 128), (128, 1)),
        (" f16[ 2 , 3 ] ", torch.float16, (2, 3), (3, 1)),
        ("f32[]", torch.float32, (), ()),
        ("float64[7]", torch.float64, (7,), (1,)),
        ("f8e4m3[8]", torch.float8_e4m3fn, (8,), (1,)),
        ("u8[0,5]", torch.uint8, (0, 5), (5, 1)),
        ("bool[2,2]@[1,2]", torch.bool, (2, 2), (1, 2)),
        ("i64[3,4]@[0,1]", torch.int64, (3, 4), (0, 1)),
    ],
)
def test_tensors(
    text: str, dtype: torch.dtype, sizes: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    tensor = parse_argument(text)
    assert (tensor.dtype, tuple(tensor.shape), tensor.stride()) == (dtype, sizes, strides)
    assert tensor.device.type == "meta"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-1", -1), ("0.5", 0.5), ("true", True), ("null", None), ('"f32"', "f32")],
)
def test_other_values(text: str, value: Any) -> None:
    found = parse_argument(text)
    assert found == value
    assert type(found) is type(value)


def test_lists_hold_tensors_and_values() -> None:
    first, second = parse_argument('["f32[8]", [2, "max"]]')
    assert tuple(first.shape) == (8,)
    assert second == (2, "max")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("bf17[4]", "there is no dtype 'bf17'; the short names are bool, u8"),
        ("Tensor[4]", "there is no dtype 'Tensor'"),
        ("f32[4,-1]", "'-1' is no size or stride"),
        ("f32[n]", "'n' is no size or stride"),
        ("f32[2,3]@[1]", "2 sizes and 1 strides"),
        ("f32[2", "neither a tensor nor a JSON literal"),
        ("hello", "neither a tensor nor a JSON literal"),
        ('{"a": 1}', "kernels take no dictionaries"),
    ],
)
def test_text_that_cannot_be_read(text: str, problem: str) -> None:
    with pytest.raises(ArgumentTextError) as caught:
        parse_argument(text)
    assert f"{text}: {problem}" in str(caught.value)
    assert "write a tensor as bf16[4096,4096]" in str(caught.value)


def takes_anything(x: Any, pair: Any, epilogue: Any, count: Any) -> None:
    """Only its parameters are read."""


def test_every_tensor_becomes_a_fake_on_a_gpu() -> None:
    bias = torch.ones(4)
    scale = 2.0
    given = (
        torch.empty(3, 4, device="meta").t(),
        (torch.ones(2), 5),
        lambda value: value * scale + bias,
        7,
    )
    x, pair, epilogue, count = on_fake_gpu(takes_anything, given)
    captured = dict(
        zip(
            epilogue.__code__.co_freevars,
            (cell.cell_contents for cell in epilogue.__closure__),
            strict=True,
        )
    )
    for fake in (x, pair[0], captured["bias"]):
        assert isinstance(fake, FakeTensor)
        assert fake.device.type == "cuda"
    assert (tuple(x.shape), x.stride()) == ((4, 3), (1, 4))
    assert (pair[1], captured["scale"], count) == (5, 2.0, 7)
    assert not isinstance(bias, FakeTensor)


def test_what_no_kernel_takes_is_refused() -> None:
    with pytest.raises(TracedArgNotSupported, match="pair"):
        on_fake_gpu(takes_anything, (torch.ones(2), {1, 2}, None, 0))
