"""Manifests as an attacker would write them: their digests are right, what they say is not.

In: the manifest of a sound bundle as JSON values. Out: names, and functions that write the manifest. Those of
:func:`refused` break a rule that is checked before anything of a bundle is used; those of :func:`refused_or_called` put
strange values where expressions may have some, and are at worst refused when called.
"""

from __future__ import annotations

import copy
import json
import re
from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Named: TypeAlias = tuple[str, Callable[[], bytes]]

Document: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str | int, ...]

EXPRESSIONS = frozenset(
    ("guard", "sizes", "strides", "offset", "grid", "value", "outputs", "fill", "shape", "keywords")
)
"""Keys below which values are expressions, or trees of them; so are the arguments of an operator."""

EXPRESSION_PLACES: tuple[Place, ...] = (("guard", 0), ("launches", 0, "grid", 0))
"""Places of expressions in a variant."""

VALUES: tuple[Any, ...] = (
    None, True, -1, 2**63, 2**127, 2**200, 1.5, "", "../../etc/passwd", "\0", "x" * 70_000, [], [[]], {},
    {"float": "inf"}, {"is": "pointer"}, ["import", "os"], ["mul", "a", 2**40], ["pow", 2, 200], ["pow", 10, 10**6],
)  # fmt: skip

PATHS = (
    "../manifest.json", "/etc/passwd", "blobs/../../secret", "blobs\\secret.cubin", "C:\\secret", "..", ".", "", "\0",
    "blobs/" + "0" * 64 + ".cubin/..", "blobs/" + "0" * 64 + ".exe", "source/../x.py", "source/x/y.py", "~/x",
    "manifest.json", "blobs/" + "A" * 64 + ".cubin", "source/x.py\n", "source/\u00e9.py",
    "blobs//" + "0" * 64 + ".cubin",
)  # fmt: skip

NODES = (
    "import", "eval", "exec", "call", "getattr", "open", "system", "lambda", "__class__", "__import__", "matmul", "",
    "add ", "ADD", "size\0", "sizes", "numel", "block", "if", "for",
)  # fmt: skip

READINGS: tuple[Any, ...] = (
    ["size"], ["size", 0], ["size", 99, 0], ["size", -1, 0], ["size", 0, 99], ["size", 0, "0"], ["size", True, 0],
    ["stride", 0, 10**30], ["argument", 99], ["item", 0], ["item", 10**30], ["sm_count", 1], ["sub", 1], ["not"], [1],
    [[]], [], ["add"], ["size", 0.0, 0], ["size", ["size", 0, 0], 0], {"float": "x"}, {"float": 1}, {"is": 1},
    ["mul", 2, "a"], ["neg", None], ["lt", "a", 1],
)  # fmt: skip

OPERATORS = (
    "aten::from_file", "aten::set_", "aten::_sparse_coo_tensor_unsafe", "aten::data", "aten::save", "prim::Print",
    "prims::add", "os.system", "aten::", "aten", "", "aten::add.__class__", "aten::sum.dim_IntList.x", "aten::resize_",
    "aten::item", "torch::load", "aten::as_strided_scatter.\0", "aten::_local_scalar_dense",
)  # fmt: skip


def refused(document: Document) -> Iterator[Named]:
    """Manifests that have to be refused when they are read."""
    for generate in (
        _texts,
        _versions,
        _keys,
        _kinds,
        _names,
        _repeats,
        _numbers,
        _nesting,
        _nodes,
    ):
        yield from generate(document)


def refused_or_called(document: Document) -> Iterator[Named]:
    """Manifests of which some may be read; they must not lead anywhere."""
    for place in places(document):
        if place and _is_expression(place):
            for number, value in enumerate(VALUES):
                yield from _changed(f"value {number}", document, place, value)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """The path to every value of a JSON document."""
    yield place
    if isinstance(value, dict):
        for key, child in value.items():
            yield from places(child, (*place, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from places(child, (*place, number))


def _is_expression(place: Place) -> bool:
    return any(key in EXPRESSIONS for key in place) or ("steps" in place and "arguments" in place)


def find(document: Any, place: Place) -> Any:
    """The value at a place."""
    for key in place:
        document = document[key]
    return document


def canonical(document: Any) -> bytes:
    """As the format wants it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def edited(document: Document, place: Place, edit: Callable[[Any, Any], object]) -> Document:
    """A copy after ``edit(container, key)`` of what holds the value at ``place``."""
    changed = copy.deepcopy(document)
    edit(find(changed, place[:-1]), place[-1])
    return changed


def _changed(name: str, document: Document, place: Place, value: Any) -> Iterator[Named]:
    if find(document, place) == value and type(find(document, place)) is type(value):
        return

    def put(container: Any, key: Any) -> None:
        container[key] = value

    yield _edit(f"{name} at {_text(place)}", document, place, put)


def _edit(name: str, document: Document, place: Place, edit: Callable[[Any, Any], object]) -> Named:
    return name, lambda: canonical(edited(document, place, edit))


def _whole(name: str, document: Document) -> Named:
    return name, lambda: canonical(document)


def _raw(name: str, text: bytes) -> Named:
    return name, lambda: text


def _text(place: Place) -> str:
    return ".".join(map(str, place))


def _texts(document: Document) -> Iterator[Named]:
    """What is no manifest at all."""
    sound = canonical(document)
    texts = {
        "nothing": b"",
        "a word": b'"text"\n',
        "null": b"null\n",
        "half of it": sound[: len(sound) // 2],
        "twice": sound + sound,
        "lists without end": b"[" * 100_000,
        "objects without end": b'{"a":' * 100_000,
        "deep lists": b"[" * 900 + b"]" * 900,
        "not ASCII": sound.replace(b"a", "ä".encode(), 1),
        "UTF-16": sound.decode().encode("utf-16"),
        "a mark at the beginning": b"\xef\xbb\xbf" + sound,
        "NaN": re.sub(rb":[0-9]+", b":" + b"NaN", sound, count=1),
        "infinity": re.sub(rb":[0-9]+", b":" + b"1e999", sound, count=1),
        "a number of 5000 digits": re.sub(rb":[0-9]+", b":" + b"9" * 5000, sound, count=1),
        "a space": sound.replace(b",", b", ", 1),
        "no newline": sound[:-1],
        "a comment": b"/* */" + sound,
        "a trailing comma": sound.replace(b"]", b",]", 1),
        "an escaped letter": sound.replace(b'"ops"', b'"\\u006fps"', 1),
    }
    yield from starmap(_raw, texts.items())


def _versions(document: Document) -> Iterator[Named]:
    for version in (
        [0, 9],
        [2, 0],
        [1, 99],
        [1, -1],
        [True, 0],
        [1],
        [1, 0, 0],
        1,
        "1.0",
        None,
        [1.0, 0],
        [2**100, 0],
    ):
        yield _whole(f"version {version}", {**document, "format_version": version})


def _keys(document: Document) -> Iterator[Named]:
    """Each key of each object left out, and one too many in each object."""
    for place in places(document):
        value = find(document, place)
        if not isinstance(value, dict) or place[:1] == ("built_with",):
            continue
        for key in value:
            inside = (*place, key)
            yield _edit(
                f"no {_text(inside)}", document, inside, lambda whole, name: whole.pop(name)
            )
        unknown = (*place, "unknown")
        yield _edit(_text(unknown), document, unknown, lambda whole, name: whole.update({name: 1}))


def _kinds(document: Document) -> Iterator[Named]:
    """A value of each other kind for each value that has one."""
    samples: tuple[Any, ...] = (None, True, 7, 1.5, "text", [], {})
    for place in places(document):
        if not place or _is_expression(place) or place[-1] == "arguments":
            continue
        kind = type(find(document, place))
        for sample in samples:
            if type(sample) is not kind and not (
                kind is dict and place[-1] == "built_with" and sample == {}
            ):
                yield from _changed(
                    f"{type(sample).__name__} for {kind.__name__}", document, place, sample
                )


def _names(document: Document) -> Iterator[Named]:
    """Names that lead elsewhere, or that are none."""
    for path in PATHS:
        yield from _changed(f"file {path!r}", document, ("files", 0, "name"), path)
        yield from _changed(f"blob {path!r}", document, ("kernels", 0, "blob"), path)
        yield from _changed(f"arch {path!r}", document, ("kernels", 0, "arch"), path)
        yield from _changed(f"symbol {path!r}", document, ("kernels", 0, "symbol"), path)
        record = {"name": path, "size": 1, "sha256": "0" * 64}
        yield _whole(f"a further {path!r}", {**document, "files": [*document["files"], record]})
    for name in ("", "1x", "a b", "a-b", "class", "__class__", "a.b", "a\n", "lambda"):
        yield from _changed(f"op {name!r}", document, ("ops", 0, "name"), name)
        yield from _changed(f"argument {name!r}", document, ("ops", 0, "arguments", 0), name)


def _repeats(document: Document) -> Iterator[Named]:
    for key in ("ops", "kernels", "files"):
        values = document[key]
        yield _whole(f"{key} twice", {**document, key: values * 2})
        yield _whole(f"the first of {key} once more", {**document, key: [*values, values[0]]})
        yield _whole(f"no {key}", {**document, key: []})
    sound = canonical(document)
    for key in ("ops", "name", "files", "size", "is", "kernels", "guard"):
        text = f'"{key}":'.encode()
        yield _raw(f"the key {key} twice", sound.replace(text, text + b"1," + text, 1))
    names = document["ops"][0]["arguments"]
    yield from _changed(
        "one argument's name twice", document, ("ops", 0, "arguments"), [names[0]] * len(names)
    )


_LIMITS: dict[str | int, int] = {
    "cuda_driver": 10**6 - 1,
    "global_scratch_size": 2**40,
    "profile_scratch_size": 2**40,
}


def _numbers(document: Document) -> Iterator[Named]:
    """Numbers out of range, wherever a number has one."""
    for place in places(document):
        if _is_expression(place) or type(find(document, place)) is not int:
            continue
        for number in (-1, 2**31, 2**63, 2**64, 2**128, 2**200, -(2**200), 10**400):
            if not 0 <= number <= _LIMITS.get(place[-1], 0):
                yield from _changed(
                    f"{number:.3e}" if abs(number) < 10**300 else "1e400", document, place, number
                )


def _nesting(document: Document) -> Iterator[Named]:
    for depth in (66, 200, 400):
        for place in (*EXPRESSION_PLACES, ("outputs",)):
            value: Any = 1
            for _ in range(depth):
                value = ["neg", value] if place != ("outputs",) else ["tuple", [value]]
            yield from _changed(f"{depth} deep", document, ("ops", 0, "variants", 0, *place), value)
    wide = ["add", *[1] * 5000]
    yield from _changed("5000 operands", document, ("ops", 0, "variants", 0, "guard", 0), wide)
    long = ["eq", "x" * 5000, 1]
    yield from _changed("a long string", document, ("ops", 0, "variants", 0, "guard", 0), long)


def _nodes(document: Document) -> Iterator[Named]:
    """Nodes, operators and steps that are on no list."""
    variant = ("ops", 0, "variants", 0)
    for name in NODES:
        for place in EXPRESSION_PLACES:
            yield from _changed(f"node {name!r}", document, (*variant, *place), [name, 1, 2])
        yield from _changed(f"output {name!r}", document, (*variant, "outputs"), [name, 1])
    for node in READINGS:
        yield from _changed(f"node {node}", document, (*variant, "guard", 0), node)
    for place in places(document):
        if place[-1:] == ("operator",):
            for name in OPERATORS:
                yield from _changed(f"operator {name!r}", document, place, name)
        if place and place[-1] in ("is", "kernel", "dtype", "kind"):
            for name in ("", "nothing", "../x", "os"):
                yield from _changed(f"{name!r}", document, place, name)
