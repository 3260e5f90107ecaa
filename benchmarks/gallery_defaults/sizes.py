"""With what sizes each case of the gallery is timed: those of real models, where they are known, on one large GPU.

Names are those of the gallery's cases. Kernels that :mod:`benchmarks.suite` times are not here, nor are the one-line
kernels of examples/escape_hatches.py.
"""

from __future__ import annotations

_ROWS = (8192, 8192)
_LOGITS = (4096, 32768)
_PRODUCT = (4096, 4096, 4096)

SIZES: dict[str, tuple[int, ...]] = {
    "exp-backward": _ROWS,
    "sum_whole": (64, 4194304),
    "sum_in_steps": (64, 4194304),
    "softmax_decomposed": _ROWS,
    "differentiable_softmax-backward": _ROWS,
    "batch_softmax": (64, 1024, 1024),
    "welford_layer_norm": _ROWS,
    "cross_entropy_ignoring": _LOGITS,
    "kl_div-none": _LOGITS,
    "fused_linear_jsd": (1024, 16384, 1024),
    "matmul_bias_relu": _PRODUCT,
    "matmul-backward": _PRODUCT,
    "bmm": (16, 1024, 1024, 1024),
    "broadcast_matmul": (16, 1024, 1024, 1024),
    "split_k": (64, 32768, 128),
    "split_k_barrier": (64, 32768, 128),
    "matmul_layernorm": (8192, 1024, 256),
    "moe_matmul": (4096, 8, 2048, 2048),
    "mixed_gemm": _PRODUCT,
    "mixed_gemm-left": _PRODUCT,
    "gather_gemv": (64, 8, 4096, 4096),
    "attention-modified": (4, 16, 2048, 2048, 128),
    "differentiable_attention-backward": (2, 16, 2048, 2048, 64),
    "fp8_attention": (64, 2048, 2048, 64),
    "flex_attention": (4, 16, 2048, 64),
    "jagged_dense_bmm-without-bias": (256, 1024, 256, 256),
    "embedding": (64, 2048, 32000, 1024),
    "embedding-backward": (16, 2048, 32000, 1024),
    "concatenate": (8192, 4096, 4096),
    "rope-backward": (4, 32, 4096, 128),
    "geglu-backward": _ROWS,
    "swiglu-backward": _ROWS,
    "dropout": _ROWS,
    "segment_sum": (262144, 256, 8192),
    "squeeze_and_excite": (16384, 1024, 128),
    "squeeze_and_excite-backward": (16384, 1024, 128),
    "chunk_state": (4, 16, 256, 32, 64, 128),
    "gated_delta_states": (8, 2048, 16, 64, 64),
    "grpo_loss": (8, 512, 32768),
    "grpo_loss-backward": (8, 512, 32768),
    "quantise_groups": (8192, 64, 128),
    "causal_conv1d": (8, 4096, 4096, 4),
    "linear_recurrence": (4096, 4096),
    "topk_gating": (65536, 128, 8),
    "nearest_code": (16384, 4096, 64),
    "searchsorted": (1048576, 65536),
    "mxfp8_gemm": (4096, 128, 4096),
    "sum_of_tensors": (16, 4194304),
}
