import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def nan_maximum(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def softmax(x, out, x_size_1):
    # for tile_n in hl.tile(n):
    pid = tl.program_id(0)
    tile_n_begin = pid
    # out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    amax_lanes = tl.full([256], float('-inf'), tl.float32)
    for roll_0_begin in tl.range(0, x_size_1, 256):
        roll_0_index = roll_0_begin + tl.arange(0, 256)
        roll_0_mask = roll_0_index < x_size_1
        x_1 = tl.load(x + (tile_n_begin * x_size_1 + roll_0_index), mask=roll_0_mask, other=0)
        convert_element_type = x_1.to(tl.float32)
        masked = tl.where(roll_0_mask, convert_element_type, tl.full([], float('-inf'), tl.float32))
        amax_lanes_1 = tl.maximum(amax_lanes, masked, propagate_nan=tl.PropagateNan.ALL)
        amax_lanes = amax_lanes_1
    amax = tl.reduce(amax_lanes, 0, nan_maximum)
    sum_lanes = tl.full([256], 0, tl.float32)
    for roll_0_1_begin in tl.range(0, x_size_1, 256):
        roll_0_1_index = roll_0_1_begin + tl.arange(0, 256)
        roll_0_1_mask = roll_0_1_index < x_size_1
        x_2 = tl.load(x + (tile_n_begin * x_size_1 + roll_0_1_index), mask=roll_0_1_mask, other=0)
        convert_element_type_1 = x_2.to(tl.float32)
        sub = convert_element_type_1 - amax
        exp = libdevice.exp(sub)
        masked_1 = tl.where(roll_0_1_mask, exp, tl.full([], 0, tl.float32))
        sum_lanes_1 = sum_lanes + masked_1
        sum_lanes = sum_lanes_1
    sum = tl.sum(sum_lanes, 0)
    for roll_0_2_begin in tl.range(0, x_size_1, 256):
        roll_0_2_index = roll_0_2_begin + tl.arange(0, 256)
        roll_0_2_mask = roll_0_2_index < x_size_1
        x_3 = tl.load(x + (tile_n_begin * x_size_1 + roll_0_2_index), mask=roll_0_2_mask, other=0)
        convert_element_type_2 = x_3.to(tl.float32)
        sub_1 = convert_element_type_2 - amax
        exp_1 = libdevice.exp(sub_1)
        div = (exp_1 / sum)
        convert_element_type_3 = div.to(tl.float16)
        tl.store(out + (tile_n_begin * x_size_1 + roll_0_2_index), convert_element_type_3, mask=roll_0_2_mask)
