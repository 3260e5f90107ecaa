import triton
import triton.language as tl


@triton.jit
def add(x, y, out, x_size_0, x_size_2, y_size_0):
    # for tile in hl.tile(out.size()):
    pid = tl.program_id(0)
    tile_begin = pid % x_size_0
    tile_1_begin = ((pid // x_size_0) % ((3 + y_size_0) // 4)) * 4
    tile_1_index = tile_1_begin + tl.arange(0, 4)
    tile_1_mask = tile_1_index < y_size_0
    tile_2_begin = ((pid // x_size_0) // ((3 + y_size_0) // 4)) * 64
    tile_2_index = tile_2_begin + tl.arange(0, 64)
    tile_2_mask = tile_2_index < x_size_2
    # out[tile] = x[tile] + y[tile]
    x_1 = tl.load(x + (tile_begin * x_size_2 + tile_2_index[None, :]) + tl.zeros([4, 64], tl.int32), mask=tile_1_mask[:, None] & tile_2_mask[None, :], other=0)
    y_1 = tl.load(y + (tile_1_index[:, None] * x_size_2 + tile_2_index[None, :]), mask=tile_1_mask[:, None] & tile_2_mask[None, :], other=0)
    add_t0 = x_1.to(tl.float32)
    add_t1 = y_1.to(tl.float32)
    add_t2 = add_t0 + add_t1
    add_1 = add_t2.to(tl.float16)
    tl.store(out + (tile_begin * (x_size_2 * y_size_0) + tile_1_index[:, None] * x_size_2 + tile_2_index[None, :]), add_1, mask=tile_1_mask[:, None] & tile_2_mask[None, :])
