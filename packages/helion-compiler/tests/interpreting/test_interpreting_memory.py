"""Loads, stores, atomics, block pointers and descriptors; and that none of them leaves its tensors."""

import pytest
import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

from helion_compiler.interpreting import OutOfBoundsAccess, interpret

ONE = (1, 1, 1)


@triton.jit
def copy_kernel(x, y, start, n, MASKED: tl.constexpr, BLOCK: tl.constexpr):
    i = start + tl.arange(0, BLOCK)
    mask = (i >= 0) & (i < n)
    if MASKED:
        tl.store(y + i, tl.load(x + i, mask=mask, other=0.0), mask=mask)
    else:
        tl.store(y + i, tl.load(x + i))


@pytest.mark.parametrize(
    "dtype",
    [torch.bool, torch.uint8, torch.int64, torch.bfloat16, torch.float8_e4m3fn, torch.float64],
    ids=str,
)
def test_masked_copies_of_any_type(dtype: torch.dtype) -> None:
    x = (torch.rand(100) * 2).to(dtype)
    y = torch.zeros(100, dtype=dtype)
    interpret(copy_kernel, ONE, [x, y, -14, 100], {"MASKED": True, "BLOCK": 128})
    assert torch.equal(y.view(torch.uint8), x.view(torch.uint8))


def test_a_load_past_the_end_names_kernel_tensor_and_distance() -> None:
    x, y = torch.zeros(100), torch.zeros(128)
    expected = (
        r"kernel 'copy_kernel': a load out of bounds for 28 of 128 elements; the nearest tensor is 'x' "
        r"with 400 bytes of storage, and the first such element of 4 bytes lies 4 bytes past its end"
    )
    with pytest.raises(OutOfBoundsAccess, match=expected):
        interpret(copy_kernel, ONE, [x, y, 0, 100], {"MASKED": False, "BLOCK": 128})


def test_a_load_before_the_start_is_refused() -> None:
    x, y = torch.zeros(200), torch.zeros(200)
    with pytest.raises(OutOfBoundsAccess, match=r"'x'.* 4 bytes before its start"):
        interpret(copy_kernel, ONE, [x, y, -1, 200], {"MASKED": False, "BLOCK": 128})


def test_a_store_out_of_bounds_writes_nothing() -> None:
    x, y = torch.ones(128), torch.zeros(100)
    with pytest.raises(OutOfBoundsAccess, match=r"a store .* 28 of 128 .*'y'"):
        interpret(copy_kernel, ONE, [x, y, 0, 100], {"MASKED": False, "BLOCK": 128})
    assert not y.any()


def test_an_element_that_straddles_the_end_is_refused() -> None:
    bytes_ = torch.zeros(11, dtype=torch.uint8)
    x = torch.as_strided(bytes_[:8].view(torch.float32), (2,), (1,))
    y = torch.zeros(4)
    with pytest.raises(OutOfBoundsAccess, match="1 bytes past its end"):
        interpret(copy_kernel, ONE, [x, y, 0, 3], {"MASKED": True, "BLOCK": 4})


def test_a_view_may_reach_all_of_its_storage() -> None:
    whole, y = torch.arange(128.0), torch.zeros(256)
    interpret(copy_kernel, ONE, [whole[64:], y[64:], -64, 0], {"MASKED": False, "BLOCK": 128})
    assert torch.equal(y[:128], whole)


@pytest.mark.parametrize("grid", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_an_empty_grid_runs_nothing(grid: tuple[int, int, int]) -> None:
    x, y = torch.ones(8), torch.zeros(8)
    interpret(copy_kernel, grid, [x, y, 0, 8], {"MASKED": False, "BLOCK": 1024})
    assert not y.any()


@triton.jit
def atomic_kernel(x, where, values, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.atomic_add(x + tl.load(where + i), tl.load(values + i), mask=i < BLOCK - 1)


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.int64],
    ids=str,
)
def test_atomic_additions_to_the_same_element_all_count(dtype: torch.dtype) -> None:
    x, where = torch.ones(4, dtype=dtype), torch.arange(16, dtype=torch.int32) % 4
    values = torch.arange(16).to(dtype)
    interpret(atomic_kernel, ONE, [x, where, values], {"BLOCK": 16})
    assert x.tolist() == [25, 29, 33, 22]


def test_an_atomic_out_of_bounds_is_refused() -> None:
    x, where = torch.zeros(4), torch.arange(16, dtype=torch.int32)
    with pytest.raises(OutOfBoundsAccess, match=r"an atomic .* 11 of 15"):
        interpret(atomic_kernel, ONE, [x, where, torch.ones(16)], {"BLOCK": 16})
    assert not x.any()


@triton.jit
def atomic_kinds_kernel(x, old, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    value = (i - 2).to(x.dtype.element_ty)
    tl.store(old + i, tl.atomic_max(x + i, value))
    tl.atomic_min(x + BLOCK + i, value)
    tl.atomic_xchg(x + 2 * BLOCK + i, value)
    tl.atomic_cas(x + 3 * BLOCK + i, tl.full([BLOCK], 1, x.dtype.element_ty), value)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float32, torch.uint32], ids=str)
def test_other_atomics(dtype: torch.dtype) -> None:
    start = torch.tensor([[1, 0, 3, 1]] * 4).to(dtype)
    x, old = start.clone(), torch.empty(4, dtype=dtype)
    interpret(atomic_kinds_kernel, ONE, [x, old], {"BLOCK": 4})
    value = torch.tensor([-2, -1, 0, 1]).to(dtype)
    wide = torch.float64 if dtype.is_floating_point else torch.int64
    was, put = start.to(wide), value.to(wide)
    swapped = torch.where(was[3] == 1, put, was[3])
    expected = [torch.maximum(was[0], put), torch.minimum(was[1], put), put, swapped]
    assert torch.equal(x.to(wide), torch.stack(expected))
    assert torch.equal(old, start[0])


@triton.jit
def block_pointer_kernel(x, y, rows, columns, CHECK: tl.constexpr):
    source = tl.make_block_ptr(x, (rows, columns), (columns, 1), (0, 0), (16, 16), (1, 0))
    target = tl.make_block_ptr(y, (columns, rows), (1, columns), (0, 0), (16, 16), (0, 1))
    for _ in range(tl.cdiv(rows, 16)):
        if CHECK:
            block = tl.load(source, boundary_check=(0, 1), padding_option="zero")
            tl.store(target, tl.trans(block) * 2, boundary_check=(0, 1))
        else:
            tl.store(target, tl.trans(tl.load(source)) * 2)
        source = tl.advance(source, (16, 0))
        target = tl.advance(target, (0, 16))


@pytest.mark.filterwarnings("ignore:tl.make_block_ptr is deprecated")
def test_block_pointers() -> None:
    x = torch.randn(40, 13)
    y = torch.zeros(40, 13)
    interpret(block_pointer_kernel, ONE, [x, y, 40, 13], {"CHECK": True})
    torch.testing.assert_close(y, 2 * x)
    with pytest.raises(OutOfBoundsAccess, match="a load"):
        interpret(block_pointer_kernel, ONE, [x, y, 40, 13], {"CHECK": False})


@triton.jit
def device_descriptor_kernel(x, y, rows, columns, BLOCK: tl.constexpr):
    source = tl.make_tensor_descriptor(x, [rows, columns], [columns, 1], [BLOCK, BLOCK])
    target = tl.make_tensor_descriptor(y, [rows, columns], [columns, 1], [BLOCK, BLOCK])
    row, column = tl.program_id(0) * BLOCK, tl.program_id(1) * BLOCK
    target.store([row, column], source.load([row, column]) + 1)


@triton.jit
def host_descriptor_kernel(source, target, BLOCK: tl.constexpr):
    row, column = tl.program_id(0) * BLOCK, tl.program_id(1) * BLOCK
    block = source.load([row, column])
    target.store([row, column], (block + 1).to(target.dtype))
    target.atomic_add([row, column], tl.full([BLOCK, BLOCK], 2, target.dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_descriptors_made_on_the_device_and_on_the_host(dtype: torch.dtype) -> None:
    x, y = torch.randn(40, 24).to(dtype), torch.zeros(40, 24, dtype=dtype)
    interpret(device_descriptor_kernel, (3, 2, 1), [x, y, 40, 24], {"BLOCK": 16})
    assert torch.equal(y, x + 1)
    source, target = (TensorDescriptor.from_tensor(tensor, [16, 16]) for tensor in (x, y))
    interpret(host_descriptor_kernel, (3, 2, 1), [source, target], {"BLOCK": 16})
    assert torch.equal(y, x + 1 + 2)


def test_a_descriptor_of_more_than_its_tensor_is_refused() -> None:
    x, y = torch.randn(30, 24), torch.zeros(40, 24)
    with pytest.raises(OutOfBoundsAccess, match="'x'"):
        interpret(device_descriptor_kernel, (3, 2, 1), [x, y, 40, 24], {"BLOCK": 16})


def test_a_misaligned_descriptor_is_refused() -> None:
    x, y = torch.randn(40, 24)[:, 1:], torch.zeros(40, 24)
    with pytest.raises(ValueError, match="multiples of 16 bytes"):
        interpret(device_descriptor_kernel, (3, 2, 1), [x, y, 40, 23], {"BLOCK": 16})


@triton.jit
def gather_kernel(source, rows, out, target):
    i = tl.arange(0, 8)
    block = source.gather(tl.load(rows + i), 16)
    tl.store(out + i[:, None] * 16 + tl.arange(0, 16)[None, :], block)
    target.scatter(block, tl.load(rows + i), 0)


def test_gather_and_scatter_by_descriptors() -> None:
    x, out, y = torch.randn(32, 40), torch.empty(8, 16), torch.zeros(32, 40)
    rows = torch.tensor([3, 1, 4, 31, 5, 9, 2, 6], dtype=torch.int32)
    descriptors = [TensorDescriptor.from_tensor(tensor, [1, 16]) for tensor in (x, y)]
    interpret(gather_kernel, ONE, [descriptors[0], rows, out, descriptors[1]])
    assert torch.equal(out, x[rows.long(), 16:32])
    assert torch.equal(y[rows.long(), :16], x[rows.long(), 16:32])


def test_a_descriptor_offset_within_16_bytes_is_refused() -> None:
    x, rows = torch.randn(32, 40), torch.zeros(8, dtype=torch.int32)
    descriptor = TensorDescriptor.from_tensor(x, [1, 16])
    with pytest.raises(ValueError, match="element 2 of 4 bytes"):
        interpret(offset_kernel, ONE, [descriptor, rows])


@triton.jit
def offset_kernel(source, rows):
    source.load([0, 2])


def test_storages_that_share_memory_are_one() -> None:
    whole = torch.arange(64, dtype=torch.float32).numpy()
    x, part = torch.from_numpy(whole), torch.from_numpy(whole[4:8])
    interpret(sum_kernel, ONE, [x, part], {"BLOCK": 64})
    assert part[0].item() == sum(range(64))


@triton.jit
def sum_kernel(x, total, BLOCK: tl.constexpr):
    tl.store(total, tl.sum(tl.load(x + tl.arange(0, BLOCK))))
