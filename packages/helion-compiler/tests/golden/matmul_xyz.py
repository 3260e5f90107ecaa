import triton
import triton.language as tl


@triton.jit
def matmul(x, y, out, x_size_0, y_size_0, y_size_1):
    # for tile_m, tile_n in hl.tile([m, n]):
    tile_m_begin = tl.program_id(1) * 128
    tile_m_index = tile_m_begin + tl.arange(0, 128)
    tile_m_mask = tile_m_index < x_size_0
    tile_n_begin = tl.program_id(0) * 128
    tile_n_index = tile_n_begin + tl.arange(0, 128)
    tile_n_mask = tile_n_index < y_size_1
    # acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
    acc = tl.full([128, 128], 0.0, tl.float32)
    # for tile_k in hl.tile(k):
    for tile_k_begin in tl.range(0, y_size_0, 64):
        tile_k_index = tile_k_begin + tl.arange(0, 64)
        tile_k_mask = tile_k_index < y_size_0
        # acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        x_1 = tl.load(x + (tile_m_index[:, None] * y_size_0 + tile_k_index[None, :]), mask=tile_m_mask[:, None] & tile_k_mask[None, :], other=0)
        y_1 = tl.load(y + (tile_k_index[:, None] * y_size_1 + tile_n_index[None, :]), mask=tile_k_mask[:, None] & tile_n_mask[None, :], other=0)
        dot = tl.dot(x_1, y_1, acc=acc, out_dtype=tl.float32)
        acc = dot
    # out[tile_m, tile_n] = acc
    convert_element_type = acc.to(tl.float16)
    tl.store(out + (tile_m_index[:, None] * y_size_1 + tile_n_index[None, :]), convert_element_type, mask=tile_m_mask[:, None] & tile_n_mask[None, :])
