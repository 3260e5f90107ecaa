import triton
import triton.language as tl


@triton.jit
def along_dies(pid, total):
    # Programs are dealt out to 8 dies in turn; each die gets a stretch of neighbours.
    die = pid % 8
    return die * (total // 8) + tl.minimum(die, total % 8) + pid // 8


@triton.jit
def matmul(x, y, out):
    # for tile_m, tile_n in hl.tile([m, n]):
    pid = tl.program_id(0)
    dealt = along_dies(pid, 16)
    first_row = dealt // (4 * 4) * 4
    group_rows = min(4 - first_row, 4)
    in_group = dealt % (4 * 4)
    tile_m_begin = (first_row + in_group % group_rows) * 128
    tile_m_index = tile_m_begin + tl.arange(0, 128)
    tile_n_begin = (in_group // group_rows) * 128
    tile_n_index = tile_n_begin + tl.arange(0, 128)
    # acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
    acc = tl.full([128, 128], 0.0, tl.float32)
    # for tile_k in hl.tile(k):
    for tile_k_begin in tl.range(0, 512, 64):
        tile_k_index = tile_k_begin + tl.arange(0, 64)
        # acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        x_1 = tl.load(x + (tile_m_index[:, None] * 512 + tile_k_index[None, :]))
        y_1 = tl.load(y + (tile_k_index[:, None] * 512 + tile_n_index[None, :]))
        dot = tl.dot(x_1, y_1, acc=acc, out_dtype=tl.float32)
        acc = dot
    # out[tile_m, tile_n] = acc
    convert_element_type = acc.to(tl.float16)
    tl.store(out + (tile_m_index[:, None] * 512 + tile_n_index[None, :]), convert_element_type)
