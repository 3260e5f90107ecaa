"""What is asked of Nsight Compute, by its names for GH100 (compute capability 9.0).

Throughputs and pipes are per cent of their peak. Caches are emptied before each pass, as ``do_bench`` does.
"""

from __future__ import annotations

DURATION = "gpu__time_duration.sum"
BUSY = "sm__cycles_active.avg.pct_of_peak_sustained_elapsed"
READ = "dram__bytes_read.sum"
WRITTEN = "dram__bytes_write.sum"
DRAM = "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed"
L2 = "lts__throughput.avg.pct_of_peak_sustained_elapsed"
L2_BYTES = "lts__t_bytes.sum"
L2_HITS = "lts__t_sector_hit_rate.pct"
L1 = "l1tex__throughput.avg.pct_of_peak_sustained_active"
L1_HITS = "l1tex__t_sector_hit_rate.pct"
BULK_READ = "l1tex__m_xbar2l1tex_read_bytes_mem_global_op_tma_ld.sum"
LOAD_SECTORS = "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_ld.ratio"
STORE_SECTORS = "l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_st.ratio"
SHARED_WAVEFRONTS = "l1tex__data_pipe_lsu_wavefronts_mem_shared.sum"
BANK_CONFLICTS = "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum"
SPILL_LOADED = "l1tex__t_bytes_pipe_lsu_mem_local_op_ld.sum"
SPILL_STORED = "l1tex__t_bytes_pipe_lsu_mem_local_op_st.sum"
SM = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
TENSOR = "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed"
HMMA = "sm__inst_executed_pipe_tensor_op_hmma.sum"
GMMA = "sm__inst_executed_pipe_tensor_op_gmma.sum"
ISSUE = "smsp__issue_active.avg.pct_of_peak_sustained_active"
INSTRUCTIONS = "smsp__inst_executed.sum"
OCCUPANCY = "sm__warps_active.avg.pct_of_peak_sustained_active"
GRID = "launch__grid_size"
BLOCK = "launch__block_size"
WAVES = "launch__waves_per_multiprocessor"
REGISTERS = "launch__registers_per_thread"
STATIC_SHARED = "launch__shared_mem_per_block_static"
DYNAMIC_SHARED = "launch__shared_mem_per_block_dynamic"

PIPES = {
    name: f"sm__inst_executed_pipe_{name}.avg.pct_of_peak_sustained_active"
    for name in ("alu", "fma", "fp64", "lsu", "xu")
}
"""The pipes besides the tensor cores': integers and comparisons, products and sums, doubles, memory, MUFU and casts."""

OCCUPANCY_LIMITS = {
    "registers": "launch__occupancy_limit_registers",
    "shared memory": "launch__occupancy_limit_shared_mem",
    "warps": "launch__occupancy_limit_warps",
    "blocks": "launch__occupancy_limit_blocks",
}
"""How many programs a multiprocessor could hold if there were no other limit."""

STALLS = {
    "long_scoreboard": "waits for global or local memory",
    "short_scoreboard": "waits for shared memory or a special function",
    "barrier": "waits at a barrier of the program",
    "gmma": "waits for products of a warp group",
    "wait": "waits as long as the instruction before it always takes",
    "math_pipe_throttle": "the pipe that it needs is taken",
    "mio_throttle": "the queue of shared memory and special functions is full",
    "lg_throttle": "the queue of global and local memory is full",
    "tex_throttle": "the queue of textures is full",
    "branch_resolving": "waits for a branch",
    "dispatch_stall": "the dispatcher holds it back",
    "drain": "waits for its stores before it ends",
    "imc_miss": "waits for constants",
    "membar": "waits at a memory fence",
    "misc": "other reasons",
    "no_instruction": "waits for instructions to be fetched",
    "not_selected": "another warp was chosen",
    "sleeping": "sleeps",
}
"""What keeps a warp from issuing, and what that means."""

SELECTED = "selected"
"""Of the same family of counters, and no stall: the warp issues."""


def stalled(reason: str) -> str:
    """Warps of a scheduler in that state for each instruction issued."""
    return f"smsp__average_warps_issue_stalled_{reason}_per_issue_active.ratio"


METRICS: tuple[str, ...] = (
    *(DURATION, BUSY, READ, WRITTEN, DRAM, L2, L2_BYTES, L2_HITS, L1, L1_HITS, BULK_READ),
    *(LOAD_SECTORS, STORE_SECTORS, SHARED_WAVEFRONTS, BANK_CONFLICTS, SPILL_LOADED, SPILL_STORED),
    *(SM, TENSOR, HMMA, GMMA, ISSUE, INSTRUCTIONS, OCCUPANCY),
    *(GRID, BLOCK, WAVES, REGISTERS, STATIC_SHARED, DYNAMIC_SHARED),
    *PIPES.values(),
    *OCCUPANCY_LIMITS.values(),
    *map(stalled, (*STALLS, SELECTED)),
)
