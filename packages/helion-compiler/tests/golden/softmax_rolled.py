import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def nan_maximum(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def softmax(x, out):
    # for tile_n in hl.tile(n):
    pid = tl.program_id(0)
    tile_n_begin = pid
    # out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    largest = tl.full([32], float('-inf'), tl.float32)
    sum_lanes = tl.full([32], 0.0, tl.float32)
    for roll_0_begin in tl.range(0, 1000, 256):
        roll_0_index = roll_0_begin + tl.arange(0, 256)
        roll_0_mask = roll_0_index < 1000
        x_1 = tl.load(x + (tile_n_begin * 1000 + roll_0_index), mask=roll_0_mask, other=0)
        convert_element_type = x_1.to(tl.float32)
        masked = tl.where(roll_0_mask, convert_element_type, tl.full([], float('-inf'), tl.float32))
        masked_groups = tl.reshape(masked, [32, 8])
        step = tl.reduce(masked_groups, 1, nan_maximum)
        largest_1 = tl.maximum(largest, step, propagate_nan=tl.PropagateNan.ALL)
        at_t0 = tl.full([], -3.4028234663852886e+38, tl.float32)
        at_t1 = tl.maximum(largest_1, at_t0, propagate_nan=tl.PropagateNan.ALL)
        at_t2 = tl.full([], 3.4028234663852886e+38, tl.float32)
        at = tl.minimum(at_t1, at_t2, propagate_nan=tl.PropagateNan.ALL)
        at_1 = tl.broadcast_to(at[:, None], [32, 8])
        at_2 = tl.reshape(at_1, [256])
        difference = convert_element_type - at_2
        exponent_t0 = tl.full([], 1.4426950408889634, tl.float32)
        exponent = difference * exponent_t0
        exp = libdevice.exp2(exponent)
        masked_1 = tl.where(roll_0_mask, exp, tl.full([], 0, tl.float32))
        masked_groups_1 = tl.reshape(masked_1, [32, 8])
        difference_1 = largest - at
        exponent_t0_1 = tl.full([], 1.4426950408889634, tl.float32)
        exponent_1 = difference_1 * exponent_t0_1
        factor = libdevice.exp2(exponent_1)
        rescaled = sum_lanes * factor
        step_1 = tl.sum(masked_groups_1, 1)
        sum_lanes_1 = rescaled + step_1
        largest = largest_1
        sum_lanes = sum_lanes_1
    amax = tl.reduce(largest, 0, nan_maximum)
    at_t0_1 = tl.full([], -3.4028234663852886e+38, tl.float32)
    at_t1_1 = tl.maximum(amax, at_t0_1, propagate_nan=tl.PropagateNan.ALL)
    at_t2_1 = tl.full([], 3.4028234663852886e+38, tl.float32)
    at_3 = tl.minimum(at_t1_1, at_t2_1, propagate_nan=tl.PropagateNan.ALL)
    difference_2 = largest - at_3
    exponent_t0_2 = tl.full([], 1.4426950408889634, tl.float32)
    exponent_2 = difference_2 * exponent_t0_2
    factor_1 = libdevice.exp2(exponent_2)
    rescaled_1 = sum_lanes * factor_1
    total = tl.sum(rescaled_1, 0)
    difference_3 = at_3 - amax
    exponent_t0_3 = tl.full([], 1.4426950408889634, tl.float32)
    exponent_3 = difference_3 * exponent_t0_3
    factor_2 = libdevice.exp2(exponent_3)
    sum = total * factor_2
    for roll_0_1_begin in tl.range(0, 1000, 256):
        roll_0_1_index = roll_0_1_begin + tl.arange(0, 256)
        roll_0_1_mask = roll_0_1_index < 1000
        x_2 = tl.load(x + (tile_n_begin * 1000 + roll_0_1_index), mask=roll_0_1_mask, other=0)
        convert_element_type_1 = x_2.to(tl.float32)
        sub = convert_element_type_1 - amax
        exp_1 = tl.exp2(sub * 1.4426950408889634)
        div = (exp_1 / sum)
        convert_element_type_2 = div.to(tl.float16)
        tl.store(out + (tile_n_begin * 1000 + roll_0_1_index), convert_element_type_2, mask=roll_0_1_mask)
