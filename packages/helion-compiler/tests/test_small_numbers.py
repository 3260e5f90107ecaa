"""Integers that are known to be few and small become bfloat16 and float16 by their bits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion import reference
from helion_compiler.building import parse_target
from helion_compiler.bundling.request import BuildRequest
from helion_compiler.model.instructions import instructions_of
from helion_compiler.passes.whole_numbers import Bounds, WholeNumbers, dtype_bounds
from helion_compiler.program.lane_ops import Join, Split
from helion_compiler.program.ops import Full, Load, Mask, Pick, Pointwise
from helion_compiler.program.types import Buffer, TileType, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.ops import Op

BRAIN, HALF = torch.bfloat16, torch.float16
SIGNED, UNSIGNED = torch.int8, torch.uint8
CONFIG = helion.Config(block_sizes=[4])
BY_BITS = re.compile(
    r"\.to\(tl\.int16\) (?:& (\d+)\) \^|\+) (-?\d+)\)\.to\(tl\.b?float16, bitcast=True\) - (-?\d+)"
)


def stored(function: Callable[[Any], Any], dtype: torch.dtype) -> Callable[..., torch.Tensor]:
    """A kernel's function that stores what ``function`` makes of rows as ``dtype``."""

    def rows(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty(x.size(), dtype=dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = function(x[tile, :]).to(dtype)
        return out

    return rows


def conversion(
    function: Callable[[Any], Any], source: torch.dtype, dtype: torch.dtype = BRAIN
) -> tuple[Bounds | None, Pointwise]:
    """Between what a kernel's last conversion finds the numbers, and that conversion."""
    args = (torch.empty(8, 10, dtype=source, device="meta"),)
    program = BuildRequest(helion.kernel()(stored(function, dtype)), args).bind().program
    ops = list(program.walk())
    found = [op for op in ops if isinstance(op, Pointwise) and op.result.type.dtype is dtype]
    return WholeNumbers(ops).bounds(found[-1].args[0]), found[-1]


def text_for(
    function: Callable[[Any], Any], source: torch.dtype, dtype: torch.dtype, target: str
) -> str:
    """The source for a target."""
    args = (torch.empty(8, 10, dtype=source, device="meta"),)
    request = BuildRequest(helion.kernel()(stored(function, dtype)), args)
    return request.bind(parse_target(target)).lower(CONFIG).emitted.source


# What is known of numbers.

RULES: dict[str, tuple[Callable[[Any], Any], torch.dtype, int, int]] = {
    "signed bytes": (lambda x: x, SIGNED, -128, 127),
    "unsigned bytes": (lambda x: x, UNSIGNED, 0, 255),
    "truths": (lambda x: x, torch.bool, 0, 1),
    "low half of signed bytes": (lambda x: (x << 4) >> 4, SIGNED, -8, 7),
    "high half of signed bytes": (lambda x: x >> 4, SIGNED, -8, 7),
    "high half of unsigned bytes": (lambda x: x >> 4, UNSIGNED, 0, 15),
    "shifted by name": (lambda x: torch.bitwise_right_shift(x, 3), UNSIGNED, 0, 31),
    "shifted left": (lambda x: (x & 1) << 4, SIGNED, -128, 127),
    "highest bits of words": (lambda x: x >> 28, torch.int32, -8, 7),
    "lowest bits": (lambda x: x & 0xF, SIGNED, 0, 15),
    "bits of words": (lambda x: (x >> 12) & 0xF, torch.int32, 0, 15),
    "fewer than are asked for": (lambda x: (x >> 6) & 0x7F, UNSIGNED, 0, 3),
    "bits of both": (lambda x: (x & 7) & x, SIGNED, 0, 7),
    "bits with a sign": (lambda x: x & -2, SIGNED, -128, 127),
    "sum": (lambda x: (x & 0xF) + 3, UNSIGNED, 3, 18),
    "sum with a wider one": (lambda x: x.to(torch.int32) + 1000, UNSIGNED, 1000, 1255),
    "sum that wraps around": (lambda x: x + 1, SIGNED, -128, 127),
    "sum of a multiple": (lambda x: torch.add(x & 1, x & 1, alpha=2), SIGNED, -128, 127),
    "difference": (lambda x: (x >> 4) - 8, SIGNED, -16, -1),
    "difference that wraps around": (lambda x: (x & 0xF) - 8, UNSIGNED, 0, 255),
    "difference of a wider one": (lambda x: (x & 0xF).to(SIGNED) - 8, UNSIGNED, -8, 7),
    "difference from a number": (lambda x: 8 - (x & 0xF), SIGNED, -7, 8),
    "difference of both": (lambda x: (x & 0xF) - (x >> 4), SIGNED, -7, 23),
    "wider": (lambda x: x.to(torch.int32), SIGNED, -128, 127),
    "narrower, and it fits": (lambda x: (x & 0x7F).to(SIGNED), torch.int64, 0, 127),
    "narrower, and it does not": (lambda x: (x & 0xFF).to(SIGNED), torch.int64, -128, 127),
    "truth as an integer": (lambda x: (x > 3).to(torch.int32), SIGNED, 0, 1),
    "made of floats": (lambda x: x.to(torch.float32).to(SIGNED), torch.int64, -128, 127),
    "chosen": (lambda x: torch.where(x > 0, x & 3, x >> 4), SIGNED, -8, 7),
    "chosen or a number": (lambda x: torch.where(x > 0, x & 3, -5), SIGNED, -5, 3),
    "product": (lambda x: (x & 1) * 2, SIGNED, -128, 127),
    "arranged": (lambda x: (x & 3)[:, None, :].permute(1, 0, 2).squeeze(0), SIGNED, 0, 3),
    "repeated": (lambda x: (x[:, :1] & 3).expand(x.size()), SIGNED, 0, 3),
    "stacked": (
        lambda x: torch.stack([x & 3, x >> 4], dim=1).flatten(0, 1).reshape(x.size(0), 2, -1)[:, 0],
        SIGNED,
        -8,
        7,
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_what_is_known_of_numbers(name: str) -> None:
    function, source, least, most = RULES[name]
    assert conversion(function, source)[0] == Bounds(least, most)


def _value(dtype: torch.dtype, *shape: int) -> Value:
    return Value("value", TileType(dtype, shape))


def _between(least: int, most: int) -> tuple[Value, list[Op]]:
    """A value of int8 between two numbers, and what makes it."""
    first, second, masked = (_value(SIGNED, 4) for _ in range(3))
    return masked, [
        Full(result=first, fill=least),
        Full(result=second, fill=least),
        Mask(result=masked, operand=second, dim=0, fill=most),
    ]


def test_lanes_that_are_masked_paired_parted_and_picked() -> None:
    small, ops = _between(-3, 2)
    large, more = _between(5, 9)
    pairs, first, second = _value(SIGNED, 4, 2), _value(SIGNED, 4), _value(SIGNED, 4)
    picked = _value(SIGNED, 4)
    ops += [
        *more,
        Join(result=pairs, first=small, second=large),
        Split(results=(first, second), operand=pairs),
        Pick(result=picked, operand=small, index=_value(torch.int32, 4), dim=0),
    ]
    numbers = WholeNumbers(ops)
    assert numbers.bounds(small) == numbers.bounds(picked) == Bounds(-3, 2)
    assert numbers.bounds(large) == Bounds(5, 9)
    assert numbers.bounds(pairs) == numbers.bounds(first) == numbers.bounds(second) == Bounds(-3, 9)


def test_what_is_not_known_has_the_bounds_of_its_dtype() -> None:
    loaded, real, size = _value(SIGNED, 4), _value(torch.float32, 4), _value(torch.int32, 4)
    buffer = Buffer(0, "x", SIGNED, (4,), (1,), 0)
    numbers = WholeNumbers(
        [
            Load(result=loaded, buffer=buffer, subscripts=(), name="x@load"),
            Full(result=real, fill=3.0),
            Full(result=size, fill=2**40),
        ]
    )
    assert numbers.bounds(loaded) == Bounds(-128, 127)
    assert numbers.bounds(real) is None
    assert numbers.bounds(size) == dtype_bounds(torch.int32)
    assert numbers.bounds(2.5) is None
    assert numbers.bounds(_value(SIGNED)) == Bounds(-128, 127)


def test_what_a_loop_carries_has_the_bounds_of_its_dtype() -> None:
    def added(x: Any) -> Any:
        total = x & 1
        for _ in hl.grid(x.size(0)):
            total = total + 1
        return total

    assert conversion(added, SIGNED)[0] == Bounds(-128, 127)


# What is marked.

MARKED: dict[str, tuple[Callable[[Any], Any], torch.dtype, torch.dtype, int, int]] = {
    "seven bits": (lambda x: x & 0x7F, UNSIGNED, BRAIN, 0, 127),
    "unsigned bytes in float16": (lambda x: x, UNSIGNED, HALF, 0, 255),
    "ten bits in float16": (lambda x: x & 0x3FF, torch.int32, HALF, 0, 1023),
    "the least": (lambda x: (x & 0x7F).to(torch.int16) - 128, SIGNED, BRAIN, -128, -1),
    "the most": (lambda x: (x & 0x7F).to(torch.int16) + 129, SIGNED, BRAIN, 129, 256),
    "of both signs": (lambda x: (x & 0x7F).to(torch.int16) - 63, SIGNED, BRAIN, -63, 64),
}
WITH_A_SIGN: dict[str, tuple[Callable[[Any], Any], torch.dtype, torch.dtype, int]] = {
    "halves of bytes": (lambda x: x >> 4, SIGNED, BRAIN, 8),
    "in float16": (lambda x: x >> 4, SIGNED, HALF, 8),
    "fewer": (lambda x: (x & 0x7) - 3, torch.int32, BRAIN, 8),
    "one below zero": (lambda x: (x & 0x3) - 1, torch.int32, BRAIN, 4),
    "below zero alone": (lambda x: (x & 0x1) - 2, torch.int32, BRAIN, 2),
    "seven bits": (lambda x: x >> 1, SIGNED, BRAIN, 64),
    "signed bytes in float16": (lambda x: x, SIGNED, HALF, 128),
}
UNMARKED: dict[str, tuple[Callable[[Any], Any], torch.dtype, torch.dtype]] = {
    "eight bits": (lambda x: x & 0xFF, torch.int32, BRAIN),
    "signed bytes": (lambda x: x, SIGNED, BRAIN),
    "unsigned bytes": (lambda x: x, UNSIGNED, BRAIN),
    "eleven bits in float16": (lambda x: x & 0x7FF, torch.int32, HALF),
    "less": (lambda x: (x & 0x7F).to(torch.int16) - 129, SIGNED, BRAIN),
    "more": (lambda x: (x & 0x7F).to(torch.int16) + 130, SIGNED, BRAIN),
    "float32": (lambda x: x >> 4, SIGNED, torch.float32),
    "truths": (lambda x: x > 3, SIGNED, BRAIN),
    "words": (lambda x: x, torch.int32, HALF),
}
BASES = {BRAIN: (128, 0x4300), HALF: (1024, 0x6400)}


@pytest.mark.parametrize("dtype", BASES)
def test_bases_have_these_bits(dtype: torch.dtype) -> None:
    number, bits = BASES[dtype]
    assert torch.tensor(number, dtype=dtype).view(torch.int16).item() == bits


@pytest.mark.parametrize("name", MARKED)
def test_few_numbers_are_moved_by_the_least(name: str) -> None:
    function, source, dtype, least, most = MARKED[name]
    assert conversion(function, source, dtype)[1].between == (least, most)
    number, bits = BASES[dtype]
    found = BY_BITS.findall(text_for(function, source, dtype, "sm_90"))
    assert found == [("", str(bits - least), str(number - least))]


@pytest.mark.parametrize("name", WITH_A_SIGN)
def test_bits_of_numbers_with_a_sign_are_taken_alone(name: str) -> None:
    function, source, dtype, half = WITH_A_SIGN[name]
    number, bits = BASES[dtype]
    found = BY_BITS.findall(text_for(function, source, dtype, "sm_90"))
    assert found == [(str(2 * half - 1), str(bits + half), str(number + half))]


@pytest.mark.parametrize("name", UNMARKED)
def test_others_are_converted(name: str) -> None:
    function, source, dtype = UNMARKED[name]
    assert conversion(function, source, dtype)[1].between is None
    assert not BY_BITS.search(text_for(function, source, dtype, "sm_90"))


@pytest.mark.parametrize("target", ["sm_80", "sm_86", "gfx942"])
def test_other_targets_convert(target: str) -> None:
    assert not BY_BITS.search(text_for(lambda x: x >> 4, SIGNED, BRAIN, target))
    assert BY_BITS.search(text_for(lambda x: x >> 4, SIGNED, BRAIN, "sm_100"))


def test_the_model_counts_what_conversions_take() -> None:
    def count(function: Callable[[Any], Any], source: torch.dtype, dtype: torch.dtype) -> float:
        return instructions_of(conversion(function, source, dtype)[1])

    assert count(lambda x: x & 0xF, torch.int32, BRAIN) == 2.0
    assert count(lambda x: x, SIGNED, BRAIN) == 2.0  # Triton has its own arithmetic on bits
    assert count(lambda x: x, UNSIGNED, BRAIN) == count(lambda x: x, torch.int32, HALF) == 4.5
    assert count(lambda x: x > 3, SIGNED, BRAIN) == count(lambda x: x, torch.float32, BRAIN) == 1.0


# What comes of it.

EVERY = torch.arange(-128, 128)
EXACT: dict[str, tuple[Callable[[Any], Any], torch.Tensor, torch.dtype]] = {
    "low halves": (lambda x: (x << 4) >> 4, EVERY.to(SIGNED), BRAIN),
    "high halves": (lambda x: x >> 4, EVERY.to(SIGNED), BRAIN),
    "fewer halves": (lambda x: (x & 7) - 3, EVERY.to(torch.int32), BRAIN),
    "seven bits": (lambda x: x >> 1, EVERY.to(SIGNED), BRAIN),
    "unsigned low halves": (lambda x: x & 0xF, EVERY.to(UNSIGNED), BRAIN),
    "signed bytes in float16": (lambda x: x, EVERY.to(SIGNED), HALF),
    "unsigned bytes in float16": (lambda x: x, EVERY.to(UNSIGNED), HALF),
    "greatest": (lambda x: (x & 0x7F) + 129, EVERY.to(torch.int32), BRAIN),
    "least": (lambda x: (x & 0x3FF) - 1024, 5 * EVERY.to(torch.int64), HALF),
    "bytes that bfloat16 has no room for": (lambda x: x, EVERY.to(SIGNED), BRAIN),
}


@pytest.mark.parametrize("name", EXACT)
def test_every_number_is_itself(name: str) -> None:
    """Interpreted, in tiles that reach beyond the tensor on both sides."""
    function, numbers, dtype = EXACT[name]
    x = torch.cat([numbers, numbers[:4]]).reshape(26, 10)[:, :9].contiguous()
    kernel = helion.kernel(stored(function, dtype), config=CONFIG)
    found = kernel(x)
    assert torch.equal(found, function(x).to(dtype))
    assert not found.signbit()[found == 0].any()
    assert torch.equal(found, reference.run(stored(function, dtype), (x,), block_sizes=[4]).outputs)


def packed_product(x: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    """With weights of which two share a byte."""
    m, _ = x.size()
    half_k, n = packed.size()
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    block_k = hl.register_block_size(16, half_k)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(half_k, block_size=block_k):
            both = packed[tile_k, tile_n]
            halves = torch.stack([(both << 4) >> 4, both >> 4], dim=1).flatten(0, 1)
            begin = tile_k.begin * 2
            left = x[tile_m, begin : begin + block_k * 2]
            acc = hl.dot(left, halves.to(x.dtype), acc=acc)
        out[tile_m, tile_n] = acc
    return out


@pytest.mark.parametrize("sizes", [(5, 7, 3), (33, 20, 17)])
def test_products_of_packed_weights(sizes: tuple[int, int, int]) -> None:
    """Padding is masked behind the conversion."""
    m, half_k, n = sizes
    x = torch.randint(-4, 5, (m, 2 * half_k)).to(BRAIN)
    packed = torch.randint(-128, 128, (half_k, n)).to(SIGNED)
    config = helion.Config(block_sizes=[16, 16, 16])
    kernel = helion.kernel(packed_product, config=config)
    assert len(BY_BITS.findall(kernel.bind((x, packed)).to_triton_code(config))) == 1
    weights = torch.stack([(packed << 4) >> 4, packed >> 4], dim=1).flatten(0, 1)
    assert torch.equal(kernel(x, packed), x.float() @ weights.float())


@pytest.mark.parametrize("dtype", [BRAIN, HALF])
def test_no_conversion_is_left_for_a_gpu(dtype: torch.dtype) -> None:
    """Nor is float32 used: lanes are subtracted in pairs."""
    x = torch.empty(64, 512, dtype=SIGNED, device="meta")
    request = BuildRequest(helion.kernel()(stored(lambda x: (x << 4) >> 4, dtype)), (x,))
    built = request.bind(parse_target("ptx_90")).build(CONFIG, parse_target("ptx_90"))
    instructions = re.findall(r"^\s+([a-z][\w.]+)\s", built.image.binary.decode(), re.MULTILINE)
    floats = [name for name in instructions if re.search(r"\.(b?f16|f32)", name)]
    assert floats
    assert {name for name in floats if "x2" not in name} == set()


@pytest.mark.parametrize("swapped", [False, True])
def test_halves_of_bytes_are_shifted_once(swapped: bool) -> None:
    """The low one not at all, the high one to where that is, so that no sign is extended."""
    x = torch.empty(64, 512, dtype=BRAIN, device="meta")
    packed = torch.empty(256, 64, dtype=SIGNED, device="meta")
    config = helion.Config(
        block_sizes=[32, 64, 64],
        swap_operands=[swapped],
        indexing=["tensor_descriptor" if swapped else "pointer", "pointer", "pointer"],
    )
    target = parse_target("ptx_90")
    bound = BuildRequest(helion.kernel(packed_product), (x, packed)).bind(target)
    text = bound.build(config, target).image.binary.decode()
    shifts = re.findall(r"^\s+(sh[lr]\.[bsu]16)\s", text, re.MULTILINE)
    assert shifts == ["shr.u16"] * (32 * 64 // 128)
