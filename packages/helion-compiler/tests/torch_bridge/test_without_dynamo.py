"""Fakes and symbols without Dynamo are torch's own in everything else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
import torch._dynamo.config
from torch._dynamo.source import ConstantSource
from torch._guards import GuardSource
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from helion_compiler.torch_bridge import without_dynamo
from helion_compiler.torch_bridge.without_dynamo import (
    SWITCHES,
    NamedSource,
    QuickFakeMode,
    QuickShapeEnv,
)

aten = torch.ops.aten


@pytest.mark.parametrize("name", vars(SWITCHES))
def test_the_switches_are_as_dynamo_has_them(name: str) -> None:
    assert getattr(SWITCHES, name) == getattr(torch._dynamo.config, name)


def test_switches_that_somebody_turned_count() -> None:
    with torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
        assert QuickFakeMode().cache_enabled is False
    assert QuickFakeMode().cache_enabled is True


def plain(made: object) -> dict[str, Any]:
    """The attributes that compare."""
    kinds = (bool, int, str, type(None), dict, list, set)
    return {name: value for name, value in vars(made).items() if isinstance(value, kinds)}


def test_fake_modes_have_the_same_attributes() -> None:
    one, other = QuickFakeMode(), FakeTensorMode()
    assert vars(one).keys() == vars(other).keys()
    assert plain(one) == plain(other)


def test_shape_environments_have_the_same_attributes() -> None:
    one, other = (
        kind(specialize_zero_one=True, duck_shape=False) for kind in (QuickShapeEnv, ShapeEnv)
    )
    assert vars(one).keys() == vars(other).keys()
    differing = {name for name in plain(one) if plain(one)[name] != plain(other).get(name)}
    assert not differing


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (QuickFakeMode, "__init__"),
        (QuickFakeMode, "_dispatch_impl"),
        (QuickFakeMode, "__torch_dispatch__"),
        (QuickShapeEnv, "_init"),
    ],
)
def test_methods_are_torchs_own_code(kind: type, name: str) -> None:
    method = inspect.unwrap(getattr(kind.__base__, name))
    assert getattr(kind, name).__code__ is method.__code__


@pytest.mark.parametrize("symbolic", [False, True])
def test_operators_give_what_they_give_under_torchs_mode(symbolic: bool) -> None:
    found = []
    for mode_of, env_of in ((QuickFakeMode, QuickShapeEnv), (FakeTensorMode, ShapeEnv)):
        env = env_of(duck_shape=False)
        size: Any = 12
        if symbolic:
            source = ConstantSource("n")
            symbol = env.create_symbol(12, source)
            size = env.create_symintnode(symbol, hint=12, source=source)
        with mode_of(shape_env=env):
            x = torch.empty(size, 8, device="cuda", dtype=torch.bfloat16)
            results = (
                x.t() @ x,
                torch.softmax(x, -1),
                x.mean(),
                x.sum(0),
                torch.where(x > 0, x, 1.0),
            )
            found.append([(str(y.shape), y.stride(), y.dtype, y.device) for y in results])
    assert str(found[0]) == str(found[1])


def test_a_named_source_is_what_dynamo_has_for_constants() -> None:
    one, other = NamedSource("n"), ConstantSource("n")
    assert (one.name, one.guard_source) == (other.name, GuardSource.CONSTANT)
    assert one == NamedSource("n")
    assert hash(one) == hash(NamedSource("n"))
    assert one != NamedSource("m")
    with pytest.raises(NotImplementedError):
        one.make_guard(lambda: None)


def test_the_log_tells_where_the_authors_code_is() -> None:
    frame = QuickShapeEnv()._get_user_frame()
    assert frame is not None
    assert frame.f_code.co_filename in (__file__, without_dynamo.__file__)
