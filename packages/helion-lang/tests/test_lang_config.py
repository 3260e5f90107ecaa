"""Config: canonical, immutable, by value; and its files."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import helion
from helion.config_keys import ALIASES, CONFIG_KEYS
from helion.exc import ConfigFileError, InvalidConfig

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "block_sizes": st.one_of(
            st.lists(st.sampled_from([1, 16, 128])),
            st.dictionaries(st.text("am_@0' ", min_size=1), st.sampled_from([16, 64])),
        ),
        "loop_orders": st.lists(st.permutations([0, 1])),
        "reduction_loops": st.lists(st.sampled_from([None, 8, 1024])),
        "range_flattens": st.lists(st.sampled_from([None, True, False])),
        "num_warps": st.sampled_from([1, 2, 4, 8, 16, 32]),
        "num_stages": st.integers(1, 8),
        "indexing": st.one_of(
            st.just("pointer"), st.lists(st.sampled_from(["pointer", "tensor_descriptor"]))
        ),
        "pid_type": st.sampled_from(["flat", "persistent_blocked"]),
        "maxnreg": st.sampled_from([None, 64]),
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(CONFIGS)
def test_every_form_of_a_config_means_the_same(keys: dict[str, Any]) -> None:
    config = helion.Config(**keys)
    copies = [
        helion.Config(**dict(reversed(list(keys.items())))),
        helion.Config.from_dict(config),
        helion.Config.from_json(config.to_json()),
        eval(repr(config), {"helion": helion}),
        pickle.loads(pickle.dumps(config)),
    ]
    for copy in copies:
        assert copy == config
        assert hash(copy) == hash(config)
        assert copy.to_json() == config.to_json()


def test_repr_pastes() -> None:
    config = helion.Config(num_warps=8, block_size=64, loop_order=[1, 0])
    assert repr(config) == "helion.Config(block_sizes=[64], loop_orders=[[1, 0]], num_warps=8)"
    assert config["block_size"] == config["block_sizes"] == (64,)


def test_difference_in_one_value_counts() -> None:
    assert helion.Config(num_warps=4) != helion.Config(num_warps=8)
    assert helion.Config(flatten_loops=[True]) != helion.Config(flatten_loops=[False])
    assert helion.Config() != {}


def test_values_are_frozen() -> None:
    sizes = {"tile_m": 64}
    config = helion.Config(block_sizes=sizes, loop_orders=[[1, 0]])
    sizes["tile_m"] = 1
    assert config["block_sizes"] == {"tile_m": 64}
    with pytest.raises(TypeError):
        config["block_sizes"]["tile_m"] = 1
    assert config["loop_orders"] == ((1, 0),)


@pytest.mark.parametrize("alias", ALIASES)
def test_alias_stands_for_a_list_of_one(alias: str) -> None:
    value = {"loop_order": [0, 1], "load_eviction_policy": "first"}.get(alias)
    for candidate in (value, 16, 1, True, ""):
        if candidate is not None and CONFIG_KEYS[ALIASES[alias]].entry.accepts(candidate):
            expected = helion.Config(**{ALIASES[alias]: [candidate]})
            assert helion.Config(**{alias: candidate}) == expected
            return
    pytest.fail("no value found to test with")


@pytest.mark.parametrize("key", CONFIG_KEYS.values(), ids=lambda key: key.name)
def test_no_key_takes_an_object_and_each_says_what_it_takes(key: Any) -> None:
    with pytest.raises(InvalidConfig) as caught:
        helion.Config(**{key.name: object()})
    assert key.name in str(caught.value)
    assert key.entry.allowed in caught.value.diagnostic.help
    assert key.doc.endswith(".")


def test_keys_must_be_names() -> None:
    with pytest.raises(InvalidConfig, match="not a name"):
        helion.Config.from_dict({1: 2})  # type: ignore[dict-item]  # the mistake under test


def test_file_round_trip_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "best.json"
    config = helion.Config(block_sizes={"tile_m": 64}, num_warps=8)
    path.write_text("what was there before")
    config.save(path)
    assert helion.Config.load(path) == config
    assert [entry.name for entry in tmp_path.iterdir()] == ["best.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"num_warps": 3}', b"\xff\xfe"])
def test_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.json"
    path.write_bytes(content)
    with pytest.raises(ConfigFileError, match=r"best\.json"):
        helion.Config.load(path)


def test_failed_save_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "directory"
    target.mkdir()
    (target / "file").touch()
    with pytest.raises(ConfigFileError, match="cannot write"):
        helion.Config().save(target)
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory"]


def test_tunables_come_last_and_survive_json() -> None:
    config = helion.Config(zeta=True, split=4, num_warps=8, order="rows", weight=0.5)
    assert list(config) == ["num_warps", "order", "split", "weight", "zeta"]
    assert helion.Config.from_json(config.to_json()) == config
    assert config != helion.Config(num_warps=8)
