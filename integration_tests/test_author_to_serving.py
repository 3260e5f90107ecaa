"""From the author's file to a server's process: ``helion build`` here, ``helion_runtime`` in a fresh interpreter.

The server's interpreter refuses to import what only an author installs. Without a GPU its driver
records launches instead of making them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import torch

import helion_runtime
from helion_runtime.driver import DeviceProperties
from helion_runtime.recording_driver import RecordedLaunch, RecordingDriver

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parent.parent / "examples"
COMPILING = {"triton", "scipy", "sympy", "torch._inductor", "helion_compiler", "helion_autotune"}
HOPPER = DeviceProperties("hopper", (9, 0), 132, 232448)
AMPERE = DeviceProperties("ampere", (8, 0), 108, 166912)

BUILD_FILE = """
targets = ["sm_90", "sm_80"]

[[variant]]
kernel = "matmul.py:matmul"
args = ["f16[512,256]", "f16[256,384]"]
config = { block_sizes = [128, 64, 64], num_warps = 8, num_stages = 3 }

[[variant]]
kernel = "add.py:add"
args = ["f32[1000,300]", "f32[300]"]
config = "add.json"

[[variant]]
kernel = "softmax.py:softmax"
args = ["f32[128,200]"]
config = { block_sizes = [4] }
"""

# Comes first in a server's program: what only an author installs cannot be imported.
SERVER = """
import sys

# Importing these raises, and whoever asks whether they are there (torch does, for triton) is told that they are not.
sys.modules.update(dict.fromkeys(["triton", "scipy", "sympy", "helion_compiler", "helion_autotune"]))
"""

REFUSED_ON_THE_CPU = """
import helion_runtime, torch
bundle = helion_runtime.load(PATH)
try:
    bundle.matmul(torch.ones(512, 256).half(), torch.ones(256, 384).half())
except helion_runtime.RuntimeBundleError:  # no GPU, or a tensor that is not on it
    pass
else:
    raise AssertionError("a kernel for sm_90 ran on the CPU")
"""

DECORATED_SOURCE = """
import helion_runtime, torch
from helion_runtime.bundle import bundle
from helion_runtime.driver import DeviceProperties
from helion_runtime.recording_driver import RecordingDriver

hopper = DeviceProperties("hopper", (9, 0), 132, 232448)
driver = RecordingDriver(helion_runtime.load(PATH).manifest.kernels, device=hopper)
bundle.default_driver = lambda: driver

from matmul import matmul
from softmax import softmax

x, y = torch.ones(512, 256).half(), torch.ones(256, 384).half()
out = matmul(x, y=y)
assert out.shape == (512, 384) and out.dtype == torch.float16, out
softmax(torch.ones(128, 200))
assert [launch.symbol for launch in driver.launches] == ["matmul", "softmax"], driver.launches
bound = matmul.bind((x, y))
assert bound(x, y).shape == (512, 384)
try:
    bound.to_triton_code()
except helion_runtime.RuntimeBundleError as error:
    assert "install helion-compiler" in str(error), error
else:
    raise AssertionError("Triton source came out of a bundle")
"""

# The same where the program says which bundle, for a while, and a compiler may be there as well.
DECORATED_SOURCE_IN_USE = """
import helion_runtime, torch
from helion_runtime.driver import DeviceProperties
from helion_runtime.recording_driver import RecordingDriver

kernels = helion_runtime.load(PATH).manifest.kernels
driver = RecordingDriver(kernels, device=DeviceProperties("hopper", (9, 0), 132, 232448))

from softmax import softmax

x = torch.ones(128, 200)
with helion_runtime.use(helion_runtime.load(PATH, driver=driver)):
    softmax(x)
    assert [launch.symbol for launch in driver.launches] == ["softmax"], driver.launches
    try:
        softmax(x[:100])
    except helion_runtime.errors.NoVariantError as error:
        assert "dimension 0 is 100, this variant has 128" in str(error), error
        assert "runs from" in error.__notes__[0], error.__notes__
    else:
        raise AssertionError("something served what the bundle does not")
"""
AFTERWARDS_IT_IS_COMPILED = """
torch.testing.assert_close(softmax(x), torch.softmax(x, 1))
assert len(driver.launches) == 1
"""

RUNS = """
import helion_runtime, torch
bundle = helion_runtime.load(PATH)
x, y = torch.randn(512, 256, device="cuda").half(), torch.randn(256, 384, device="cuda").half()
torch.testing.assert_close(bundle.matmul(x, y), x @ y, rtol=1e-2, atol=1e-2)
x, y = torch.randn(1000, 300, device="cuda"), torch.randn(300, device="cuda")
torch.testing.assert_close(bundle.add(x, y), x + y)
x = torch.randn(128, 200, device="cuda")
torch.testing.assert_close(bundle.softmax(x), torch.softmax(x, 1))
"""


def build(folder: Path, **environment: str) -> Path:
    """A bundle built by the command in a folder of its own, which holds the author's files."""
    folder.mkdir()
    for name in ("matmul.py", "add.py", "softmax.py", "beside_torch.py"):
        shutil.copy(EXAMPLES / name, folder)
    (folder / "kernels.toml").write_text(BUILD_FILE)
    (folder / "add.json").write_text('{"block_sizes": [4, 512], "num_warps": 4}')
    command = [
        *(sys.executable, "-m", "helion_compiler", "build", "kernels.toml"),
        *("-o", "kernels.helion"),
    ]
    surroundings = {**os.environ, "TRITON_CACHE_DIR": str(folder / "cache"), **environment}
    built = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=surroundings
    )
    assert built.returncode == 0, built.stderr
    assert "3 op(s), 6 variant(s), 6 binaries" in built.stdout
    assert built.stderr.splitlines()[0].startswith("matmul for sm_90: ")
    return folder / "kernels.helion"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of three examples for two targets, as a server would be given it."""
    return build(tmp_path_factory.mktemp("author") / "here", PYTHONHASHSEED="1")


def test_the_bundle_is_sound(bundle: Path) -> None:
    command = [sys.executable, "-m", "helion_runtime", "verify", str(bundle)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert "sound" in verified.stdout


def test_building_again_elsewhere_gives_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    """Another process, folder, cache and hash seed; and nothing inside tells the folders."""
    again = build(tmp_path / "a folder of another name", PYTHONHASHSEED="2")
    assert again.read_bytes() == bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            for path in (bundle.parent, Path.home(), Path(sys.prefix), EXAMPLES):
                assert str(path).encode() not in content, f"{name} holds {path}"


@attrs.frozen
class Recorded:
    """A call's only launch, the addresses of its tensors, and its result."""

    launch: RecordedLaunch
    addresses: tuple[int, ...]
    out: torch.Tensor


def record(bundle: Path, device: DeviceProperties, op: str, *tensors: torch.Tensor) -> Recorded:
    kernels = helion_runtime.load(bundle).manifest.kernels
    driver = RecordingDriver(kernels, device=device)
    out = helion_runtime.load(bundle, driver=driver).ops[op](*tensors)
    (launch,) = driver.launches
    return Recorded(launch, tuple(t.data_ptr() for t in (*tensors, out)), out)


@pytest.mark.parametrize("device", [HOPPER, AMPERE], ids=lambda device: device.name)
@pytest.mark.parametrize(
    ("op", "tensors", "grid", "warps"),
    [
        # 512/128 times 384/64 tiles
        ("matmul", (torch.zeros(512, 256).half(), torch.zeros(256, 384).half()), 24, 8),
        # 1000/4 rows of tiles; 300 columns fit one tile of 512
        ("add", (torch.zeros(1000, 300), torch.zeros(300)), 250, 4),
        ("softmax", (torch.zeros(128, 200),), 32, 4),  # 128/4 tiles of whole rows
    ],
    ids=["matmul", "add", "softmax"],
)
def test_launches_are_what_the_config_says(
    bundle: Path,
    device: DeviceProperties,
    op: str,
    tensors: tuple[torch.Tensor, ...],
    grid: int,
    warps: int,
) -> None:
    recorded = record(bundle, device, op, *tensors)
    expected = {
        "matmul": (512, 384),
        "add": (1000, 300),
        "softmax": (128, 200),
    }[op]
    assert recorded.out.shape == expected
    assert recorded.out.dtype == tensors[0].dtype
    assert recorded.launch.symbol == op
    assert recorded.launch.grid == (grid, 1, 1)
    assert recorded.launch.block == (32 * warps, 1, 1)
    # Static shapes: pointers are all that is passed, then no scratch of either kind.
    addresses = [address.to_bytes(8, "little") for address in recorded.addresses]
    assert recorded.launch.parameters == (*addresses, bytes(8), bytes(8))


def test_opening_it_loads_no_compiler(
    bundle: Path, loaded_by: Callable[[str], frozenset[str]]
) -> None:
    program = SERVER + REFUSED_ON_THE_CPU.replace("PATH", repr(str(bundle)))
    assert loaded_by(program) & COMPILING == frozenset()


def test_the_decorated_source_runs_from_the_bundle(
    bundle: Path, loaded_by: Callable[[str], frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The author's own files, unchanged, where the compiler cannot be imported."""
    monkeypatch.setenv("HELION_BUNDLE", str(bundle))
    monkeypatch.setenv("PYTHONPATH", str(bundle.parent))
    program = SERVER + DECORATED_SOURCE.replace("PATH", repr(str(bundle)))
    assert loaded_by(program) & COMPILING == frozenset()


def test_a_program_says_which_bundle(
    bundle: Path, loaded_by: Callable[[str], frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles go before the compiler, where there is one; it comes back when they go."""
    monkeypatch.setenv("PYTHONPATH", str(bundle.parent))
    program = DECORATED_SOURCE_IN_USE.replace("PATH", repr(str(bundle)))
    assert loaded_by(SERVER + program) & COMPILING == frozenset()
    assert "helion_compiler.pipeline" in loaded_by(program + AFTERWARDS_IT_IS_COMPILED)


@pytest.mark.gpu
def test_it_runs_without_a_compiler(
    bundle: Path, loaded_by: Callable[[str], frozenset[str]]
) -> None:
    program = SERVER + RUNS.replace("PATH", repr(str(bundle)))
    assert loaded_by(program) & COMPILING == frozenset()
