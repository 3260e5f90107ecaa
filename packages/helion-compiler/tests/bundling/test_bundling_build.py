"""Build bundles in this process: what is inside, in which order, and what is refused before or while compiling."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
import helion_compiler
import helion_runtime
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.bundling.example_arguments import on_device
from helion_runtime.bundle.reading import read_verified
from helion_runtime.driver import DeviceProperties
from helion_runtime.errors import BundleExistsError, BundleWriteError, NoVariantError
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
AMPERE = DeviceProperties("ampere", (8, 6), 84, 101376)


@helion.kernel(config=helion.Config(block_sizes=[512]))
def scaled(x: torch.Tensor, factor: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.shape):
        out[tile] = x[tile] * factor
    return out


@helion.kernel(config=helion.Config(block_sizes=[2, 64]))
def mapped(x: torch.Tensor, finish: Callable[..., torch.Tensor]) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.shape):
        out[tile] = finish(x[tile], tile)
    return out


@helion.kernel(
    configs=[helion.Config(block_sizes=[64, 64, 64]), helion.Config(block_sizes=[128, 128, 64])]
)
def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.shape
    _, n = y.shape
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def meta(*sizes: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(sizes, dtype=dtype, device="meta")


def opened(path: Path, device: DeviceProperties) -> tuple[Any, RecordingDriver]:
    bundle = helion_runtime.load(path)
    driver = RecordingDriver(bundle.manifest.kernels, device=device)
    return helion_runtime.load(path, driver=driver), driver


def number(parameter: bytes) -> int:
    return int.from_bytes(parameter, "little")


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One op for two targets: a variant for 4096 elements, and one for other numbers of them."""
    path = tmp_path_factory.mktemp("bundling") / "variants.helion"
    requests = [
        BuildRequest(scaled, (meta(2048), 5), static_shapes=False),
        BuildRequest(scaled, (meta(4096), 5)),
    ]
    told = []
    built = build_bundle(path, requests, targets=["sm_80", "sm_90"], progress=told.append)
    assert [(item.op, item.target.name) for item in told] == [
        ("scaled", "sm_80"),
        ("scaled", "sm_90"),
    ] * 2
    assert built.path == path
    assert built.id == helion_runtime.load(path, pin=built.id).id
    return path


def test_the_most_specialised_variant_comes_first(variants: Path) -> None:
    bundle = helion_runtime.load(variants)
    arches = {kernel.name: kernel.arch for kernel in bundle.manifest.kernels}
    (op,) = bundle.manifest.ops
    found = [
        (["eq", ["size", 0, 0], 4096] in _lists(variant.guard), arches[variant.launches[0].kernel])
        for variant in op.variants
    ]
    assert found == [(True, "sm_90a"), (True, "sm_80"), (False, "sm_90a"), (False, "sm_80")]


BLACKWELL = DeviceProperties("blackwell", (12, 0), 170, 101376)


@pytest.mark.parametrize(("device", "start"), [(HOPPER, b"\x7fELF"), (BLACKWELL, b"//")])
def test_ptx_serves_devices_that_no_machine_code_is_for(
    tmp_path: Path, device: DeviceProperties, start: bytes
) -> None:
    """Beside a code object for AMD, which is held and never loaded here."""
    path = tmp_path / "b.helion"
    targets = ["ptx_80", "gfx942", "sm_90"]
    build_bundle(path, [BuildRequest(scaled, (meta(4096), 5))], targets=targets, jobs=1)
    bundle, driver = opened(path, device)
    arches = {kernel.name: kernel.arch for kernel in bundle.manifest.kernels}
    order = [arches[variant.launches[0].kernel] for variant in bundle.scaled.variants]
    assert order[-1] == "ptx_80"
    assert set(order) == {"sm_90a", "gfx942", "ptx_80"}
    bundle.scaled(torch.zeros(4096), 5)
    ((_, _, binary),) = driver.loaded
    assert binary.startswith(start)
    assert b".file" not in next(
        content for name, content in read_verified(path).files.items() if name.endswith(".ptx")
    )


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("device", [HOPPER, AMPERE], ids=lambda device: device.name)
def test_each_device_runs_its_own_binary(variants: Path, device: DeviceProperties) -> None:
    bundle, driver = opened(variants, device)
    x = torch.zeros(4096)
    out = bundle.scaled(x, 7)
    launch = driver.launches[-1]
    assert (launch.grid, launch.block) == ((8, 1, 1), (128, 1, 1))  # 4096 elements, 512 each
    assert [number(parameter) for parameter in launch.parameters] == [
        x.data_ptr(),
        out.data_ptr(),
        7,
        0,
        0,
    ]
    assert [len(parameter) for parameter in launch.parameters] == [8, 8, 4, 8, 8]
    ((symbol, _, binary),) = driver.loaded
    assert symbol == "scaled"
    arches = {kernel.arch: kernel.blob for kernel in bundle.manifest.kernels}
    assert set(arches) == {"sm_90a", "sm_80"}
    assert binary[:4] == b"\x7fELF"


def test_other_sizes_go_to_the_general_variant(variants: Path) -> None:
    bundle, driver = opened(variants, HOPPER)
    x = torch.zeros(1040)  # as many times 16 as it likes
    bundle.scaled(x, 7)
    launch = driver.launches[-1]
    assert launch.grid == (3, 1, 1)
    assert sorted(map(number, launch.parameters[2:4])) == [7, 1040]
    with pytest.raises(NoVariantError, match="expected dtype float32, found float64"):
        bundle.scaled(x.double(), 7)


@helion.kernel(config=helion.Config(block_sizes=[4]), static_shapes=False)
def summed(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile, :].sum(1)
    return out


@helion.kernel(config=helion.Config(block_sizes=[4]), static_shapes=False)
def parted(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    factor = 2 if x.size(0) % 16 != 0 else 3
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile, :].sum(1) * factor
    return out


def test_the_general_variant_serves_every_size_that_fits(tmp_path: Path) -> None:
    """Multiples of 16 beside numbers that are none, and rows shorter than those of the example."""
    requests = [BuildRequest(summed, (meta(64, 512),)), BuildRequest(summed, (meta(61, 501),))]
    built = build_bundle(tmp_path / "b.helion", requests, targets=["sm_90"], jobs=1)
    bundle, _ = opened(built.path, HOPPER)
    special, general = (variant.launches[0].kernel for variant in built.ops[0].variants)
    blobs = {kernel.name: kernel.blob for kernel in built.kernels}
    for sizes, expected in (
        ((32, 512), special),
        ((32, 499), general),
        ((33, 512), general),
        ((33, 48), general),
        ((2, 16), general),
    ):
        prepared = bundle.summed.prepare((torch.zeros(sizes),))
        assert prepared.variant.launches[0].kernel == expected, sizes
    assert blobs[special] != blobs[general]
    with pytest.raises(NoVariantError):
        bundle.summed(torch.zeros(33, 513))  # longer than the block of 512


def test_conditions_of_the_author_stay(tmp_path: Path) -> None:
    request = BuildRequest(parted, (meta(61, 501),))
    built = build_bundle(tmp_path / "b.helion", [request], targets=["sm_90"], jobs=1)
    bundle, _ = opened(built.path, HOPPER)
    bundle.parted(torch.zeros(33, 501))
    with pytest.raises(NoVariantError):
        bundle.parted(torch.zeros(32, 501))


def test_functions_bring_their_captures_as_arguments(tmp_path: Path) -> None:
    bias, slope = torch.ones(64), 2.0
    request = BuildRequest(
        mapped, (meta(8, 64), lambda value, tile: value * slope + bias[tile[1]]), name="with_bias"
    )
    built = build_bundle(tmp_path / "b.helion", [request], targets=["sm_90"], jobs=1)
    (op,) = built.ops
    assert (op.name, op.arguments) == ("with_bias", ("x", "finish_bias"))
    bundle, driver = opened(built.path, HOPPER)
    x = torch.zeros(8, 64)
    out = bundle.with_bias(x, bias)
    launch = driver.launches[-1]
    assert launch.grid == (4, 1, 1)
    assert [number(parameter) for parameter in launch.parameters] == [
        x.data_ptr(),
        bias.data_ptr(),
        out.data_ptr(),
        0,
        0,
    ]


def test_one_binary_is_stored_once(tmp_path: Path) -> None:
    """Two configs that come to the same machine code share it; the first is shown to people."""
    same = {"block_sizes": [512], "num_warps": 4}
    requests = [
        BuildRequest(scaled, (meta(4096), 5), name="first"),
        BuildRequest(scaled, (meta(4096), 5), same, name="second"),
        BuildRequest(scaled, (meta(4096), 5), name="second"),
    ]
    built = build_bundle(tmp_path / "b.helion", requests, targets=["sm_90"], jobs=1)
    (kernel,) = built.kernels
    assert kernel.config == '{"block_sizes": [512]}'
    assert [len(op.variants) for op in built.ops] == [1, 1]
    content = read_verified(built.path)
    assert sorted(content.files) == [f"blobs/{kernel.blob}.cubin", f"source/{kernel.name}.py"]
    source = content.files[f"source/{kernel.name}.py"].decode()
    assert "def scaled(" in source
    assert "/" not in source.replace("x[tile]", "")


def test_a_directory_for_amd(tmp_path: Path) -> None:
    request = BuildRequest(scaled, (meta(4096), 5), targets=("gfx942",))
    built = build_bundle(
        tmp_path / "b", [request], targets=["sm_90"], container="directory", jobs=1
    )
    manifest = helion_runtime.load(built.path).manifest
    assert [kernel.arch for kernel in manifest.kernels] == ["gfx942"]
    assert manifest.requires.cuda_driver == 0
    assert set(manifest.built_with) == {"helion-compiler", "torch", "triton"}
    for name, binary in read_verified(built.path).files.items():
        assert b".py" not in binary or name.startswith("source/")


def test_it_says_what_it_was_built_with_and_needs(variants: Path) -> None:
    manifest = helion_runtime.load(variants).manifest
    assert manifest.built_with["torch"] == importlib.metadata.version("torch")
    assembler = manifest.built_with["ptxas (sm_90)"]
    assert manifest.requires.cuda_driver == int(assembler.split(".")[0]) * 1000
    for name, binary in read_verified(variants).files.items():
        if name.startswith("blobs/"):
            assert b".debug_line" not in binary
            assert b".py" not in binary


def test_settings_of_the_environment_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels decorated while reference mode or a bundle is asked for are compiled all the same."""
    monkeypatch.setenv("HELION_INTERPRET", "1")
    monkeypatch.setenv("HELION_BUNDLE", str(tmp_path / "none.helion"))
    kernel = helion.kernel(scaled.fn, config=helion.Config(block_sizes=[512]))
    assert kernel.settings.ref_mode
    build_bundle(
        tmp_path / "b.helion", [BuildRequest(kernel, (meta(4096), 5))], targets=["sm_90"], jobs=1
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only there searches have workers of that kind")
def test_where_triton_interprets_processes_compile_and_this_one_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    request = BuildRequest(scaled, (torch.empty(64, device="meta"), 3))
    with pytest.raises(helion.exc.TritonError, match="TRITON_INTERPRET is set"):
        build_bundle(tmp_path / "one.helion", [request], targets=["sm_90"], jobs=1)
    built = build_bundle(tmp_path / "b.helion", [request], targets=["sm_90", "sm_80"], jobs=2)
    assert len(built.kernels) == 2


def test_a_build_begins_no_workers_of_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    from helion_autotune.isolation import ForkServers

    def refused(self: ForkServers, modules: Any) -> None:
        raise AssertionError(f"a worker begins, for {modules}")

    monkeypatch.setattr(ForkServers, "prepare", refused)
    kernel = helion.kernel(scaled.fn, force_autotune=True)
    request = BuildRequest(kernel, (meta(4096), 5))
    assert request.choose_config(request.bind()).origin == "config by default"
    real = on_device(kernel.fn, request.normalized_args(), torch.device("cpu"))
    assert request.compiled().bind(real)  # on the CPU, nothing is searched for either


def refuse(tmp_path: Path, *requests: BuildRequest, targets: tuple[str, ...] = ("sm_90",)) -> str:
    """The message of the error, after which nothing is left behind."""
    with pytest.raises(helion.exc.HelionError) as caught:
        build_bundle(tmp_path / "b.helion", requests, targets=targets, jobs=1)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    x = meta(4096)
    both = (meta(64, 64), meta(64, 64))
    assert "no kernel is named" in refuse(tmp_path)
    assert "no target is named for `scaled`" in refuse(
        tmp_path, BuildRequest(scaled, (x, 5)), targets=()
    )
    assert "sm_hopper" in refuse(tmp_path, BuildRequest(scaled, (x, 5)), targets=("sm_hopper",))
    assert "has 2 configs; choosing one takes a GPU" in refuse(
        tmp_path, BuildRequest(product, both)
    )
    assert "missing 1 required positional argument" in refuse(tmp_path, BuildRequest(scaled, (x,)))
    misfit = BuildRequest(scaled, (x, 5), {"block_sizes": [64, 64]})
    assert "block_sizes" in refuse(tmp_path, misfit)


def test_variants_of_an_op_take_the_same_arguments(tmp_path: Path) -> None:
    message = refuse(
        tmp_path,
        BuildRequest(scaled, (meta(4096), 5)),
        BuildRequest(mapped, (meta(8, 64), _negate), name="scaled"),
    )
    assert "variants of op `scaled` take (x, factor) and (x)" in message


@helion.kernel(config=helion.Config(block_sizes=[512]))
def raised(x: torch.Tensor, exponent: hl.constexpr) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.shape):
        out[tile] = x[tile] ** exponent
    return out


def test_what_calls_do_not_show_cannot_tell_variants_apart(tmp_path: Path) -> None:
    """With equal arguments left over, the first variant would run for both."""
    told = "differ in a constant or a function"
    squared, cubed = BuildRequest(raised, (meta(4096), 2)), BuildRequest(raised, (meta(4096), 3))
    assert told in refuse(tmp_path, squared, cubed)
    smaller = BuildRequest(raised, (meta(2048), 3))
    assert told in refuse(tmp_path, squared, smaller)
    negated = BuildRequest(mapped, (meta(8, 64), _negate))
    doubled = BuildRequest(mapped, (meta(8, 64), lambda value, tile: value * 2))
    assert told in refuse(tmp_path, negated, doubled)
    other = BuildRequest(scaled, (meta(4096), 5), {"block_sizes": [256]})
    message = refuse(tmp_path, BuildRequest(scaled, (meta(4096), 5)), other)
    assert "two variants of op `scaled` for sm_90 serve the same calls" in message
    named = BuildRequest(raised, (meta(4096), 3), name="cubed")
    built = build_bundle(tmp_path / "b.helion", [squared, named], targets=["sm_90"], jobs=1)
    assert {op.name: op.arguments for op in built.ops} == {"raised": ("x",), "cubed": ("x",)}


def _negate(value: torch.Tensor, tile: Any) -> torch.Tensor:
    return -value


def test_too_much_shared_memory_is_refused_by_target(tmp_path: Path) -> None:
    sizes = (meta(512, 512, dtype=torch.float16), meta(512, 512, dtype=torch.float16))
    config = {"block_sizes": [128, 128, 64], "num_stages": 5, "num_warps": 8}
    message = refuse(tmp_path, BuildRequest(product, sizes, config), targets=("sm_86",))
    assert "sm_86 has 101376" in message
    assert "smaller blocks or fewer stages for sm_86" in message


def test_where_nothing_can_be_written_nothing_is_compiled(tmp_path: Path) -> None:
    def told(finished: object) -> None:
        pytest.fail("compiled before looking at the path")

    requests = [BuildRequest(scaled, (meta(4096), 5))]
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "missing" / "b.helion", tmp_path / "file" / "b.helion"):
        with pytest.raises(BundleWriteError, match="cannot write a bundle to"):
            build_bundle(path, requests, targets=["sm_90"], progress=told)
    with pytest.raises(BundleExistsError, match="is a directory"):
        build_bundle(tmp_path / "taken", requests, targets=["sm_90"], progress=told)
    with pytest.raises(BundleExistsError, match="is a file"):
        build_bundle(
            tmp_path / "file", requests, targets=["sm_90"], container="directory", progress=told
        )


def test_public_names_load_when_used() -> None:
    assert set(helion_compiler.__all__) <= set(dir(helion_compiler))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = helion_compiler.no_such_name
