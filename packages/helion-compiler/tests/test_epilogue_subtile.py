"""Accumulators that are stored in halves or quarters: the same results, and nothing in full that can be in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
from helion import reference
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.program.printer import print_program

if TYPE_CHECKING:
    from types import ModuleType

M, K, N = 37, 24, 150
"""Tiles of 16 rows and 64 columns: the last tile has quarters that are full, in part, and not at all inside."""


def halves(*shape: int) -> torch.Tensor:
    return torch.randn(shape).half()


def factors(dtype: torch.dtype = torch.float16, n: int = N) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(M, K).to(dtype), torch.randn(K, n).to(dtype)


ARGUMENTS: dict[str, Any] = {
    "plain": factors,
    "one_dot": factors,
    "bias_and_residual": lambda: (*factors(), halves(N), halves(M, N)),
    "scaled_rows": lambda: (*factors(), halves(M)),
    "stored_twice": factors,
    "gated": lambda: (*factors(), halves(K, N)),
    "transposed": factors,
    "added": lambda: (*factors(), halves(M, N)),
    "masked": lambda: (*factors(), halves(N)),
    "inner_loop": lambda: (*factors(), torch.ones(1)),
    "attention": lambda: tuple(halves(2, 33, 72) for _ in range(3)),
    "planes": lambda: (*factors(), halves(K, N)),
    "dropped": lambda: (*factors(), 7),
    "weighed": lambda: (*factors(), halves(N, 70)),
}
CUT = {"scaled_rows": 2, "gated": 2, "planes": 2, "weighed": 2}
"""How many values are computed in full and cut, where that is not the one accumulator."""


def blocks(bound: Any, columns: int = 64) -> dict[str, int]:
    """Blocks of 16, and of 64 columns."""
    sites = bound.config_spec.sites["block_sizes"]
    return {site.name: columns if site.name == "columns" else 16 for site in sites}


def check(kernel: Any, arguments: tuple[Any, ...], bound: Any, **config: Any) -> str:
    """The source, once its results have been compared with the reference's."""
    wanted = reference.run(kernel.fn, arguments, precision="high").outputs
    chosen = helion.Config(**config)
    copies = [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]
    found = bound.compile_config(chosen)(*copies)
    pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
    for actual, expected in pairs:
        torch.testing.assert_close(actual.double(), expected.double(), rtol=2e-2, atol=2e-2)
    source: str = bound.to_triton_code(chosen)
    return source


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_parts_are_the_whole(name: str, parts: int, epilogue_kernels: ModuleType) -> None:
    kernel, arguments = getattr(epilogue_kernels, name), ARGUMENTS[name]()
    bound = kernel.bind(arguments)
    whole = bound.to_triton_code(helion.Config(block_sizes=blocks(bound)))
    source = check(kernel, arguments, bound, block_sizes=blocks(bound), epilogue_subtile=parts)
    assert source.count("tl.split") == (parts - 1) * CUT.get(name, 1)
    rows = name == "attention"  # the logarithms of its sums have no columns
    assert source.count("tl.store") == (whole.count("tl.store") - rows) * parts + rows


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_of_products(parts: int, batch: int, epilogue_kernels: ModuleType) -> None:
    kernel, arguments = epilogue_kernels.batched, (halves(3, 33, 24), halves(3, 24, 77))
    sizes = [batch, 16, 64, 16]
    bound = kernel.bind(arguments)
    source = check(kernel, arguments, bound, block_sizes=sizes, epilogue_subtile=parts)
    shape = [16, 2, 32] if batch == 1 else [2, 16, 2, 32]
    assert f"tl.reshape(acc, {shape})" in source


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("n", [33, 61, 64, 65, 131])
def test_widths_and_dtypes(n: int, dtype: torch.dtype, epilogue_kernels: ModuleType) -> None:
    kernel, others = epilogue_kernels.bias_and_residual, (torch.randn(n), torch.randn(M, n))
    arguments = (*factors(dtype, n), *(other.to(dtype) for other in others))
    bound = kernel.bind(arguments)
    check(kernel, arguments, bound, block_sizes=blocks(bound), epilogue_subtile=4)


@pytest.mark.parametrize("n", [7, 33, 63, 201])
def test_dynamic_widths(n: int, epilogue_kernels: ModuleType) -> None:
    """What was made for one width is right for others."""
    kernel = helion.kernel(static_shapes=False)(epilogue_kernels.bias_and_residual.fn)
    bound = kernel.bind((*factors(), halves(N), halves(M, N)))
    arguments = (*factors(n=n), halves(n), halves(M, n))
    check(kernel, arguments, bound, block_sizes=blocks(bound), epilogue_subtile=4)


@pytest.mark.parametrize("kind", ["flat", "xyz", "persistent_blocked", "persistent_interleaved"])
@pytest.mark.parametrize("parts", [2, 4])
def test_through_descriptors(parts: int, kind: str, epilogue_kernels: ModuleType) -> None:
    """Blocks of the last quarter begin beyond the tensor."""
    kernel = epilogue_kernels.bias_and_residual
    arguments = (*factors(n=152), halves(152), halves(M, 152))
    bound = kernel.bind(arguments)
    source = check(
        kernel,
        arguments,
        bound,
        block_sizes=blocks(bound),
        epilogue_subtile=parts,
        indexing="tensor_descriptor",
        pid_type=kind,
    )
    assert source.count("out_descriptor.store([rows_begin, columns_part") == parts - 1
    assert source.count("residual_descriptor.load([rows_begin, columns_part") == parts - 1


def test_each_access_has_its_own_mode_and_hints(epilogue_kernels: ModuleType) -> None:
    kernel = epilogue_kernels.bias_and_residual
    arguments = (*factors(n=152), halves(152), halves(M, 152))
    bound = kernel.bind(arguments)
    source = check(
        kernel,
        arguments,
        bound,
        block_sizes=blocks(bound),
        epilogue_subtile=2,
        indexing={"residual@load": "tensor_descriptor"},
        store_cache_modifiers=[".cs"],
        load_eviction_policies={"bias@load": "last"},
    )
    assert source.count("residual_descriptor.load(") == 2
    assert source.count("cache_modifier='.cs'") == 2
    assert source.count("eviction_policy='evict_last'") == 2


def test_nothing_is_loaded_or_computed_in_full(epilogue_kernels: ModuleType) -> None:
    arguments = ARGUMENTS["bias_and_residual"]()
    bound = epilogue_kernels.bias_and_residual.bind(arguments)
    config = helion.Config(block_sizes=blocks(bound), epilogue_subtile=2)
    before, after = bound.to_triton_code(config).split("tl.split")
    assert "tl.load(bias" not in before
    assert "tl.load(residual" not in before
    assert after.count("tl.load(bias") == after.count("tl.load(residual") == 2
    assert "columns_index" not in after


def test_a_reduction_that_is_rolled(epilogue_kernels: ModuleType) -> None:
    kernel, arguments = epilogue_kernels.weighed, ARGUMENTS["weighed"]()
    bound = kernel.bind(arguments)
    config = {"reduction_loops": [32], "epilogue_subtile": 2}
    source = check(kernel, arguments, bound, block_sizes=blocks(bound), **config)
    assert "for roll_0_begin in" in source


def test_whole_columns_of_dynamic_shapes(epilogue_kernels: ModuleType) -> None:
    """The guard still says that the columns fit their lanes."""
    kernel = helion.kernel(static_shapes=False)(epilogue_kernels.one_dot.fn)
    arguments = factors()
    bound = kernel.bind(arguments)
    check(kernel, arguments, bound, block_sizes=blocks(bound), epilogue_subtile=4)


def test_how_a_part_is_shown(epilogue_kernels: ModuleType) -> None:
    bound = epilogue_kernels.plain.bind(factors())
    config = helion.Config(block_sizes=blocks(bound), epilogue_subtile=2)
    lowered = bound._implementation.specialized.lower(config)
    text = print_program(lowered.schedule.program)
    assert "cut operand=%acc" in text
    assert "part columns_part1[b3] in 32 + o1..150" in text.replace("o1 + 32", "32 + o1")


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("normalized", factors, "a reduction or a scan of the accumulator"),
        ("summed_too", factors, "a reduction or a scan of the accumulator"),
        ("summed_too", factors, "is used elsewhere too"),
        ("rearranged", factors, "a reduction or a scan of the accumulator"),
        ("scattered", lambda: (*factors(), torch.randperm(N)), "not stored by the tile"),
        ("overwritten", factors, "the same place is read or written elsewhere"),
        ("read_back", factors, "the same place is read or written elsewhere"),
        ("added_atomically", factors, "no store writes what a matrix product computes"),
        ("squares", lambda: (halves(2, 64, 64), halves(2, 64, 64)), "not stored by the tile"),
        ("no_product", lambda: (halves(64, 64), halves(64, 64)), "no matrix product"),
        ("attention", lambda: [halves(2, 33, 16) for _ in range(3)], "fewer than 16 columns"),
    ],
)
def test_why_not(name: str, arguments: Any, reason: str, epilogue_kernels: ModuleType) -> None:
    bound = getattr(epilogue_kernels, name).bind(tuple(arguments()))
    assert "epilogue_subtile" not in bound.config_spec.single
    assert "epilogue_subtile" not in bound.config_spec.default_config()
    bound.to_triton_code(helion.Config(epilogue_subtile=None))
    with pytest.raises(InvalidConfig, match=reason):
        bound.to_triton_code(helion.Config(epilogue_subtile=2))


def test_blocks_that_are_too_small(epilogue_kernels: ModuleType) -> None:
    bound = epilogue_kernels.plain.bind(factors())
    narrow = blocks(bound, 32)
    assert "tl.split" in bound.to_triton_code(helion.Config(block_sizes=narrow, epilogue_subtile=2))
    with pytest.raises(InvalidConfig, match="fewer than 16 columns"):
        bound.to_triton_code(helion.Config(block_sizes=narrow, epilogue_subtile=4))


def test_descriptors_move_what_a_part_has(epilogue_kernels: ModuleType) -> None:
    """A part is small enough where the tile is not, and may be too small where the tile is not."""
    few, many = torch.randn(1, K).half(), torch.randn(K, 1024).half()
    wide = {"indexing": "tensor_descriptor", "block_sizes": [16, 512, 16]}
    bound = epilogue_kernels.plain.bind((halves(64, K), many))
    store = {**wide, "indexing": {"out@store": "tensor_descriptor"}}
    with pytest.raises(InvalidConfig, match="at most 256 elements"):
        bound.to_triton_code(helion.Config(**store))
    assert "out_descriptor.store" in bound.to_triton_code(
        helion.Config(**store, epilogue_subtile=2)
    )
    bound = epilogue_kernels.batched.bind((few[None], many[None]))
    thin = {"block_sizes": [1, 16, 64, 16], "indexing": {"out@store": "tensor_descriptor"}}
    bound.to_triton_code(helion.Config(**thin, epilogue_subtile=4))


def test_what_fits_shared_memory_in_parts(epilogue_kernels: ModuleType) -> None:
    square = torch.empty(4096, 4096, dtype=torch.float16)
    spec = epilogue_kernels.plain.bind((square, square)).config_spec
    whole = {
        "block_sizes": [128, 256, 64],
        "num_warps": 8,
        "num_stages": 4,
        "indexing": "tensor_descriptor",
        "pid_type": "persistent_interleaved",
    }
    found = [
        {violation.name for violation in spec.space.check(spec.point(helion.Config(**config)))}
        for config in (whole, whole | {"epilogue_subtile": 2})
    ]
    assert found == [{"shared memory"}, set()]


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("kind", ["pointer", "tensor_descriptor"])
def test_triton_compiles_it(parts: int, kind: str, epilogue_kernels: ModuleType) -> None:
    """In halves, a descriptor's store takes half the shared memory of the whole."""
    wide = torch.empty(512, 512, dtype=torch.float16)
    arguments = (wide, wide, wide[0], wide)
    specialized = epilogue_kernels.bias_and_residual.bind(arguments)._implementation.specialized
    config = {
        "block_sizes": [128, 256, 64],
        "num_warps": 8,
        "num_stages": 3,
        "indexing": kind,
        "pid_type": "persistent_interleaved",
    }
    taken = [
        specialized.build(
            helion.Config(**config, epilogue_subtile=chosen), parse_target("sm_90")
        ).image.entry.shared
        for chosen in (None, parts)
    ]
    assert taken[1] < taken[0] or kind == "pointer"
