import triton
import triton.language as tl


@triton.jit
def combine(left, left_1, f0, counts, right, right_1, f0_1, counts_1):
    mul = left * right
    mul_1 = left_1 * right
    mul_t0 = tl.cast(f0, tl.float32)
    mul_2 = right_1 * mul_t0
    add = mul_1 + mul_2
    return tl.where(counts == 0, right, tl.where(counts_1 == 0, left, mul.to(tl.float32))), tl.where(counts == 0, right_1, tl.where(counts_1 == 0, left_1, add.to(tl.float32))), f0, counts | counts_1


@triton.jit
def recurrence(a, b, out, scale):
    # for rows in hl.tile(a.size(0)):
    pid = tl.program_id(0)
    rows_begin = pid * 4
    rows_index = rows_begin + tl.arange(0, 4)
    rows_mask = rows_index < 63
    # parts = (a[rows, :], b[rows, :])
    whole_index = tl.arange(0, 128)
    whole_mask = whole_index < 100
    a_1 = tl.load(a + (rows_index[:, None] * 100 + whole_index[None, :]), mask=rows_mask[:, None] & whole_mask[None, :], other=0)
    b_1 = tl.load(b + (rows_index[:, None] * 100 + whole_index[None, :]), mask=rows_mask[:, None] & whole_mask[None, :], other=0)
    # _, out[rows, :] = hl.associative_scan(combine, parts, dim=1, reverse=True)
    convert_element_type = a_1.to(tl.float32)
    convert_element_type_1 = b_1.to(tl.float32)
    scan, scan_1, unused, counts = tl.associative_scan((convert_element_type, convert_element_type_1, tl.full([4, 128], scale, tl.float32), tl.broadcast_to(whole_mask[None, :], [4, 128]).to(tl.int32)), 1, combine, reverse=True)
    convert_element_type_2 = scan_1.to(tl.float16)
    tl.store(out + (rows_index[:, None] * 100 + whole_index[None, :]), convert_element_type_2, mask=rows_mask[:, None] & whole_mask[None, :])
