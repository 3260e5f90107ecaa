import triton
import triton.language as tl


@triton.jit
def add(x, y, out):
    # for tile in hl.tile(out.size()):
    pid = tl.program_id(0)
    tile_tile_1_begin = pid * 512
    tile_tile_1_index = tile_tile_1_begin + tl.arange(0, 512)
    tile_tile_1_mask = tile_tile_1_index < 2479
    # out[tile] = x[tile] + y[tile]
    x_1 = tl.load(x + (tile_tile_1_index), mask=tile_tile_1_mask, other=0)
    tile_index_t0 = tl.full([], 67, tl.int32)
    tile_index = tile_tile_1_index // tile_index_t0
    tile_1_index_t0 = tl.full([], 67, tl.int32)
    tile_1_index = (tile_tile_1_index % tile_1_index_t0)
    y_1 = tl.load(y + (tile_1_index), mask=tile_tile_1_mask, other=0)
    add_t0 = x_1.to(tl.float32)
    add_t1 = y_1.to(tl.float32)
    add_t2 = add_t0 + add_t1
    add_1 = add_t2.to(tl.float16)
    tl.store(out + (tile_tile_1_index), add_1, mask=tile_tile_1_mask)
