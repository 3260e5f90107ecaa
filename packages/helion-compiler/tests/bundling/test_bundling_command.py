"""The command ``helion``: its subcommands, and what can be wrong on its command line or in a build file."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import helion_runtime
from helion_compiler.cli import main
from helion_runtime.entries import ScalarSignature

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import helion, helion.language as hl, torch

@helion.kernel(config=helion.Config(block_sizes=[256]))
def twice(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.shape):
        out[tile] = x[tile] * 2
    return out

@helion.kernel
def rows(x, scale: float = 1.0):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = torch.softmax(x[tile, :] * scale, dim=1)
    return out

@helion.kernel
def wrong(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.shape):
        out[tile] = x[tile] * nothing
    return out
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the author's file in it."""
    (tmp_path / "ops.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is told on standard error by a command that exits with 1."""
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return told.err


def misused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is told on standard error by a command that exits with 2."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_build(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wide.json").write_text('{"block_sizes": [1024]}')
    command = ["build", "ops.py:twice", "--args", "f32[4096]", "--args", "f32[64,64]@[64,1]"]
    command += ["--config", '{"block_sizes": [512]}', "--config", '{"block_sizes": [8, 64]}']
    command += ["--target", "sm_90", "-o", "out.helion"]
    assert main(command) == 0
    told = capsys.readouterr()
    bundle = helion_runtime.load(folder / "out.helion")
    assert told.out == f"out.helion: 1 op(s), 2 variant(s), 2 binaries\nid {bundle.id}\n"
    assert [line.split(":")[0] for line in told.err.splitlines()] == ["twice for sm_90"] * 2
    configs = {kernel.config for kernel in bundle.manifest.kernels}
    assert configs == {'{"block_sizes": [512]}', '{"block_sizes": [8, 64]}'}


def test_a_bundle_is_signed_as_it_is_built(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cryptography", reason="needs the extra helion-compiler[signing]")
    command = ["build", "ops.py:twice", "--args", "f32[4096]", "--target", "sm_90"]
    sign = ["--sign", "key.pem", "--passphrase-file", "secret"]
    told = fails(capsys, *command, "-o", "signed.helion", *sign)
    assert told.startswith("KeyFileError: secret: cannot be read")
    (folder / "secret").write_text("open\n")
    told = fails(capsys, *command, "-o", "signed.helion", *sign)
    assert told.startswith("KeyFileError: key.pem: cannot be read")
    key = helion_runtime.SigningKey.generate()
    (folder / "key.pem").write_bytes(key.to_pem(b"open"))
    assert main([*command, "-o", "signed.helion", *sign]) == 0
    (signer,) = helion_runtime.load(
        folder / "signed.helion", trusted_keys=[key.to_public_pem()]
    ).signed_by
    assert f"signed by {signer}\n" in capsys.readouterr().out
    assert main([*command, "-o", "later.helion"]) == 0
    helion_runtime.sign_bundle(folder / "later.helion", key)
    signed, later = (folder / f"{name}.helion" for name in ("signed", "later"))
    assert signed.read_bytes() == later.read_bytes()
    told = misused(capsys, *command, "-o", "x.helion", "--passphrase-file", "secret")
    assert "--passphrase-file opens the key of --sign" in told


def test_build_from_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (folder / "ops.py").rename(inner / "ops.py")
    (inner / "wide.json").write_text('{"block_sizes": [1024]}')
    (inner / "k.toml").write_text(
        """
        targets = ["sm_80"]
        [[variant]]
        kernel = "ops.py:twice"
        args = ["f32[4096]"]
        config = "wide.json"
        [[variant]]
        kernel = "ops:twice"
        args = ["f32[1000]"]
        static_shapes = false
        targets = ["sm_90"]
        name = "any"
        [[variant]]
        kernel = "ops.py:rows"
        args = ["f32[64,100]", 0.5]
        config = { block_sizes = [2] }
        """
    )
    assert (
        main(["build", "inner/k.toml", "-o", "out", "--container", "directory", "--jobs", "1"]) == 0
    )
    manifest = helion_runtime.load(folder / "out").manifest
    kernels = {kernel.name: kernel for kernel in manifest.kernels}
    found = {
        op.name: (kernel.arch, json.loads(kernel.config))
        for op in manifest.ops
        for kernel in (kernels[op.variants[0].launches[0].kernel],)
    }
    assert found == {
        "any": ("sm_90a", {"block_sizes": [256]}),
        "rows": ("sm_80", {"block_sizes": [2]}),
        "twice": ("sm_80", {"block_sizes": [1024]}),
    }
    (rows,) = (op for op in manifest.ops if op.name == "rows")
    assert rows.variants[0].signature[1] == ScalarSignature("float")  # any float
    # Targets on the command line replace those at the top of the file, not a variant's own.
    assert (
        main(["build", "inner/k.toml", "-o", "b.helion", "--target", "sm_90", "--jobs", "1"]) == 0
    )
    replaced = helion_runtime.load(folder / "b.helion").manifest
    assert {kernel.arch for kernel in replaced.kernels} == {"sm_90a"}


def test_space(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["space", "ops.py:rows", "--args", "f32[4096,8192]", "--json"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert description["kernel"] == "rows"
    parameters = {parameter["name"]: parameter for parameter in description["parameters"]}
    warps = parameters["num_warps"]
    assert warps["values"] == [1, 2, 4, 8, 16, 32]
    assert warps["default"] == description["default_config"]["num_warps"]
    assert "block_sizes[tile]" in parameters
    excluded = {item["what"]: item["reason"] for item in description["excluded"]}
    assert excluded["loop_orders"] == "the grid has one dimension"
    assert main(["space", "ops.py:rows", "--args", "f32[4096,8192]"]) == 0
    shown = capsys.readouterr().out
    for name, parameter in parameters.items():
        assert name in shown
        assert not parameter["condition"] or parameter["condition"] in shown
    for reason in excluded.values():
        assert reason in shown
    assert f"default config: {json.dumps(description['default_config'])}" in shown


def test_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["source", "ops:twice", "--args", "f32[1000]"]) == 0
    default = capsys.readouterr().out
    assert "tl.arange(0, 256)" in default
    assert "< 1000" in default
    assert main(["source", "ops:twice", "--args", "f32[1000]", "--no-static-shapes"]) == 0
    assert "< x_size_0" in capsys.readouterr().out
    config = '{"block_sizes": [128]}'
    assert main(["source", "ops:twice", "--args", "f32[1000]", "--config", config]) == 0
    assert "tl.arange(0, 128)" in capsys.readouterr().out


BUILD = ("build", "ops.py:twice", "--args", "f32[64]", "--target", "sm_90", "-o", "out.helion")


def replaced(old: str, *new: str) -> tuple[str, ...]:
    at = BUILD.index(old)
    return (*BUILD[:at], *new, *BUILD[at + 1 :])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (replaced("ops.py:twice", "opps.py:twice"), "there is no file"),
        (replaced("ops.py:twice", "opps:twice"), "did you mean 'ops'?"),
        (replaced("ops.py:twice", "ops.py:thrice"), "the kernels in ops.py are: rows, twice"),
        (replaced("ops.py:twice", "twice"), "this names no kernel of a module"),
        (replaced("ops.py:twice", "ops.py:wrong"), "ops.py:22"),
        (replaced("f32[64]", "f33[64]"), "there is no dtype 'f33'"),
        (replaced("f32[64]", "f32[64]", "3"), "takes 1 positional argument but 2 were given"),
        (replaced("f32[64]", "3"), "no tensor"),
        (replaced("sm_90", "sm90"), "targets are written like sm_90, ptx_80 or gfx942"),
        (replaced("out.helion", "none/out.helion"), "BundleWriteError: cannot write a bundle to"),
        ((*BUILD, "--config", '{"block_sizes": [64, 64]}'), "block_sizes"),
        ((*BUILD, "--config", '{"block_size'), "malformed JSON"),
        ((*BUILD, "--config", '{"warps": 3}'), "there is no such key"),
        ((*BUILD, "--config", "none.json"), "cannot read none.json"),
        (("build", "none.toml", "-o", "out.helion"), "none.toml: No such file or directory"),
        (("space", "ops.py:thrice"), "the kernels in ops.py are: rows, twice"),
        (("source", "ops.py:twice"), "the arguments do not fit `twice(x)`"),
    ],
)
def test_problems_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in fails(capsys, *arguments)
    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["ops.py"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("bild",), "invalid choice: 'bild'"),
        (BUILD[:-2], "required: -o/--output"),
        ((*BUILD, "--jobs", "0"), "0 is not positive"),
        ((*BUILD, "--jobs", "many"), "invalid positive value"),
        ((*BUILD, "--container", "tar"), "invalid choice: 'tar'"),
        (("build", "ops.py:twice", "-o", "out"), "give at least one --target"),
        ((*BUILD, "--config", "{}", "--config", "{}"), "2 times --config for 1 times --args"),
        (("build", "k.toml", "-o", "out", "--args", "3"), "go into the build file"),
        (("build", "k.toml", "-o", "out", "--config", "{}"), "go into the build file"),
        (("build", "k.toml", "-o", "out", "--static-shapes"), "go into the build file"),
    ],
)
def test_mistakes_on_the_command_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in misused(capsys, *arguments)


VARIANT = '[[variant]]\nkernel = "ops.py:twice"\nargs = ["f32[64]"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("targets = [", "not valid TOML"),
        ("", "it has no [[variant]]"),
        ("variant = 3", "it has no [[variant]]"),
        ("variant = [3]", "variant 1 is no table"),
        ("target = 3\n" + VARIANT, "there is no key 'target'"),
        ("targets = 3\n" + VARIANT, "targets: targets = 3"),
        ("targets = [90]\n" + VARIANT, "targets: targets = [90]"),
        (VARIANT, "no target is named for `twice`"),
        (VARIANT + "targets = [90]", "variant 1: targets = [90]"),
        (VARIANT + "arg = 3", "variant 1 has no key 'arg'"),
        (VARIANT + "config = 3", "config is a table of config keys, or the name of a file"),
        (VARIANT + 'config = "none.json"', "cannot read"),
        ('targets = ["sm_90"]\n' + VARIANT + "config = { warps = 8 }", "there is no such key"),
        (VARIANT + "static_shapes = 1", "static_shapes is true or false"),
        ('[[variant]]\nkernel = "ops.py:twice"', "variant 1 has no 'args'"),
        ("[[variant]]\nargs = []", "variant 1 has no 'kernel'"),
        (VARIANT.replace("f32", "f33"), "there is no dtype 'f33'"),
        (VARIANT.replace("ops.py", "opps.py"), "there is no file"),
    ],
)
def test_problems_of_a_build_file(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    (folder / "k.toml").write_text(text)
    assert expected in fails(capsys, "build", "k.toml", "-o", "out.helion")
    assert not (folder / "out.helion").exists()


def test_importing_the_package_loads_neither_torch_nor_triton() -> None:
    program = (
        "import sys, helion_compiler\n"
        "assert not {'torch', 'triton'} & sys.modules.keys()\n"
        "helion_compiler.__all__, dir(helion_compiler)\n"
        "assert not {'torch', 'triton'} & sys.modules.keys()\n"
        "helion_compiler.build_bundle\n"
        "assert {'torch'} <= sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_package_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "helion_compiler", "source", "nowhere.py:kernel"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "nowhere.py" in done.stderr
