import triton
import triton.language as tl


@triton.jit
def matmul(x_descriptor, y_descriptor, out_descriptor):
    # for tile_m, tile_n in hl.tile([m, n]):
    pid = tl.program_id(0)
    tile_m_begin = (pid % 4) * 128
    tile_m_index = tile_m_begin + tl.arange(0, 128)
    tile_n_begin = (pid // 4) * 128
    tile_n_index = tile_n_begin + tl.arange(0, 128)
    # acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
    acc = tl.full([128, 128], 0.0, tl.float32)
    # for tile_k in hl.tile(k):
    for tile_k_begin in tl.range(0, 512, 64):
        tile_k_index = tile_k_begin + tl.arange(0, 64)
        # acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        x = tl.permute(x_descriptor.load([tile_k_begin, tile_m_begin]), [1, 0])
        y = tl.permute(y_descriptor.load([tile_n_begin, tile_k_begin]), [1, 0])
        dot = tl.dot(x, y, acc=acc, out_dtype=tl.float32)
        acc = dot
    # out[tile_m, tile_n] = acc
    convert_element_type = acc.to(tl.float16)
    out_descriptor.store([tile_m_begin, tile_n_begin], convert_element_type)
