import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def hyperbolic_tangent(x):
    size = tl.abs(x)
    reciprocal = libdevice.fast_dividef(1.0, libdevice.exp2(size * 2.8853900817779268) + 1.0)
    far = libdevice.copysign(tl.fma(reciprocal, -2.0, 1.0), x)
    square = x * x
    p = tl.fma(square, -0.005897966679185629, 0.02079862542450428)
    p = tl.fma(p, square, -0.05378471687436104)
    p = tl.fma(p, square, 0.13331936299800873)
    p = tl.fma(p, square, -0.33333298563957214)
    return tl.where(size < 0.6, tl.fma(p * square, x, x), far)


@triton.jit
def logistic(x):
    quarter = tl.fma(libdevice.exp2(x * -1.4426950408889634), 0.25, 0.25)
    return libdevice.fast_dividef(1.0, quarter) * 0.25


@triton.jit
def natural_logarithm(x):
    tiny = x < 1.1754943508222875e-38
    scaled = tl.where(tiny, x * 16777216.0, x)
    # The lowest bits of a sum with 1.5 * 2**23 are an integer: the nearest to -log2(scaled).
    shifted = 12582912.0 - libdevice.fast_log2f(scaled)
    exponent = 12582912.0 - shifted
    exponent = tl.where(tiny, exponent - 24.0, exponent)
    bits = (shifted.to(tl.int32, bitcast=True) << 23) + scaled.to(tl.int32, bitcast=True)
    f = bits.to(tl.float32, bitcast=True) - 1.0
    # The first coefficient is positive, so that the polynomial is infinite at infinity.
    p = tl.fma(f, 0.0674915537238121, -0.11670009046792984)
    p = tl.fma(p, f, 0.11883540451526642)
    p = tl.fma(p, f, -0.12406241148710251)
    p = tl.fma(p, f, 0.14220359921455383)
    p = tl.fma(p, f, -0.16667988896369934)
    p = tl.fma(p, f, 0.2000207155942917)
    p = tl.fma(p, f, -0.25000008940696716)
    p = tl.fma(p, f, 0.3333331346511841)
    p = tl.fma(p, f, -0.5)
    return tl.fma(exponent, 0.6931471805599453, tl.fma(f * p, f, f))


@triton.jit
def widened(x):
    return (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)


@triton.jit
def divergence(x, y, out):
    # for tile in hl.tile(x.size()):
    pid = tl.program_id(0)
    tile_begin = pid % 64
    tile_1_begin = (pid // 64) * 512
    tile_1_index = tile_1_begin + tl.arange(0, 512)
    # share = torch.sigmoid(x[tile])
    x_1 = tl.load(x + (tile_begin * 512 + tile_1_index))
    sigmoid_t0 = widened(x_1)
    sigmoid_t1 = logistic(sigmoid_t0)
    sigmoid = sigmoid_t1.to(tl.bfloat16)
    # out[tile] = torch.tanh(share * (torch.log(share) - torch.log(y[tile])))
    log_t0 = widened(sigmoid)
    log_t1 = natural_logarithm(log_t0)
    log = log_t1.to(tl.bfloat16)
    y_1 = tl.load(y + (tile_begin * 512 + tile_1_index))
    log_t0_1 = widened(y_1)
    log_t1_1 = natural_logarithm(log_t0_1)
    log_1 = log_t1_1.to(tl.bfloat16)
    sub_t0 = widened(log)
    sub_t1 = widened(log_1)
    sub_t2 = sub_t0 - sub_t1
    sub = sub_t2.to(tl.bfloat16)
    mul_t0 = widened(sigmoid)
    mul_t1 = widened(sub)
    mul_t2 = mul_t0 * mul_t1
    mul = mul_t2.to(tl.bfloat16)
    tanh_t0 = widened(mul)
    tanh_t1 = hyperbolic_tangent(tanh_t0)
    tanh = tanh_t1.to(tl.bfloat16)
    tl.store(out + (tile_begin * 512 + tile_1_index), tanh)
