"""One example with its arguments: what is made for it, how it is run, and how far from torch it may be."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch

import helion
from beside_torch import gradients, relative_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

# Relative to the norm of the result: the dtype's rounding of inputs of size 1, with room for sums of some 100 terms.
TOLERANCE = {
    torch.float64: 1e-10,
    torch.float32: 1e-5,
    torch.float16: 2e-3,
    torch.bfloat16: 1e-2,
    torch.float8_e4m3fn: 5e-2,
}
FLOATS = (torch.float32, torch.bfloat16, torch.float16)


@attrs.frozen
class Maker:
    """Makes the tensors of one case, the same on every device."""

    dtype: torch.dtype
    device: str
    generator: torch.Generator = attrs.field(factory=lambda: torch.Generator().manual_seed(0))

    def randn(self, *shape: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Normal numbers, of the case's dtype where none is given."""
        values = torch.randn(shape, generator=self.generator)
        return values.to(self.device, dtype or self.dtype)

    def rand(self, *shape: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Numbers between 0 and 1."""
        values = torch.rand(shape, generator=self.generator)
        return values.to(self.device, dtype or self.dtype)

    def integers(
        self, low: int, high: int, *shape: int, dtype: torch.dtype = torch.int64
    ) -> torch.Tensor:
        """Integers of ``[low, high)``."""
        values = torch.randint(low, high, shape, generator=self.generator)
        return values.to(self.device, dtype)

    def offsets(self, rows: int, longest: int, *, dtype: torch.dtype = torch.int64) -> torch.Tensor:
        """Where each of ``rows`` jagged rows begins, and the last ends; some are empty."""
        lengths = torch.randint(0, longest + 1, (rows,), generator=self.generator)
        lengths[0] = 0 if rows > 1 else longest
        lengths[-1] = longest
        zero = torch.zeros(1, dtype=torch.int64)
        return torch.cat([zero, lengths.cumsum(0)]).to(self.device, dtype)


@attrs.frozen
class Case:
    """A function of an example, and what to call it with.

    Attributes:
        example: the name of its module.
        function: a kernel, or a function that calls kernels.
        arguments: makes them, of the sizes.
        small: sizes for reference mode and the interpreter, one run each; dtypes take turns.
        large: sizes for a GPU.
        reference: the name of the function that computes the same by torch.
        gradient: compare the gradients instead.
        first: only of so many arguments.
        dtypes: in which it is tried.
        higher: give torch the inputs in float64; False where the reference depends on their dtype.
        slack: how many times further from torch than usual it may be.
        compiled_only: there is Triton source in it, which reference mode refuses.
        variant: tells it apart from other cases of the function.
        block: the largest block in the interpreter, so that small sizes take several.
    """

    example: str
    function: str
    arguments: Callable[..., tuple[Any, ...]]
    small: tuple[tuple[int, ...], ...]
    large: tuple[int, ...]
    reference: str = "reference"
    gradient: bool = False
    first: int | None = None
    dtypes: tuple[torch.dtype, ...] = FLOATS
    higher: bool = True
    slack: float = 1.0
    compiled_only: bool = False
    variant: str = ""
    block: int = 16

    def __str__(self) -> str:
        kind = "backward" if self.gradient else self.variant
        return f"{self.function}-{kind}" if kind else self.function

    @property
    def usual_dtype(self) -> torch.dtype:
        """bfloat16, where the kernel takes that."""
        return torch.bfloat16 if torch.bfloat16 in self.dtypes else self.dtypes[0]

    def runs(self) -> Iterator[tuple[tuple[int, ...], torch.dtype]]:
        """Each of the small sizes, with a dtype; at least one run for each dtype."""
        number = max(len(self.small), len(self.dtypes))
        sizes, dtypes = itertools.cycle(self.small), itertools.cycle(self.dtypes)
        return itertools.islice(zip(sizes, dtypes, strict=False), number)


def load(example: str) -> ModuleType:
    """The example's module, executed anew so that no test sees another's settings."""
    spec = importlib.util.spec_from_file_location(example, EXAMPLES / f"{example}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kernels(module: ModuleType) -> dict[str, helion.Kernel[..., Any]]:
    """The kernels of a module, by name."""
    return {name: value for name, value in vars(module).items() if isinstance(value, helion.Kernel)}


def use(module: ModuleType, settings: helion.Settings, block: int | None) -> None:
    """Run the kernels of ``module`` with these settings, and with blocks of at most ``block``."""
    for name, kernel in kernels(module).items():
        kernel.settings = settings
        if block is not None:
            setattr(module, name, InSmallBlocks(kernel, block))


@attrs.frozen
class InSmallBlocks:
    """A kernel whose config is the default one with its blocks cut down, so that several are needed."""

    kernel: helion.Kernel[..., Any]
    most: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arguments = self.kernel.normalize_args(*args, **kwargs)
        bound = self.kernel.bind(arguments)
        config = bound.config_spec.default_config()
        if (sizes := config.get("block_sizes")) is not None:
            smaller = [min(size, self.most) for size in sizes]
            own = {**config, "block_sizes": smaller}
            for key in ("range_warp_specializes", "swap_operands"):
                own.pop(key, None)  # they are too small for that
            config = helion.Config.from_dict(own)
        bound.set_config(config)
        return bound(*arguments)


def check(module: ModuleType, case: Case, sizes: tuple[int, ...], make: Maker) -> None:
    """Run the example once, and torch, and compare."""
    function, reference = getattr(module, case.function), getattr(module, case.reference)
    if case.gradient:
        function = gradients(function, first=case.first)
        reference = gradients(reference, first=case.first)
    args = case.arguments(make, *sizes)
    before = [arg.clone() if isinstance(arg, torch.Tensor) else arg for arg in args]
    results = function(*args)
    expected = reference(*(higher(arg) for arg in before) if case.higher else before)
    pairs = list(zip(tensors(results), tensors(expected), strict=True))
    assert pairs
    for result, wanted in pairs:
        assert result.shape == wanted.shape
        error = relative_error(result, wanted)
        assert error <= TOLERANCE.get(result.dtype, 0.0) * case.slack, f"relative error {error:.2e}"


def higher(value: Any) -> Any:
    """The tensors of an argument in float64."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.double()
    if isinstance(value, (list, tuple)):
        return type(value)(higher(entry) for entry in value)
    return value


def tensors(result: Any) -> list[torch.Tensor]:
    """The tensors of a result, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for entry in result for tensor in tensors(entry)]
