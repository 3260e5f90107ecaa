import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.language import math as tl_math


@triton.jit
def divergence(x, y, out):
    # for tile in hl.tile(x.size()):
    pid = tl.program_id(0)
    tile_begin = pid % 64
    tile_1_begin = (pid // 64) * 512
    tile_1_index = tile_1_begin + tl.arange(0, 512)
    # share = torch.sigmoid(x[tile])
    x_1 = tl.load(x + (tile_begin * 512 + tile_1_index))
    sigmoid_t0 = x_1.to(tl.float32)
    sigmoid_t1 = tl.sigmoid(sigmoid_t0)
    sigmoid = sigmoid_t1.to(tl.bfloat16)
    # out[tile] = torch.tanh(share * (torch.log(share) - torch.log(y[tile])))
    log_t0 = sigmoid.to(tl.float32)
    log_t1 = tl_math.log(log_t0)
    log = log_t1.to(tl.bfloat16)
    y_1 = tl.load(y + (tile_begin * 512 + tile_1_index))
    log_t0_1 = y_1.to(tl.float32)
    log_t1_1 = tl_math.log(log_t0_1)
    log_1 = log_t1_1.to(tl.bfloat16)
    sub_t0 = log.to(tl.float32)
    sub_t1 = log_1.to(tl.float32)
    sub_t2 = sub_t0 - sub_t1
    sub = sub_t2.to(tl.bfloat16)
    mul_t0 = sigmoid.to(tl.float32)
    mul_t1 = sub.to(tl.float32)
    mul_t2 = mul_t0 * mul_t1
    mul = mul_t2.to(tl.bfloat16)
    tanh_t0 = mul.to(tl.float32)
    tanh_t1 = libdevice.tanh(tanh_t0)
    tanh = tanh_t1.to(tl.bfloat16)
    tl.store(out + (tile_begin * 512 + tile_1_index), tanh)
