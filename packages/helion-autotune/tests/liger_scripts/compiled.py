"""Points of the example's space compile for a GPU, its corners included; and workers find the tuned kernel."""

import liger_cross_entropy as example
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from helion_autotune.triton_kernels.isolated import path_of

NUMBERS = {"weight_sum": "fp32"}
POINTERS = {"X_ptr": "*bf16", "Y_ptr": "*i64", "loss_ptr": "*bf16"}
CONSTANTS = {
    "weight_ptr": None,
    "z_loss_ptr": None,
    "token_accuracy_ptr": None,
    "predicted_tokens_ptr": None,
    "softcap": None,
    "lse_square_scale": 0.0,
    "label_smoothing": 0.0,
    "reduction": "mean",
    "RETURN_Z_LOSS": False,
    "RETURN_TOKEN_ACCURACY": False,
    "RETURN_PREDICTED_TOKENS": False,
    "HAS_WEIGHT": False,
    "HAS_SOFTCAPPING": False,
    "HAS_GRADIENTS": True,
}
kernel = example.liger_cross_entropy_kernel


def compile_for_hopper(point):
    constants = {**CONSTANTS, "BLOCK_SIZE": point["BLOCK_SIZE"]}
    types = {
        name: "constexpr" if name in constants else POINTERS.get(name, NUMBERS.get(name, "i32"))
        for name in kernel.arg_names
    }
    options = {name: point[name] for name in ("num_warps", "num_stages")}
    source = ASTSource(kernel, types, constants)
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)


points = sorted(example.SPACE.points(), key=lambda point: (point["BLOCK_SIZE"], point["num_warps"]))
for point in (points[0], example.SPACE.default, points[-1]):
    binary = compile_for_hopper(point)
    assert binary.metadata.num_warps == point["num_warps"]
    assert ".target sm_90" in binary.asm["ptx"]
assert path_of(example.tuned_kernel) == "liger_cross_entropy:tuned_kernel"
print("passed")
