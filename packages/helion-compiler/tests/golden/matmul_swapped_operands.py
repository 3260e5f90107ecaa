import triton
import triton.language as tl


@triton.jit
def awaited(sums):
    # No instructions: Triton waits for products before it lets anything read their sums.
    return tl.inline_asm_elementwise(
        "", "=r,0", [sums], dtype=sums.dtype, is_pure=True, pack=1
    )


@triton.jit
def matmul_of_bytes(x, y, out):
    # for tile_m, tile_n in hl.tile([m, n]):
    pid = tl.program_id(0)
    tile_m_begin = (pid % 4) * 128
    tile_m_index = tile_m_begin + tl.arange(0, 128)
    tile_m_mask = tile_m_index < 500
    tile_n_begin = (pid // 4) * 128
    tile_n_index = tile_n_begin + tl.arange(0, 128)
    tile_n_mask = tile_n_index < 200
    # acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
    full = tl.full([128, 128], 0.0, tl.float32)
    # for tile_k in hl.tile(k):
    acc = tl.permute(full, [1, 0])
    for tile_k_begin in tl.range(0, 300, 64):
        tile_k_index = tile_k_begin + tl.arange(0, 64)
        tile_k_mask = tile_k_index < 300
        # acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n].to(x.dtype), acc=acc)
        x_1 = tl.load(x + (tile_m_index[:, None] * 300 + tile_k_index[None, :]), mask=tile_m_mask[:, None] & tile_k_mask[None, :], other=0)
        y_1 = tl.load(y + (tile_k_index[:, None] * 200 + tile_n_index[None, :]), mask=tile_k_mask[:, None] & tile_n_mask[None, :], other=0)
        convert_element_type = ((y_1.to(tl.int16) & 255) ^ 25728).to(tl.float16, bitcast=True) - 1152
        convert_element_type_1 = tl.permute(convert_element_type, [1, 0])
        x_2 = tl.permute(x_1, [1, 0])
        dot = awaited(tl.dot(convert_element_type_1, x_2, acc=acc, out_dtype=tl.float32))
        acc = dot
    # for tile_k in hl.tile(k):
    acc_1 = tl.permute(acc, [1, 0])
    # out[tile_m, tile_n] = acc
    convert_element_type_2 = acc_1.to(tl.float16)
    tl.store(out + (tile_m_index[:, None] * 200 + tile_n_index[None, :]), convert_element_type_2, mask=tile_m_mask[:, None] & tile_n_mask[None, :])
