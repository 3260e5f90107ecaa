import triton
import triton.language as tl


@triton.jit
def halves_of_bytes(packed, out, x):
    # for tile_m, tile_n in hl.tile([m, n]):
    pid = tl.program_id(0)
    tile_m_begin = (pid % 1) * 64
    tile_m_index = tile_m_begin + tl.arange(0, 64)
    tile_n_begin = (pid // 1) * 64
    tile_n_index = tile_n_begin + tl.arange(0, 64)
    # acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
    acc = tl.full([64, 64], 0.0, tl.float32)
    # for tile_k in hl.tile(k // 2):
    for tile_k_begin in tl.range(0, 300, 32):
        tile_k_index = tile_k_begin + tl.arange(0, 32)
        tile_k_mask = tile_k_index < 300
        # both = packed[tile_k, tile_n]
        packed_1 = tl.load(packed + (tile_k_index[:, None] * 128 + tile_n_index[None, :]), mask=tile_k_mask[:, None], other=0)
        # low, high = (both << 4) >> 4, both >> 4
        lshift___t0 = tl.full([], 4, tl.int8)
        lshift = packed_1 << lshift___t0
        rshift___t0 = tl.full([], 4, tl.int8)
        rshift = lshift >> rshift___t0
        rshift___t0_1 = tl.full([], 4, tl.int8)
        rshift_1 = packed_1 >> rshift___t0_1
        # acc = hl.dot(pairs[tile_m, tile_k, 0], low.to(x.dtype), acc=acc)
        x_1 = tl.load(x + (tile_m_index[:, None] * 600 + tile_k_index[None, :] * 2), mask=tile_k_mask[None, :], other=0)
        convert_element_type = ((rshift.to(tl.int16) & 15) ^ 17160).to(tl.bfloat16, bitcast=True) - 136
        dot = tl.dot(x_1, convert_element_type, acc=acc, out_dtype=tl.float32)
        # acc = hl.dot(pairs[tile_m, tile_k, 1], high.to(x.dtype), acc=acc)
        x_2 = tl.load(x + (tile_m_index[:, None] * 600 + tile_k_index[None, :] * 2 + 1), mask=tile_k_mask[None, :], other=0)
        convert_element_type_1 = ((rshift_1.to(tl.int16) & 15) ^ 17160).to(tl.bfloat16, bitcast=True) - 136
        dot_1 = tl.dot(x_2, convert_element_type_1, acc=dot, out_dtype=tl.float32)
        acc = dot_1
    # out[tile_m, tile_n] = acc
    convert_element_type_2 = acc.to(tl.bfloat16)
    tl.store(out + (tile_m_index[:, None] * 128 + tile_n_index[None, :]), convert_element_type_2)
