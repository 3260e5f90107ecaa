import triton
import triton.language as tl


@triton.jit
def matmul(x, y, out):
    # for tile_m, tile_n in hl.tile([m, n]):
    pid = tl.program_id(0)
    tile_m_begin = (pid % 4) * 128
    tile_m_index = tile_m_begin + tl.arange(0, 128)
    tile_m_mask = tile_m_index < 500
    tile_n_begin = (pid // 4) * 128
    tile_n_index = tile_n_begin + tl.arange(0, 128)
    tile_n_mask = tile_n_index < 200
    # acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
    acc = tl.full([128, 128], 0.0, tl.float32)
    # for tile_k in hl.tile(k):
    for tile_k_begin in tl.range(0, 300, 64):
        tile_k_index = tile_k_begin + tl.arange(0, 64)
        tile_k_mask = tile_k_index < 300
        # acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        x_1 = tl.load(x + (tile_m_index[:, None] * 300 + tile_k_index[None, :]), mask=tile_m_mask[:, None] & tile_k_mask[None, :], other=0)
        y_1 = tl.load(y + (tile_k_index[:, None] * 200 + tile_n_index[None, :]), mask=tile_k_mask[:, None] & tile_n_mask[None, :], other=0)
        dot = tl.dot(x_1, y_1, acc=acc, out_dtype=tl.float32)
        acc = dot
    # out[tile_m, tile_n] = acc
    acc_part0, acc_part1 = tl.split(tl.permute(tl.reshape(acc, [128, 2, 64]), [0, 2, 1]))
    tile_n_part0_index = tile_n_begin + tl.arange(0, 64)
    tile_n_part0_mask = tile_n_part0_index < 200
    convert_element_type = acc_part0.to(tl.float16)
    tl.store(out + (tile_m_index[:, None] * 200 + tile_n_part0_index[None, :]), convert_element_type, mask=tile_m_mask[:, None] & tile_n_part0_mask[None, :])
    tile_n_part1_begin = 64 + tile_n_begin
    tile_n_part1_index = tile_n_part1_begin + tl.arange(0, 64)
    tile_n_part1_mask = tile_n_part1_index < 200
    convert_element_type_1 = acc_part1.to(tl.float16)
    tl.store(out + (tile_m_index[:, None] * 200 + tile_n_part1_index[None, :]), convert_element_type_1, mask=tile_m_mask[:, None] & tile_n_part1_mask[None, :])
