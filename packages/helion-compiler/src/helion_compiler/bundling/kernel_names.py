"""Find kernels by name: ``package.module:name`` or ``path/to/file.py:name``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from helion import Kernel
from helion.constraints import nearest
from helion_compiler.bundling.errors import KernelNameError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

_FORM = "name it as package.module:kernel or path/to/file.py:kernel"


def find_kernel(name: str, directory: Path) -> Kernel[..., Any]:
    """The kernel called ``name``; files and modules are looked for in ``directory``, modules also
    where Python finds them.

    Raises:
        KernelNameError: there is no such module or file, importing it fails, or it holds no such
            kernel; the error says what was found.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise KernelNameError(name=name, problem="this names no kernel of a module", remedy=_FORM)
    module = _import(name, place, directory)
    missing = object()
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, missing)
    if isinstance(found, Kernel):
        return found
    kernels = sorted(key for key, value in vars(module).items() if isinstance(value, Kernel))
    problem = (
        f"{place} has nothing called {attribute!r}"
        if found is missing
        else f"{attribute} is of type {type(found).__name__}, not a kernel"
    )
    raise KernelNameError(
        name=name,
        problem=problem,
        remedy=f"the kernels in {place} are: {', '.join(kernels) or 'none'}",
    )


def _import(name: str, place: str, directory: Path) -> ModuleType:
    try:
        if place.endswith(".py"):
            return _import_file(name, (directory / place).resolve())
        with _searched(directory):
            return importlib.import_module(place)
    except KernelNameError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            raise _no_module(name, error.name, directory) from None
        raise _broken(name, place, error) from error
    except Exception as error:  # a module may raise anything while it is imported
        raise _broken(name, place, error) from error


def _import_file(name: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise KernelNameError(
            name=name,
            problem=f"there is no file {path}",
            remedy=f"in {path.parent} there is: {_python_files(path.parent)}",
        )
    known = f"helion_kernels_of.{path}"
    if known in sys.modules:
        return sys.modules[known]
    spec = importlib.util.spec_from_file_location(known, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[known] = module
    try:
        with _searched(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[known]
        raise
    return module


@contextmanager
def _searched(directory: Path) -> Iterator[None]:
    """Import from ``directory`` as well, as ``python`` does for the program it runs."""
    place = str(directory)
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _no_module(name: str, module: str, directory: Path) -> KernelNameError:
    guess = nearest(module, [path.stem for path in directory.glob("*.py")])
    return KernelNameError(
        name=name,
        problem=f"there is no module {module!r}",
        remedy=f"did you mean {guess!r}?"
        if guess
        else f"modules are looked for in {directory} ({_python_files(directory)}) and where Python looks",
    )


def _broken(name: str, place: str, error: Exception) -> KernelNameError:
    return KernelNameError(
        name=name,
        problem=f"importing {place} failed with {type(error).__name__}: {error}",
        remedy=f"make `python -c 'import ...'` of {place} work first",
    )


def _python_files(directory: Path) -> str:
    return ", ".join(sorted(path.name for path in directory.glob("*.py"))) or "no Python file"
