import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.language import math as tl_math


@triton.jit
def gated(x, y, out):
    # for tile in hl.tile(x.size()):
    pid = tl.program_id(0)
    tile_begin = pid % 64
    tile_1_begin = (pid // 64) * 512
    tile_1_index = tile_1_begin + tl.arange(0, 512)
    tile_1_mask = tile_1_index < 500
    # gate = torch.exp(y[tile]) / (1 + torch.exp2(x[tile]))
    y_1 = tl.load(y + (tile_begin * 500 + tile_1_index), mask=tile_1_mask, other=0)
    exp = tl.exp2(y_1 * 1.4426950408889634)
    x_1 = tl.load(x + (tile_begin * 500 + tile_1_index), mask=tile_1_mask, other=0)
    exp2 = tl.exp2(x_1)
    add_t0 = tl.full([], 1.0, tl.float32)
    add = exp2 + add_t0
    div = libdevice.fast_dividef(exp, add)
    # out[tile] = torch.tanh(x[tile]) * gate + torch.sqrt(torch.abs(y[tile])) * torch.rsqrt(gate)
    x_2 = tl.load(x + (tile_begin * 500 + tile_1_index), mask=tile_1_mask, other=0)
    tanh = (libdevice.fast_dividef(2.0, 1.0 + libdevice.exp2(x_2 * -2.8853900817779268)) - 1.0)
    mul = tanh * div
    y_2 = tl.load(y + (tile_begin * 500 + tile_1_index), mask=tile_1_mask, other=0)
    abs = tl_math.abs(y_2)
    sqrt = tl_math.sqrt(abs)
    rsqrt = libdevice.rsqrt(div)
    mul_1 = sqrt * rsqrt
    add_1 = mul + mul_1
    tl.store(out + (tile_begin * 500 + tile_1_index), add_1, mask=tile_1_mask)
