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
    largest = tl.full([32], float('-inf'), tl.float32)
    sum_lanes = tl.full([32], 0.0, tl.float32)
    for roll_0_begin in tl.range(0, x_size_1, 256):
        roll_0_index = roll_0_begin + tl.arange(0, 256)
        roll_0_mask = roll_0_index < x_size_1
        x_1 = tl.load(x + (tile_n_begin * x_size_1 + roll_0_index), mask=roll_0_mask, other=0)
        convert_element_type = x_1.to(tl.float32)
        masked = tl.where(roll_0_mask, convert_element_type, tl.full([], float('-inf'), tl.float32))
        masked_groups = tl.reshape(masked, [32, 8])
        step = tl.reduce(masked_groups, 1, nan_maximum)
        largest_1 = tl.maximum(largest, step, propagate_nan=tl.PropagateNan.ALL)
        at_t0 = tl.full([], -1.7014117331926443e+38, tl.float32)
        at_t1 = tl.maximum(largest_1, at_t0, propagate_nan=tl.PropagateNan.ALL)
        at_t2 = tl.full([], 1.7014117331926443e+38, tl.float32)
        at = tl.minimum(at_t1, at_t2, propagate_nan=tl.PropagateNan.ALL)
        at_of_two_t0 = tl.full([], 1.4426950408889634, tl.float32)
        at_of_two = at * at_of_two_t0
        at_of_two_1 = tl.broadcast_to(at_of_two[:, None], [32, 8])
        at_of_two_2 = tl.reshape(at_of_two_1, [256])
        convert_element_type_of_two_t0 = tl.full([], 1.4426950408889634, tl.float32)
        convert_element_type_of_two = convert_element_type * convert_element_type_of_two_t0
        relative = convert_element_type_of_two - at_of_two_2
        exp = libdevice.exp2(relative)
        masked_1 = tl.where(roll_0_mask, exp, tl.full([], 0, tl.float32))
        masked_groups_1 = tl.reshape(masked_1, [32, 8])
        largest_of_two_t0 = tl.full([], 1.4426950408889634, tl.float32)
        largest_of_two = largest * largest_of_two_t0
        at_of_two_t0_1 = tl.full([], 1.4426950408889634, tl.float32)
        at_of_two_3 = at * at_of_two_t0_1
        growth = largest_of_two - at_of_two_3
        factor = libdevice.exp2(growth)
        rescaled = sum_lanes * factor
        step_1 = tl.sum(masked_groups_1, 1)
        sum_lanes_1 = rescaled + step_1
        largest = largest_1
        sum_lanes = sum_lanes_1
    amax = tl.reduce(largest, 0, nan_maximum)
    at_t0_1 = tl.full([], -1.7014117331926443e+38, tl.float32)
    at_t1_1 = tl.maximum(amax, at_t0_1, propagate_nan=tl.PropagateNan.ALL)
    at_t2_1 = tl.full([], 1.7014117331926443e+38, tl.float32)
    at_1 = tl.minimum(at_t1_1, at_t2_1, propagate_nan=tl.PropagateNan.ALL)
    largest_of_two_t0_1 = tl.full([], 1.4426950408889634, tl.float32)
    largest_of_two_1 = largest * largest_of_two_t0_1
    at_of_two_t0_2 = tl.full([], 1.4426950408889634, tl.float32)
    at_of_two_4 = at_1 * at_of_two_t0_2
    growth_1 = largest_of_two_1 - at_of_two_4
    factor_1 = libdevice.exp2(growth_1)
    rescaled_1 = sum_lanes * factor_1
    total = tl.sum(rescaled_1, 0)
    at_of_two_t0_3 = tl.full([], 1.4426950408889634, tl.float32)
    at_of_two_5 = at_1 * at_of_two_t0_3
    amax_of_two_t0 = tl.full([], 1.4426950408889634, tl.float32)
    amax_of_two = amax * amax_of_two_t0
    growth_2 = at_of_two_5 - amax_of_two
    factor_2 = libdevice.exp2(growth_2)
    sum = total * factor_2
    for roll_0_1_begin in tl.range(0, x_size_1, 256):
        roll_0_1_index = roll_0_1_begin + tl.arange(0, 256)
        roll_0_1_mask = roll_0_1_index < x_size_1
        x_2 = tl.load(x + (tile_n_begin * x_size_1 + roll_0_1_index), mask=roll_0_1_mask, other=0)
        convert_element_type_1 = x_2.to(tl.float32)
        sub = convert_element_type_1 - amax
        exp_1 = libdevice.exp(sub)
        div = (exp_1 / sum)
        convert_element_type_2 = div.to(tl.float16)
        tl.store(out + (tile_n_begin * x_size_1 + roll_0_1_index), convert_element_type_2, mask=roll_0_1_mask)
