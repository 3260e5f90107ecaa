"""The programs that measure serving run, and count what they say; here without a GPU, on few kernels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import host_time_of_calls, serving_start
from benchmarks.serving_first_calls.calls import of_sources
from benchmarks.serving_first_calls.figures import OF_THE_PEER
from benchmarks.serving_first_calls.measuring import launched_by_triton, measure
from benchmarks.serving_first_calls.peer import PeerKit
from benchmarks.serving_first_calls.triton_sources import written
from helion_compiler.building import parse_target
from helion_compiler.bundling.build_file import read_build_file

CACHES = ("empty", "full")
EXAMPLES = Path(__file__).parent.parent / "examples"
KERNELS = f"""
targets = ["sm_90"]

[[variant]]
kernel = "{EXAMPLES}/add.py:add"
args = ["bf16[64,64]", "bf16[64,64]"]

[[variant]]
kernel = "{EXAMPLES}/rope.py:rotate"
args = ["bf16[1,2,64,64]", "f32[64,32]", "f32[64,32]", 1]
"""


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Python makes of torch's sources: the programs keep it with what they measure, which is no matter here."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture(autouse=True)
def shared_bytecode(bytecode: Path, tmp_path: Path) -> None:
    (tmp_path / "bytecode").symlink_to(bytecode)


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    path = tmp_path / "kernels.toml"
    path.write_text(KERNELS)
    return path


def test_first_calls(kernels: Path, tmp_path: Path) -> None:
    ways = measure(kernels, 1, tmp_path).ways
    programs = [f"{jit}, {cache} cache" for jit in ("JIT", "Triton's JIT") for cache in CACHES]
    compiled = programs if torch.cuda.is_available() else []
    assert list(ways) == ["bundle", "bundle, warmed", *compiled]
    for figures in ways.values():
        assert 0 < figures["first of the first calls"] < figures["all first calls"]
        assert figures["all first calls"] < figures["in all"]


def test_sources_that_triton_launches_by_itself(
    kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Triton's interpreter, which takes the same launches."""
    target = parse_target("sm_90")
    requests = read_build_file(kernels).requests
    found = written(requests, target, "cpu", tmp_path / "sources")
    assert [(one["name"], len(one["launches"])) for one in found] == [("add", 1), ("rotate", 1)]
    path = tmp_path / "sources.json"
    path.write_text(json.dumps(found))
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    times = launched_by_triton(path, "cpu", tmp_path)
    assert times.load > 0
    assert [call is not None and call > 0 for call in times.calls] == [True, True]


def test_start(kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_start, "KERNELS", kernels)
    bundle = serving_start.build(tmp_path)
    figures = serving_start.milliseconds(bundle, 1, tmp_path / "bytecode")
    assert 0 < figures["open, verify and load"] < figures["all of it"]
    assert figures["MiB of memory that the bundle takes"] >= 0


# PyTorch's Helion, by a package that answers like it: without a GPU it runs nothing.

PEER = """
import json, os, time

class Config(dict):
    def __init__(self, **keys):
        super().__init__(keys)
    def to_json(self):
        return json.dumps(self)

class _Spec:
    def default_config(self):
        return Config(block_sizes=[32])

class _Kernel:
    def __init__(self, fn, config=None, static_shapes=True):
        self.fn, self.config, self.static_shapes = fn, config, static_shapes
        self.config_spec = _Spec()
    def bind(self, args):
        return self
    def __call__(self, *args):
        assert self.config is not None, "it would search"
        if self.fn.__name__ == "refused":
            raise NotImplementedError("no such thing\\n  in line 3")
        if self.fn.__name__ == "crashing":
            os._exit(9)
        if self.fn.__name__ == "hanging":
            time.sleep(100)
        print("noise")
        return args[0] + args[1]

def kernel(fn=None, **settings):
    return _Kernel(fn, **settings) if fn is not None else lambda fn: _Kernel(fn, **settings)
"""
SOURCE = """
import torch
import helion
import helion.language as hl
"""
FUNCTION = """
@helion.kernel()
def {name}(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + y[tile]
    return out
"""
VARIANT = """
[[variant]]
kernel = "made.py:{name}"
args = ["f32[8,8]", "f32[8,8]"]
"""
NAMES = ("plain", "refused", "crashing", "configured")


@pytest.fixture
def peer(tmp_path: Path) -> Path:
    package = tmp_path / "peer" / "helion"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PEER)
    (package / "language.py").write_text("")
    return package.parent


def build_file(folder: Path, names: tuple[str, ...]) -> Path:
    functions = [FUNCTION.format(name=name) for name in names]
    (folder / "made.py").write_text("".join([SOURCE, *functions]))
    variants = "".join(VARIANT.format(name=name) for name in names)
    if "configured" in names:
        variants += "config = { block_sizes = [4, 8] }\nstatic_shapes = false\n"
    path = folder / "made.toml"
    path.write_text('targets = ["sm_90"]\n' + variants)
    return path


def test_first_calls_beside_the_peer(tmp_path: Path, peer: Path) -> None:
    report = measure(build_file(tmp_path, NAMES), 1, tmp_path, peer)
    assert report.kernels == NAMES
    assert report.peer_configs == {
        "plain": {"block_sizes": [32]},
        "configured": {"block_sizes": [4, 8]},
    }
    assert report.peer_refused["refused"].startswith("NotImplementedError: no such thing")
    assert report.peer_refused["crashing"].startswith("its process ended: 9")
    peers = report.ways["PyTorch's Helion, full cache"]
    assert peers["all first calls"] == pytest.approx(peers[OF_THE_PEER])
    bundle = report.ways["bundle"]
    assert 0 < bundle[OF_THE_PEER] < bundle["all first calls"]
    table = report.table()
    assert "PyTorch's Helion runs 2 of 4 kernels" in table
    assert "  not refused: NotImplementedError: no such thing\n" in table


def test_a_kernel_of_the_peer_that_hangs_is_refused(tmp_path: Path, peer: Path) -> None:
    requests = read_build_file(build_file(tmp_path, ("plain", "hanging"))).requests
    found = PeerKit(peer, "cpu", tmp_path).find(of_sources(requests), patience=5)
    assert list(found.configs) == ["plain"]
    assert found.refused == {"hanging": "no result in 5 s"}


def test_the_peers_host_time_stands_beside_eager_calls_of_its_process(peer: Path) -> None:
    found = host_time_of_calls.by_the_peer(peer, device="cpu")
    assert list(found) == ["the kernel add", "eager x + y"]
    first, second = host_time_of_calls.lines("", {"the kernel add": 9.0, "eager x + y": 6.0})
    assert first.endswith("9.00 µs   1.50 of eager x + y")
    assert second.endswith("6.00 µs   1.00 of eager x + y")


def test_a_peer_that_refuses_says_so(peer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = peer / "helion" / "__init__.py"
    file.write_text(file.read_text().replace('"refused"', '"add"'))
    assert host_time_of_calls.by_the_peer(peer, device="cpu") == {}
    assert "does not run the kernel: NotImplementedError" in capsys.readouterr().out
