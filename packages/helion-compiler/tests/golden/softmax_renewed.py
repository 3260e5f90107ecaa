import triton
import triton.language as tl


@triton.jit
def nan_maximum(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def renewed(value, times: tl.constexpr):
    # The same bits: no program's number is as large as theirs, which compilers do not know.
    differs = tl.where(tl.program_id(0) >= tl.num_programs(0), times, 0)
    return tl.inline_asm_elementwise(
        "xor.b32 $0, $1, $2;", "=r,r,r,r", [value, differs], dtype=value.dtype, is_pure=True, pack=2
    )


@triton.jit
def softmax(x, out):
    # for tile_n in hl.tile(n):
    pid = tl.program_id(0)
    tile_n_begin = pid
    # out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    whole_index = tl.arange(0, 65536)
    whole_mask = whole_index < 40000
    x_1 = tl.load(x + (tile_n_begin * 40000 + whole_index), mask=whole_mask, other=0)
    convert_element_type = x_1.to(tl.float32)
    masked = tl.where(whole_mask, convert_element_type, tl.full([], float('-inf'), tl.float32))
    amax = tl.reduce(masked, 0, nan_maximum)
    x_2 = renewed(x_1, 1)
    convert_element_type_1 = x_2.to(tl.float32)
    sub = convert_element_type_1 - amax
    exp = tl.exp2(sub * 1.4426950408889634)
    masked_1 = tl.where(whole_mask, exp, tl.full([], 0, tl.float32))
    sum = tl.sum(masked_1, 0)
    x_3 = renewed(x_1, 2)
    convert_element_type_2 = x_3.to(tl.float32)
    sub_1 = convert_element_type_2 - amax
    exp_1 = tl.exp2(sub_1 * 1.4426950408889634)
    div = (exp_1 / sum)
    convert_element_type_3 = div.to(tl.float16)
    tl.store(out + (tile_n_begin * 40000 + whole_index), convert_element_type_3, mask=whole_mask)
