import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait


@triton.jit
def add(x, y, out):
    gdc_wait()
    gdc_launch_dependents()
    # for tile in hl.tile(out.size()):
    pid = tl.program_id(0)
    tile_begin = (pid % 128) * 2
    tile_index = tile_begin + tl.arange(0, 2)
    tile_1_begin = (pid // 128) * 512
    tile_1_index = tile_1_begin + tl.arange(0, 512)
    # out[tile] = x[tile] + y[tile]
    x_1 = tl.load(x + (tile_index[:, None] * 512 + tile_1_index[None, :]))
    y_1 = tl.load(y + (tile_index[:, None] * 512 + tile_1_index[None, :]))
    add_t0 = x_1.to(tl.float32)
    add_t1 = y_1.to(tl.float32)
    add_t2 = add_t0 + add_t1
    add_1 = add_t2.to(tl.float16)
    tl.store(out + (tile_index[:, None] * 512 + tile_1_index[None, :]), add_1)
