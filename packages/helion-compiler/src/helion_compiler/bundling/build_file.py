"""Build files: what goes into a bundle, written down in TOML.

```
targets = ["sm_90", "sm_80"]
lock = "tuned.lock.json"                        # what `helion tune` found; relative to this file, as all files
# records = "cache"                             # or its cache directory: the same from records of searches
tuned_on = "NVIDIA H200"                        # which of several GPUs of one architecture

[[variant]]
kernel = "matmul.py:matmul"                     # or package.module:kernel; files are relative to this one
args = ["bf16[4096,4096]", "bf16[4096,4096]"]
config = { block_sizes = [128, 256, 64], num_warps = 8 }

[[variant]]                                     # a second one, for any number of rows up to 512
kernel = "matmul.py:matmul"
args = ["bf16[2..512,4096]", "bf16[4096,4096]"]

[[variant]]                                     # a third, for every other size
kernel = "matmul.py:matmul"
args = ["bf16[1000,1000]", "bf16[1000,1000]"]
static_shapes = false
config = "matmul.json"                          # a file written by Config.save
targets = ["sm_90"]                             # in place of those above
```
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs

from helion import Config
from helion_compiler.bundling.errors import BuildFileError
from helion_compiler.bundling.example_arguments import parse_argument
from helion_compiler.bundling.kernel_names import find_kernel
from helion_compiler.bundling.request import BuildRequest

_KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "kernel": ((str,), 'a name such as "matmul.py:matmul"'),
    "args": ((list,), 'a list such as ["bf16[64,64]", 3]'),
    "config": ((dict, str), "a table of config keys, or the name of a file"),
    "targets": ((list,), 'a list such as ["sm_90"]'),
    "static_shapes": ((bool,), "true or false"),
    "name": ((str,), "the op's name"),
}


@attrs.frozen(eq=False)
class BuildFile:
    """What a build file asks for."""

    requests: tuple[BuildRequest, ...]
    targets: tuple[str, ...]
    lock: Path | None = None
    records: Path | None = None
    tuned_on: str | None = None


def read_build_file(path: Path) -> BuildFile:
    """The requests of a build file; imports the kernels it names.

    Raises:
        helion.exc.HelionError: the file, or something it refers to, cannot be used.
    """
    content = _parse(path)
    unknown = sorted(content.keys() - {"targets", "lock", "records", "tuned_on", "variant"})
    if unknown:
        raise BuildFileError(
            path=path,
            problem=f"there is no key {unknown[0]!r}",
            remedy="at the top stand `targets`, `lock` or `records`, `tuned_on` and any number of [[variant]] tables",
        )
    tables = content.get("variant", [])
    if not isinstance(tables, list) or not tables:
        raise BuildFileError(
            path=path, problem="it has no [[variant]]", remedy="write one for each set of arguments"
        )
    if "lock" in content and "records" in content:
        raise BuildFileError(
            path=path,
            problem="`lock` and `records` may differ in what they have",
            remedy="give one of them",
        )
    requests = tuple(_request(path, number, table) for number, table in enumerate(tables, start=1))
    return BuildFile(
        requests,
        _targets(path, "targets", content.get("targets", [])),
        lock=_path(path, content, "lock"),
        records=_path(path, content, "records"),
        tuned_on=_text(path, content, "tuned_on"),
    )


def _path(path: Path, content: dict[str, Any], key: str) -> Path | None:
    name = _text(path, content, key)
    return None if name is None else path.parent / Path(name).expanduser()


def _text(path: Path, content: dict[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        raise BuildFileError(path=path, problem=f"{key} = {value!r}", remedy=f"{key} is a text")
    return value


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildFileError(
            path=path, problem=error.strerror or str(error), remedy="check the path"
        ) from error
    except ValueError as error:
        raise BuildFileError(
            path=path, problem=f"not valid TOML: {error}", remedy="correct it there"
        ) from error


def _request(path: Path, number: int, table: Any) -> BuildRequest:
    where = f"variant {number}"
    if not isinstance(table, dict):
        raise BuildFileError(path=path, problem=f"{where} is no table", remedy="write [[variant]]")
    for key, value in table.items():
        if key not in _KEYS:
            raise BuildFileError(
                path=path,
                problem=f"{where} has no key {key!r}",
                remedy=f"the keys are {', '.join(_KEYS)}",
            )
        kind, words = _KEYS[key]
        if not isinstance(value, kind):
            raise BuildFileError(
                path=path, problem=f"{where}: {key} = {value!r}", remedy=f"{key} is {words}"
            )
    for key in ("kernel", "args"):
        if key not in table:
            raise BuildFileError(
                path=path, problem=f"{where} has no {key!r}", remedy=f"{key} is {_KEYS[key][1]}"
            )
    targets = table.get("targets")
    return BuildRequest(
        find_kernel(table["kernel"], path.parent),
        tuple(_argument(value) for value in table["args"]),
        config=_config(path, table.get("config")),
        targets=None if targets is None else _targets(path, where, targets),
        static_shapes=table.get("static_shapes"),
        name=table.get("name"),
    )


def _argument(value: Any) -> Any:
    if isinstance(value, str):
        return parse_argument(value)
    return tuple(_argument(item) for item in value) if isinstance(value, list) else value


def _config(path: Path, value: Any) -> Config | None:
    if isinstance(value, str):
        return Config.load(path.parent / value)
    return None if value is None else Config.from_dict(value)


def _targets(path: Path, where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BuildFileError(
            path=path, problem=f"{where}: targets = {value!r}", remedy='write ["sm_90"]'
        )
    return tuple(value)
