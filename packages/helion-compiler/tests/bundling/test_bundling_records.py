"""Builds from records of searches: which line counts, and what is said where none does."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_autotune import Records, StoredResult, Trial
from helion_autotune.point import Point
from helion_autotune.trial import Status
from helion_compiler import BuildRequest, RecordedConfigs, build_bundle
from helion_compiler.bundling.build_file import read_build_file
from helion_compiler.bundling.errors import BuildFileError, BundleRequestError
from helion_compiler.cli import main
from helion_compiler.tuning.result_key import result_key

if TYPE_CHECKING:
    from pathlib import Path

H200, H100 = "NVIDIA H200", "NVIDIA H100 80GB HBM3"
X = torch.empty(1000, device="meta")


@helion.kernel
def scaled(x: torch.Tensor, factor: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * factor
    return out


def request(size: int = 1000) -> BuildRequest:
    return BuildRequest(scaled, (torch.empty(size, device="meta"), 3))


BOUND = request().bind()
SPACE = BOUND.space.space


def key_of(device: str, size: int = 1000, **changes: Any) -> str:
    bound = request(size).bind()
    return json.dumps({**result_key(bound, bound.call.leaves, device), **changes}, sort_keys=True)


def record(
    file: Path, block: int, device: str = H200, *, space: str = SPACE.fingerprint, **key: Any
) -> None:
    """A result, as a search leaves it."""
    point = BOUND.space.point(helion.Config(block_sizes=[block]))
    Records(file).add_result(
        space, key_of(device, **key), StoredResult(point, 0.5, 3.0, 20, "chosen")
    )


def found(path: Path, tuned_on: str | None = None) -> tuple[int, str]:
    chosen = RecordedConfigs(path, tuned_on).find(BOUND)
    assert chosen is not None
    return chosen.config["block_sizes"][0], chosen.origin


def test_the_latest_result_counts(tmp_path: Path) -> None:
    file = tmp_path / "scaled.jsonl"
    for block in (64, 512):
        record(file, block)
    assert found(tmp_path) == found(file) == (512, f"config tuned on {H200}")
    (tmp_path / "packed").mkdir()
    packed = tmp_path / "packed" / "scaled.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert found(packed) == found(packed.parent) == found(file)


def test_a_path_says_what_it_is(tmp_path: Path) -> None:
    record(tmp_path / "scaled.jsonl", 512)
    for number, path in enumerate((tmp_path, tmp_path / "scaled.jsonl")):
        bundle = build_bundle(
            tmp_path / f"{number}.helion", [request()], targets=["sm_90"], tuned=path, jobs=1
        )
        assert json.loads(bundle.kernels[0].config)["block_sizes"] == [512]


def test_results_of_searches_that_were_asked_for_again_are_under_the_first_key(
    tmp_path: Path,
) -> None:
    file = tmp_path / "scaled.jsonl"
    record(file, 512)
    result = StoredResult(BOUND.space.point(helion.Config(block_sizes=[64])), 0.4, 3.0, 20, "time")
    Records(file).add_result(SPACE.fingerprint, f"{key_of(H200)} 1234", result)
    assert found(tmp_path)[0] == 512
    record(file, 64)  # which the search remembers at its end
    assert found(tmp_path)[0] == 64


def test_results_of_an_earlier_space_count_where_there_is_none_of_this(tmp_path: Path) -> None:
    record(tmp_path / "scaled.jsonl", 64, space="0" * 64)
    assert found(tmp_path) == (64, f"config tuned on {H200} for an earlier config space")
    record(tmp_path / "scaled.jsonl", 512)
    record(tmp_path / "scaled.jsonl", 128, space="0" * 64)
    assert found(tmp_path) == (512, f"config tuned on {H200}")


def test_a_result_that_no_longer_fits(tmp_path: Path) -> None:
    stale = StoredResult(Point({"block_size": 3}), 0.5, 3.0, 20, "chosen")
    Records(tmp_path / "scaled.jsonl").add_result("0" * 64, key_of(H200), stale)
    with pytest.raises(BundleRequestError, match=r"result for `scaled` in .* no longer fits it"):
        found(tmp_path)


def test_several_gpus(tmp_path: Path) -> None:
    file = tmp_path / "scaled.jsonl"
    record(file, 512, H200)
    record(file, 128, H100)
    with pytest.raises(BundleRequestError, match=rf"several results .*{H100} .*{H200} with"):
        found(tmp_path)
    assert found(tmp_path, H100) == (128, f"config tuned on {H100}")
    with pytest.raises(BundleRequestError, match="was tuned on 'NVIDIA L4'") as refused:
        found(tmp_path, "NVIDIA L4")
    assert f"it has results of {H100}, {H200}" in str(refused.value)


def test_an_architecture_that_nothing_was_tuned_for_gets_the_default(tmp_path: Path) -> None:
    record(tmp_path / "scaled.jsonl", 64, "NVIDIA A100", architecture=80)
    assert RecordedConfigs(tmp_path).find(BOUND) is None
    assert request().choose_config(BOUND, RecordedConfigs(tmp_path)).origin == "config by default"


def test_what_was_forgotten(tmp_path: Path) -> None:
    record(tmp_path / "scaled.jsonl", 64, size=2048)
    with pytest.raises(
        BundleRequestError, match=r"no result for `scaled`.*differs in arguments .*2048.*1000"
    ):
        found(tmp_path)


def test_a_search_that_has_not_ended(tmp_path: Path) -> None:
    records = Records(tmp_path / "scaled.jsonl")
    records.add_session(SPACE, key_of(H200), [])
    for block in (64, 512):
        point = BOUND.space.point(helion.Config(block_sizes=[block]))
        records.add_trial(SPACE.fingerprint, key_of(H200), Trial(point, Status.OK, 0.5))
    with pytest.raises(
        BundleRequestError,
        match=rf"the search for `scaled` in .* on {H200} has not ended: 2 configs are measured",
    ):
        found(tmp_path)
    record(tmp_path / "scaled.jsonl", 512)
    assert found(tmp_path)[0] == 512


def test_what_are_no_records(tmp_path: Path) -> None:
    with pytest.raises(BundleRequestError, match="has no records of tuned kernels, or is not"):
        found(tmp_path / "missing")
    with pytest.raises(BundleRequestError, match="has no records of tuned kernels"):
        found(tmp_path)
    (tmp_path / "text.jsonl").write_text("<<<<<<< HEAD\n")
    with pytest.raises(BundleRequestError, match=r"text.jsonl is not a file of .* records"):
        found(tmp_path)


VARIANT = """
[[variant]]
kernel = "ops.py:twice"
args = ["f32[1000]"]
"""
SOURCE = """
import helion, helion.language as hl, torch

@helion.kernel
def twice(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    return out
"""


def test_where_tuned_configs_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops.py").write_text(SOURCE)
    file = tmp_path / "k.toml"
    file.write_text('records = "cache"\n' + VARIANT)
    assert read_build_file(file).records == tmp_path / "cache"
    command = ["build", "k.toml", "-o", "out.helion", "--target", "sm_90", "--jobs", "1"]
    assert main(command) == 1
    assert "cache has no records of tuned kernels" in capsys.readouterr().err
    assert main([*command, "--lock", "other.json"]) == 1, "what is told here goes before"
    assert "other.json has no tuned results" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--lock", "other.json", "--records", "cache"])
    assert "not allowed with argument" in capsys.readouterr().err
    file.write_text('lock = "a.json"\nrecords = "cache"\n' + VARIANT)
    with pytest.raises(BuildFileError, match="`lock` and `records` may differ"):
        read_build_file(file)
    file.write_text('tuned_on = "NVIDIA H200"\n' + VARIANT)
    with pytest.raises(SystemExit):
        main(command)
    assert "give --lock or --records" in capsys.readouterr().err


def test_results_of_other_versions_count_and_say_so(tmp_path: Path) -> None:
    record(tmp_path / "scaled.jsonl", 512, triton="3.5.0")
    block, origin = found(tmp_path)
    assert block == 512
    assert origin.endswith("triton 3.5.0")
