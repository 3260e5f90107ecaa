import triton
import triton.language as tl


@triton.jit
def add(x, y, out):
    # for tile in hl.tile(out.size()):
    pid = tl.program_id(0)
    tile_begin = pid % 5
    tile_1_begin = ((pid // 5) % 5) * 4
    tile_1_index = tile_1_begin + tl.arange(0, 4)
    tile_1_mask = tile_1_index < 17
    tile_2_begin = ((pid // 5) // 5) * 64
    tile_2_index = tile_2_begin + tl.arange(0, 64)
    tile_2_mask = tile_2_index < 33
    # out[tile] = x[tile] + y[tile]
    x_1 = tl.load(x + (tile_begin * 33 + tile_2_index[None, :]) + tl.zeros([4, 64], tl.int32), mask=tile_1_mask[:, None] & tile_2_mask[None, :], other=0)
    y_1 = tl.load(y + (tile_1_index[:, None] * 33 + tile_2_index[None, :]), mask=tile_1_mask[:, None] & tile_2_mask[None, :], other=0)
    add_t0 = x_1.to(tl.float32)
    add_t1 = y_1.to(tl.float32)
    add_t2 = add_t0 + add_t1
    add_1 = add_t2.to(tl.float16)
    tl.store(out + (tile_begin * 561 + tile_1_index[:, None] * 33 + tile_2_index[None, :]), add_1, mask=tile_1_mask[:, None] & tile_2_mask[None, :])
