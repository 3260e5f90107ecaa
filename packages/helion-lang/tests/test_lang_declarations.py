"""The language as declared, and who gives it meaning."""

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any

import pytest

import helion.language as hl
from helion.exc import NotInsideKernel

if TYPE_CHECKING:
    from collections.abc import Mapping


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, declaration: hl.Declaration, arguments: Mapping[str, Any]) -> Any:
        self.calls.append((declaration.name, dict(arguments)))
        return len(self.calls)


@pytest.mark.parametrize("name", hl.DECLARATIONS)
def test_every_function_is_exported_documented_and_keeps_its_signature(name: str) -> None:
    function = getattr(hl, name)
    declaration = hl.DECLARATIONS[name]
    assert name in hl.__all__
    assert inspect.signature(function) == declaration.signature
    assert declaration.doc.splitlines()[0].endswith((".", "``"))


def test_calls_reach_the_active_semantics_with_defaults() -> None:
    recorder = Recorder()
    with hl.activate(recorder):
        assert hl.active() is recorder
        assert hl.tile(3, block_size=2) == 1  # type: ignore[comparison-overlap]  # what Recorder says
    assert recorder.calls == [("tile", {"begin_or_end": 3, "end": None, "block_size": 2})]
    assert hl.active() is None


def test_activation_ends_with_an_error_and_nests() -> None:
    outer, inner = Recorder(), Recorder()
    with hl.activate(outer):
        with pytest.raises(KeyError), hl.activate(inner):
            raise KeyError
        assert hl.active() is outer


def test_threads_are_apart() -> None:
    seen: list[object] = []
    with hl.activate(Recorder()):
        thread = threading.Thread(target=lambda: seen.append(hl.active()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_wrong_arguments_are_python_errors() -> None:
    with hl.activate(Recorder()), pytest.raises(TypeError, match="missing"):
        hl.zeros()  # type: ignore[call-arg]  # the mistake under test


def test_outside_of_kernels_the_place_is_named() -> None:
    with pytest.raises(NotInsideKernel) as caught:
        hl.zeros([4])
    span = caught.value.diagnostic.span
    assert span is not None
    assert span.text() == "hl.zeros([4])"


def test_agreement_lists_every_difference() -> None:
    declarations = {name: hl.DECLARATIONS[name] for name in ("zeros", "tile_id")}
    hl.agree(
        declarations, {"zeros": lambda shape, dtype, device: 0, "tile_id": lambda self, tile: 0}
    )
    with pytest.raises(TypeError) as caught:
        hl.agree(declarations, {"zeros": lambda shape, kind: 0, "ones": lambda shape: 0})
    text = str(caught.value)
    assert "hl.tile_id has no meaning" in text
    assert "hl.ones is not declared" in text
    assert (
        "hl.zeros takes ['shape', 'dtype', 'device'], its meaning takes ['shape', 'kind']" in text
    )
