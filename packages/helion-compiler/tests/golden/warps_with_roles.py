import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import fence_async_shared, mbarrier, tma
from triton.experimental.gluon.language.nvidia.hopper import warpgroup_mma, warpgroup_mma_wait
columns_64 = gl.constexpr(gl.NVMMADistributedLayout([3, 0], [4, 1], [16, 64, 16]))
rows_of_64 = gl.constexpr(gl.SliceLayout(1, columns_64.value))
lanes_of_64 = gl.constexpr(gl.SliceLayout(0, columns_64.value))


@gluon.jit
def nan_maximum(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@gluon.jit
def next_buffer(buffer, phase, BUFFERS: tl.constexpr):
    # The phase of a barrier turns each time that the ring has been gone through.
    turned = buffer == BUFFERS - 1
    return tl.where(turned, 0, buffer + 1), tl.where(turned, phase ^ 1, phase)


@gluon.jit
def causal_attention_computing(q_descriptor, k_descriptor, v_descriptor, out_descriptor, q_blocks, k_blocks, v_blocks, out_blocks, ready, free, kept_ready, kept_free, GROUP: gl.constexpr):
    buffer, phase, kept_phase = 0, 0, 0
    # for head, rows in hl.tile([heads, length]):
    for pid in tl.range(tl.program_id(0), 32, tl.num_programs(0)):
        first_row = pid // (4 * 8) * 4
        group_rows = min(4 - first_row, 4)
        in_group = pid % (4 * 8)
        head_begin = first_row + in_group % group_rows
        rows_begin = (7 - (in_group // group_rows)) * 128
        rows_of_group = rows_begin + GROUP * 64
        rows_index = rows_of_group + gl.arange(0, 64, layout=rows_of_64)
        turns = max((63 + rows_begin) // 64, 0)
        turns_1 = turns + (max(((-1 * rows_begin) + 63 + min(1024, 128 + rows_begin)) // 64, 0))
        # top = hl.full([head, rows], float("-inf"), dtype=torch.float32)
        full = gl.full([64], float('-inf'), tl.float32, rows_of_64)
        # total = hl.zeros([head, rows], dtype=torch.float32)
        full_1 = gl.full([64], 0.0, tl.float32, rows_of_64)
        # acc = hl.zeros([head, rows, size], dtype=torch.float32)
        full_2 = gl.full([64, 64], 0.0, tl.float32, columns_64)
        total = full_1
        acc = full_2
        top = full
        mbarrier.wait(kept_ready.index(0), kept_phase)
        kept_phase ^= 1
        mbarrier.wait(ready.index(buffer), phase)
        dot = warpgroup_mma(q_blocks.index(GROUP).reshape([64, 64]), k_blocks.index(buffer).reshape([64, 64]).permute([1, 0]), gl.full([64, 64], 0.0, tl.float32, columns_64), use_acc=False, is_async=True)
        dot = warpgroup_mma_wait(0, deps=[dot])
        mbarrier.arrive(free.index(buffer), count=1)
        if turns > 0:
            columns_begin = 0
            columns_index = columns_begin + gl.arange(0, 64, layout=lanes_of_64)
            # raised = torch.maximum(top, torch.amax(scores, -1))
            amax = tl.reduce(dot, 1, nan_maximum)
            maximum = tl.maximum(top, amax, propagate_nan=tl.PropagateNan.ALL)
            # weights, worth = torch.exp(scores - raised[:, :, None]), torch.exp(top - raised)
            sub = dot - maximum[:, None]
            exp_1 = tl.exp2(sub * 1.4426950408889634)
            sub_1 = top - maximum
            exp_2 = libdevice.exp(sub_1)
            # total = total * worth + weights.sum(-1)
            mul = total * exp_2
            sum = tl.sum(exp_1, 1)
            add = mul + sum
            # acc = acc * worth[:, :, None]
            total, top = add, maximum
            exp, unsqueeze = exp_1, exp_2
        else:
            columns_begin_1 = rows_begin + (0 - turns) * 64
            columns_index_1 = columns_begin_1 + gl.arange(0, 64, layout=lanes_of_64)
            # seen = rows.index[:, None] >= columns.index[None, :]
            ge = rows_index[:, None] >= columns_index_1[None, :]
            # scores = torch.where(seen[None, :, :], scores, float("-inf"))
            full_3 = tl.cast(float('-inf'), tl.float32)
            where = tl.where(ge, dot, full_3)
            # raised = torch.maximum(top, torch.amax(scores, -1))
            amax_1 = tl.reduce(where, 1, nan_maximum)
            maximum_1 = tl.maximum(top, amax_1, propagate_nan=tl.PropagateNan.ALL)
            # weights, worth = torch.exp(scores - raised[:, :, None]), torch.exp(top - raised)
            sub_2 = where - maximum_1[:, None]
            exp_3 = tl.exp2(sub_2 * 1.4426950408889634)
            sub_3 = top - maximum_1
            exp_4 = libdevice.exp(sub_3)
            # total = total * worth + weights.sum(-1)
            mul_1 = total * exp_4
            sum_1 = tl.sum(exp_3, 1)
            add_1 = mul_1 + sum_1
            # acc = acc * worth[:, :, None]
            total, top = add_1, maximum_1
            exp, unsqueeze = exp_3, exp_4
        buffer, phase = next_buffer(buffer, phase, 3)
        weights = exp
        # acc = acc * worth[:, :, None]
        mul_2 = acc * unsqueeze[:, None]
        acc = mul_2
        mbarrier.wait(ready.index(buffer), phase)
        for turn in range(1, turns):
            tl.debug_barrier()
            dot_1 = warpgroup_mma(q_blocks.index(GROUP).reshape([64, 64]), k_blocks.index(buffer).reshape([64, 64]).permute([1, 0]), gl.full([64, 64], 0.0, tl.float32, columns_64), use_acc=False, is_async=True)
            # acc = hl.dot(weights.to(v.dtype), v[head, columns, :], acc=acc)
            convert_element_type = weights.to(tl.float16)
            acc = warpgroup_mma(gl.convert_layout(convert_element_type, gl.DotOperandLayout(0, columns_64, 2)), v_blocks.index(buffer).reshape([64, 64]), acc, is_async=True)
            dot_1 = warpgroup_mma_wait(1, deps=[dot_1])
            columns_begin_2 = turn * 64
            columns_index_2 = columns_begin_2 + gl.arange(0, 64, layout=lanes_of_64)
            # raised = torch.maximum(top, torch.amax(scores, -1))
            amax_2 = tl.reduce(dot_1, 1, nan_maximum)
            maximum_2 = tl.maximum(top, amax_2, propagate_nan=tl.PropagateNan.ALL)
            # weights, worth = torch.exp(scores - raised[:, :, None]), torch.exp(top - raised)
            sub_4 = dot_1 - maximum_2[:, None]
            exp_5 = tl.exp2(sub_4 * 1.4426950408889634)
            sub_5 = top - maximum_2
            exp_6 = libdevice.exp(sub_5)
            # total = total * worth + weights.sum(-1)
            mul_3 = total * exp_6
            sum_2 = tl.sum(exp_5, 1)
            add_2 = mul_3 + sum_2
            # acc = acc * worth[:, :, None]
            total, top = add_2, maximum_2
            used = buffer
            buffer, phase = next_buffer(buffer, phase, 3)
            mbarrier.wait(ready.index(buffer), phase)
            acc = warpgroup_mma_wait(0, deps=[acc])
            mbarrier.arrive(free.index(used), count=1)
            weights = exp_5
            mul_4 = acc * exp_6[:, None]
            acc = mul_4
        for turn_1 in range(max(turns, 1), turns_1):
            tl.debug_barrier()
            dot_2 = warpgroup_mma(q_blocks.index(GROUP).reshape([64, 64]), k_blocks.index(buffer).reshape([64, 64]).permute([1, 0]), gl.full([64, 64], 0.0, tl.float32, columns_64), use_acc=False, is_async=True)
            # acc = hl.dot(weights.to(v.dtype), v[head, columns, :], acc=acc)
            convert_element_type_1 = weights.to(tl.float16)
            acc = warpgroup_mma(gl.convert_layout(convert_element_type_1, gl.DotOperandLayout(0, columns_64, 2)), v_blocks.index(buffer).reshape([64, 64]), acc, is_async=True)
            dot_2 = warpgroup_mma_wait(1, deps=[dot_2])
            columns_begin_3 = rows_begin + (turn_1 - turns) * 64
            columns_index_3 = columns_begin_3 + gl.arange(0, 64, layout=lanes_of_64)
            # seen = rows.index[:, None] >= columns.index[None, :]
            ge_1 = rows_index[:, None] >= columns_index_3[None, :]
            # scores = torch.where(seen[None, :, :], scores, float("-inf"))
            full_4 = tl.cast(float('-inf'), tl.float32)
            where_1 = tl.where(ge_1, dot_2, full_4)
            # raised = torch.maximum(top, torch.amax(scores, -1))
            amax_3 = tl.reduce(where_1, 1, nan_maximum)
            maximum_3 = tl.maximum(top, amax_3, propagate_nan=tl.PropagateNan.ALL)
            # weights, worth = torch.exp(scores - raised[:, :, None]), torch.exp(top - raised)
            sub_6 = where_1 - maximum_3[:, None]
            exp_7 = tl.exp2(sub_6 * 1.4426950408889634)
            sub_7 = top - maximum_3
            exp_8 = libdevice.exp(sub_7)
            # total = total * worth + weights.sum(-1)
            mul_5 = total * exp_8
            sum_3 = tl.sum(exp_7, 1)
            add_3 = mul_5 + sum_3
            # acc = acc * worth[:, :, None]
            total, top = add_3, maximum_3
            used_1 = buffer
            buffer, phase = next_buffer(buffer, phase, 3)
            mbarrier.wait(ready.index(buffer), phase)
            acc = warpgroup_mma_wait(0, deps=[acc])
            mbarrier.arrive(free.index(used_1), count=1)
            weights = exp_7
            mul_6 = acc * exp_8[:, None]
            acc = mul_6
        mbarrier.arrive(kept_free.index(0), count=1)
        # acc = hl.dot(weights.to(v.dtype), v[head, columns, :], acc=acc)
        convert_element_type_2 = weights.to(tl.float16)
        acc = warpgroup_mma(gl.convert_layout(convert_element_type_2, gl.DotOperandLayout(0, columns_64, 2)), v_blocks.index(buffer).reshape([64, 64]), acc, is_async=True)
        acc = warpgroup_mma_wait(0, deps=[acc])
        mbarrier.arrive(free.index(buffer), count=1)
        buffer, phase = next_buffer(buffer, phase, 3)
        # out[head, rows, :] = (acc / total[:, :, None]).to(out.dtype)
        div = (acc / total[:, None])
        convert_element_type_3 = div.to(tl.float16)
        tma.store_wait(0)
        out_blocks.index(GROUP).reshape([64, 64]).store(convert_element_type_3)
        fence_async_shared()
        tma.async_copy_shared_to_global(out_descriptor, [head_begin, rows_of_group, 0], out_blocks.index(GROUP))
    tma.store_wait(0)


@gluon.jit
def causal_attention_copying(q_descriptor, k_descriptor, v_descriptor, out_descriptor, q_blocks, k_blocks, v_blocks, out_blocks, ready, free, kept_ready, kept_free):
    buffer, phase, kept_phase = 0, 1, 1
    # for head, rows in hl.tile([heads, length]):
    for pid_1 in tl.range(tl.program_id(0), 32, tl.num_programs(0)):
        first_row_1 = pid_1 // (4 * 8) * 4
        group_rows_1 = min(4 - first_row_1, 4)
        in_group_1 = pid_1 % (4 * 8)
        head_begin_1 = first_row_1 + in_group_1 % group_rows_1
        rows_begin_1 = (7 - (in_group_1 // group_rows_1)) * 128
        turns_2 = max((63 + rows_begin_1) // 64, 0)
        turns_3 = turns_2 + (max(((-1 * rows_begin_1) + 63 + min(1024, 128 + rows_begin_1)) // 64, 0))
        columns_begin_4 = 0
        mbarrier.wait(free.index(buffer), phase)
        mbarrier.expect(ready.index(buffer), 8192)
        tma.async_copy_global_to_shared(k_descriptor, [head_begin_1, columns_begin_4, 0], ready.index(buffer), k_blocks.index(buffer))
        buffer, phase = next_buffer(buffer, phase, 3)
        mbarrier.wait(kept_free.index(0), kept_phase)
        mbarrier.expect(kept_ready.index(0), 16384)
        tma.async_copy_global_to_shared(q_descriptor, [head_begin_1, rows_begin_1, 0], kept_ready.index(0), q_blocks.index(0))
        tma.async_copy_global_to_shared(q_descriptor, [head_begin_1, rows_begin_1 + 64, 0], kept_ready.index(0), q_blocks.index(1))
        kept_phase ^= 1
        for turn_2 in range(1, turns_3):
            columns_before = ((turn_2 - 1)) * 64
            columns_begin_5 = turn_2 * 64
            mbarrier.wait(free.index(buffer), phase)
            mbarrier.expect(ready.index(buffer), 16384)
            tma.async_copy_global_to_shared(k_descriptor, [head_begin_1, columns_begin_5, 0], ready.index(buffer), k_blocks.index(buffer))
            tma.async_copy_global_to_shared(v_descriptor, [head_begin_1, columns_before, 0], ready.index(buffer), v_blocks.index(buffer))
            buffer, phase = next_buffer(buffer, phase, 3)
        columns_last = ((turns_3 - 1)) * 64
        mbarrier.wait(free.index(buffer), phase)
        mbarrier.expect(ready.index(buffer), 8192)
        tma.async_copy_global_to_shared(v_descriptor, [head_begin_1, columns_last, 0], ready.index(buffer), v_blocks.index(buffer))
        buffer, phase = next_buffer(buffer, phase, 3)


@gluon.jit
def causal_attention(q_descriptor, k_descriptor, v_descriptor, out_descriptor):
    q_blocks = gl.allocate_shared_memory(tl.float16, [2, 1, 64, 64], q_descriptor.layout)
    k_blocks = gl.allocate_shared_memory(tl.float16, [3, 1, 64, 64], k_descriptor.layout)
    v_blocks = gl.allocate_shared_memory(tl.float16, [3, 1, 64, 64], v_descriptor.layout)
    out_blocks = gl.allocate_shared_memory(tl.float16, [2, 1, 64, 64], out_descriptor.layout)
    ready = gl.allocate_shared_memory(gl.int64, [3, 1], mbarrier.MBarrierLayout())
    free = gl.allocate_shared_memory(gl.int64, [3, 1], mbarrier.MBarrierLayout())
    kept_ready = gl.allocate_shared_memory(gl.int64, [1, 1], mbarrier.MBarrierLayout())
    kept_free = gl.allocate_shared_memory(gl.int64, [1, 1], mbarrier.MBarrierLayout())
    mbarrier.init(ready.index(0), count=1)
    mbarrier.init(ready.index(1), count=1)
    mbarrier.init(ready.index(2), count=1)
    mbarrier.init(free.index(0), count=2)
    mbarrier.init(free.index(1), count=2)
    mbarrier.init(free.index(2), count=2)
    mbarrier.init(kept_ready.index(0), count=1)
    mbarrier.init(kept_free.index(0), count=2)
    fence_async_shared()
    gl.warp_specialize(
        [(causal_attention_computing, (q_descriptor, k_descriptor, v_descriptor, out_descriptor, q_blocks, k_blocks, v_blocks, out_blocks, ready, free, kept_ready, kept_free, 0)), (causal_attention_computing, (q_descriptor, k_descriptor, v_descriptor, out_descriptor, q_blocks, k_blocks, v_blocks, out_blocks, ready, free, kept_ready, kept_free, 1)), (causal_attention_copying, (q_descriptor, k_descriptor, v_descriptor, out_descriptor, q_blocks, k_blocks, v_blocks, out_blocks, ready, free, kept_ready, kept_free))],
        [4, 1],
        [240, 24],
    )
