"""Variants for ranges of sizes: what they serve, in which order they are tried, and which ranges are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
import helion_runtime
from helion_compiler import BuildRequest, RangedTensor, SizeRange, build_bundle
from helion_compiler.bundling.build_file import read_build_file
from helion_compiler.bundling.errors import ArgumentTextError, BundleRequestError
from helion_compiler.bundling.example_arguments import on_device, parse_argument
from helion_compiler.tuning.result_key import result_key
from helion_runtime.acceptance import describe_signature
from helion_runtime.driver import DeviceProperties
from helion_runtime.errors import NoVariantError
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from pathlib import Path

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)


@helion.kernel
def rows(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :] * weight[None, :]
    return out


def request(text: str, block: int, weight: str = "f32[96]") -> BuildRequest:
    arguments = (parse_argument(text), parse_argument(weight))
    return BuildRequest(rows, arguments, config={"block_sizes": [block]})


BUCKETS = {1: "f32[1,96]", 2: "f32[2..64,96]", 4: "f32[16..64/16,96]", 8: "f32[65..1024,96]"}
"""By the block size that tells them apart; given in another order than they are tried in."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ranges") / "rows.helion"
    requests = [request(text, block) for block, text in reversed(BUCKETS.items())]
    build_bundle(made, requests, targets=["sm_90"], jobs=1)
    return made


@pytest.mark.parametrize(
    ("size", "block"),
    [(1, 1), (2, 2), (3, 2), (16, 4), (48, 4), (63, 2), (64, 4), (65, 8), (1023, 8)],
)
def test_each_size_has_the_variant_of_its_range(path: Path, size: int, block: int) -> None:
    driver = RecordingDriver(helion_runtime.load(path).manifest.kernels, HOPPER)
    op = helion_runtime.load(path, driver=driver).rows
    out = op(torch.zeros(size, 96), torch.zeros(96))
    assert out.shape == (size, 96)
    (launch,) = driver.launches
    assert launch.grid == (-(-size // block), 1, 1)


def test_what_lies_outside_is_refused(path: Path) -> None:
    driver = RecordingDriver(helion_runtime.load(path).manifest.kernels, HOPPER)
    op = helion_runtime.load(path, driver=driver).rows
    for sizes in ((1025, 96), (64, 95)):
        with pytest.raises(NoVariantError, match="has no variant"):
            op(torch.zeros(sizes), torch.zeros(sizes[1]))
    assert not driver.launches


def test_people_are_told_the_range(path: Path) -> None:
    op = helion_runtime.load(path).rows
    told = [describe_signature(("x", "weight"), variant) for variant in op.variants]
    assert all("weight: float32[96]" in text for text in told)  # what is no range is fixed
    rows_of_x = [text.split(",")[0].removeprefix("x: float32[") for text in told]
    assert rows_of_x == ["1", "16k in 16..64", "2..64", "65..1024"]


def test_larger_ranges_are_tried_later(tmp_path: Path) -> None:
    """Of two that serve a call, the smaller one is meant."""
    requests = [request(f"f32[2..{high},96]", block) for high, block in ((4000, 8), (100, 2))]
    build_bundle(tmp_path / "b.helion", requests, targets=["sm_90"], jobs=1)
    bundle = helion_runtime.load(tmp_path / "b.helion")
    highs = [
        guard[2]
        for variant in bundle.rows.variants
        for guard in variant.guard
        if list(guard[:2]) == ["le", ["size", 0, 0]] or guard[:2] == ("le", ("size", 0, 0))
    ]
    assert highs == [100, 4000]


@pytest.mark.parametrize(
    ("text", "example", "shown"),
    [
        ("f32[2..128,96]", 127, "2..128"),
        ("f32[2..127,96]", 127, "2..127"),
        ("f32[16..130/16,96]", 128, "16..130/16"),
        ("f32[ 100..100000 , 96 ]", 99999, "100..100000"),
        ("f32[2..16,96]@[192,1]", 15, "2..16"),
    ],
)
def test_ranges_are_read(text: str, example: int, shown: str) -> None:
    found = parse_argument(text)
    assert isinstance(found, RangedTensor)
    assert found.example.shape == (example, 96)
    (first, second) = found.ranges
    assert (str(first), second) == (shown, None)
    assert found.marked() is not found.example


@pytest.mark.parametrize(
    "text", ["f32[1..8]", "f32[0..8]", "f32[8..2]", "f32[16..16]", "f32[17..31/16]", "f32[2..2]"]
)
def test_ranges_that_no_variant_serves(text: str) -> None:
    if text == "f32[2..2]":  # a range of one size, which is served
        assert isinstance(parse_argument(text), RangedTensor)
        return
    with pytest.raises(BundleRequestError, match="is no range of sizes that one variant serves"):
        parse_argument(text)


@pytest.mark.parametrize("text", ["f32[2...8]", "f32[..8]", "f32[2..8/4]", "f32[2..8]@[1..2]"])
def test_texts_that_are_no_ranges(text: str) -> None:
    with pytest.raises(ArgumentTextError, match="is no size or stride"):
        parse_argument(text)
    with pytest.raises(ArgumentTextError, match="inside a list has no ranges"):
        parse_argument('["f32[2..8]"]')


def test_fixed_sizes_are_fixed_as_it_is(tmp_path: Path) -> None:
    x, weight = parse_argument("f32[2..64,96]"), torch.empty(96, device="meta")
    with pytest.raises(BundleRequestError, match="has ranges of sizes in x, and static_shapes"):
        BuildRequest(rows, (x, weight), static_shapes=True).bind()
    (tmp_path / "ops.py").write_text(
        "import helion, helion.language as hl, torch\n"
        "@helion.kernel\n"
        "def twice(x):\n"
        "    out = torch.empty_like(x)\n"
        "    for tile in hl.tile(x.shape):\n"
        "        out[tile] = x[tile] * 2\n"
        "    return out\n"
    )
    (tmp_path / "k.toml").write_text(
        '[[variant]]\nkernel = "ops.py:twice"\nargs = ["f32[2..64,96]"]\n'
    )
    (made,) = read_build_file(tmp_path / "k.toml").requests
    assert made.ranged["x"].ranges == (SizeRange(2, 64), None)


def test_tuning_takes_the_largest_and_keeps_what_is_fixed() -> None:
    made = request("f32[2..64,96]", 2)
    x, weight = on_device(rows.fn, made.normalized_args(), torch.device("cpu"))
    assert (x.shape, weight.shape) == ((63, 96), (96,))
    on_gpu = made.compiled().bind((x, weight)).specialized
    built = made.bind()
    key: Any = result_key(built, built.call.leaves, "a GPU")
    assert key == result_key(on_gpu, (x, weight), "a GPU")
    assert key["arguments"][0] == ["torch.float32", [64, 96], 2]
