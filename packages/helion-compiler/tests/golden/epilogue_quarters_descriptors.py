import triton
import triton.language as tl


@triton.jit
def matmul(x_descriptor, y_descriptor, out_descriptor):
    # for tile_m, tile_n in hl.tile([m, n]):
    for pid in tl.range(tl.program_id(0), 16, tl.num_programs(0)):
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
            x = x_descriptor.load([tile_m_begin, tile_k_begin])
            y = y_descriptor.load([tile_k_begin, tile_n_begin])
            dot = tl.dot(x, y, acc=acc, out_dtype=tl.float32)
            acc = dot
        # out[tile_m, tile_n] = acc
        acc_half, acc_half_1 = tl.split(tl.permute(tl.reshape(acc, [128, 2, 64]), [0, 2, 1]))
        acc_part0, acc_part1 = tl.split(tl.permute(tl.reshape(acc_half, [128, 2, 32]), [0, 2, 1]))
        acc_part2, acc_part3 = tl.split(tl.permute(tl.reshape(acc_half_1, [128, 2, 32]), [0, 2, 1]))
        tile_n_part0_index = tile_n_begin + tl.arange(0, 32)
        convert_element_type = acc_part0.to(tl.float16)
        out_descriptor.store([tile_m_begin, tile_n_begin], convert_element_type)
        tile_n_part1_begin = 32 + tile_n_begin
        tile_n_part1_index = tile_n_part1_begin + tl.arange(0, 32)
        convert_element_type_1 = acc_part1.to(tl.float16)
        out_descriptor.store([tile_m_begin, tile_n_part1_begin], convert_element_type_1)
        tile_n_part2_begin = 64 + tile_n_begin
        tile_n_part2_index = tile_n_part2_begin + tl.arange(0, 32)
        convert_element_type_2 = acc_part2.to(tl.float16)
        out_descriptor.store([tile_m_begin, tile_n_part2_begin], convert_element_type_2)
        tile_n_part3_begin = 96 + tile_n_begin
        tile_n_part3_index = tile_n_part3_begin + tl.arange(0, 32)
        convert_element_type_3 = acc_part3.to(tl.float16)
        out_descriptor.store([tile_m_begin, tile_n_part3_begin], convert_element_type_3)
