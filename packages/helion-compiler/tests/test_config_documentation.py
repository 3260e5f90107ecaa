"""docs/config.md says what the table of keys and the compiler say, and every kernel gives account of every key."""

from __future__ import annotations

import json
import re
import runpy
from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helion.config_keys import CONFIG_KEYS
from helion_autotune.json_values import thaw
from helion_compiler.cli import main

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTATION = runpy.run_path(str(ROOT / "tools" / "config_docs.py"))
OF_HALVES = {"range_warp_specializes", "swap_operands"}
"""What no kernel of float32 has."""


def test_the_page_says_what_the_table_says() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert page == DOCUMENTATION["document"](), "run `python tools/config_docs.py`"


def test_every_key_has_an_example_that_shows_something() -> None:
    examples = DOCUMENTATION["EXAMPLES"]
    assert examples.keys() == CONFIG_KEYS.keys()
    for name, example in examples.items():
        assert example.change.keys() == {name}
        assert "".join(example.shown()), name


def _keys_of(spec: Any) -> dict[str, set[str]]:
    """What is in the space, what is fixed and what is out, by key."""
    return {
        "in": {re.split(r"[\[ ]", name)[0] for name in spec.space.parameters},
        "fixed": {
            key
            for key, sites in spec.sites.items()
            if any(site.parameter is None and site.reason for site in sites)
        },
        "out": {re.split(r"[\[ ]", item.what)[0] for item in spec.excluded if item.reason},
    }


@pytest.mark.parametrize("target", ["sm_90", "gfx942"])
def test_every_key_is_in_the_space_or_out_for_a_reason(
    target: str, config_kernels: ModuleType
) -> None:
    inside: set[str] = set()
    for name, case in config_kernels.CASES.items():
        found = _keys_of(case.bind_for(target).config_spec)
        inside |= found["in"]
        unaccounted = CONFIG_KEYS.keys() - found["in"] - found["fixed"] - found["out"]
        assert not unaccounted, (name, unaccounted)
    foreign = {"maxnreg", "load_eviction_policies"} if target == "gfx942" else set()
    amd = {"waves_per_eu", "matrix_instr_nonkdim", "xcd_remap"} if target == "sm_90" else set()
    assert inside == CONFIG_KEYS.keys() - OF_HALVES - foreign - amd


def test_defaults_are_those_of_the_table(config_kernels: ModuleType) -> None:
    for case in config_kernels.CASES.values():
        for target in ("sm_90", "gfx942"):
            for name, parameter in case.bind_for(target).config_spec.space.parameters.items():
                told = re.match(r"`([^`]+)`", CONFIG_KEYS[name.partition("[")[0]].default)
                if told is not None:
                    assert thaw(parameter.default) == literal_eval(told[1]), name


KERNEL = """\
import torch
import helion
import helion.language as hl


@helion.kernel()
def add(x, y):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = hl.load(x, tile, eviction_policy="evict_last") + y[tile]
    return out
"""


def _space(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> str:
    source = folder / "kernels.py"
    source.write_text(KERNEL, encoding="utf-8")
    arguments = ["space", f"{source}:add", "--args", "f32[64,70]", "f32[64,70]", *options]
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_the_command_lists_what_is_in_and_what_is_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = json.loads(_space(capsys, tmp_path, "--json"))
    parameters = {entry["name"]: entry for entry in told["parameters"]}
    assert parameters["load_eviction_policies[y@load]"]["values"] == ["", "first", "last"]
    assert "not both" in parameters["load_cache_modifiers[y@load]"]["condition"]
    assert parameters["pid_type"]["values"][:2] == ["flat", "xyz"]
    excluded = {entry["what"]: entry["reason"] for entry in told["excluded"]}
    assert excluded["load_eviction_policies[x@load]"] == "the kernel itself asks for evict_last"
    assert excluded["xcd_remap"] == "it concerns AMD GPUs, and the target is none"
    assert "grid of xyz" in {entry["name"] for entry in told["demands"]}
    fixed = [entry["name"] for entry in told["fixed"]]
    named = {re.split(r"[\[ ]", name)[0] for name in (*parameters, *excluded, *fixed)}
    assert not CONFIG_KEYS.keys() - named


def test_the_command_tells_the_same_as_text(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = json.loads(_space(capsys, tmp_path, "--json", "--target", "gfx942"))
    text = _space(capsys, tmp_path, "--target", "gfx942")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for entry in told["parameters"]:
        assert any(line.startswith(f"{entry['name']} ") for line in lines), entry
    for entry in (*told["excluded"], *told["fixed"], *told["demands"], *told["advice"]):
        name = entry.get("what") or entry["name"]
        assert f"{name} {entry['reason']}" in lines
    assert any(line.startswith("waves_per_eu 0 0 1 2 3 4") for line in lines)
