"""Third-party dependencies, installed once per distinct set and linked into the environments that need them.

In: a package of ours, whose pyproject (and those of our packages it needs) says what it depends on.
Out: ``.deps/<key>``, an environment holding exactly that set at the pinned versions, and a ``.pth`` file that shows it
to another environment. One made for ``helion-lang`` alone therefore sees torch and attrs and nothing else, yet torch
(0.8 GB) is unpacked once for all that need the same set: ``docs/decisions/0001-dependencies-installed-once.md``.

``HELION_TORCH_FROM`` may name a site-packages directory with a torch to use in place of the pinned one (``./dev`` sets
it where the machine's torch drives its GPU): what that directory provides is then used, whatever its version.

Assumed: the standard library and ``python -m pip``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
STORE = ROOT / ".deps"
PACKAGES = ("helion-lang", "helion-autotune", "helion-runtime", "helion-compiler")
TORCH_FROM = "HELION_TORCH_FROM"
LINK = "helion-dependencies.pth"
PINS_RECORD = "constraints.txt"


def closure(package: str) -> list[str]:
    """``package`` and those of our packages it needs, itself last."""
    needed: dict[str, None] = {}
    for requirement in _declared(package, extra=None):
        if _name(requirement) in PACKAGES:
            needed |= dict.fromkeys(closure(_name(requirement)))
    return [*needed, package]


def requirements(package: str, extra: str | None = None) -> list[str]:
    """What ``package`` needs of others, with what those of our packages that it needs need; sorted."""
    found: set[str] = set()
    for requirement in _declared(package, extra):
        if _name(requirement) in PACKAGES:
            found.update(requirements(_name(requirement), _extra(requirement)))
        else:
            found.add(requirement)
    return sorted(found)


class DependencySet(NamedTuple):
    """What ``package`` needs at which versions, and the directory of the machine's own torch, if that is used."""

    wanted: tuple[str, ...]
    pins: str
    machine: str

    @classmethod
    def of(cls, package: str) -> DependencySet:
        """The set of one of our packages on this machine."""
        machine = os.environ.get(TORCH_FROM, "")
        return cls(tuple(requirements(package)), _pins(machine), machine)

    @property
    def place(self) -> Path:
        """Where the set lies, once it is installed."""
        parts = (*self.wanted, self.pins, self.machine, sys.version, platform.machine())
        return STORE / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def link(environment: Path, package: str) -> None:
    """Show ``environment`` the dependencies of ``package``, installing them first if need be."""
    needed = DependencySet.of(package)
    if not needed.place.exists():
        _install_set(needed)
        _discard_sets_of_other_pins(needed.pins)
    _write_link(environment, site_packages(needed.place))


def site_packages(environment: Path) -> Path:
    """Where the environment at this path keeps its packages."""
    base = str(environment)
    return Path(sysconfig.get_path("purelib", "venv", {"base": base, "platbase": base}))


def _declared(package: str, extra: str | None) -> Iterator[str]:
    project = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]
    yield from project.get("dependencies", [])
    if extra is not None:
        yield from project["optional-dependencies"][extra]


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    if match is None:
        raise ValueError(f"{requirement!r} does not begin with a distribution's name")
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _extra(requirement: str) -> str | None:
    match = re.search(r"\[([^\],]*)\]", requirement)
    return match[1] if match else None


def _install_set(needed: DependencySet) -> None:
    # Installed aside and renamed: a run that is interrupted leaves nothing that looks complete.
    aside = needed.place.with_suffix(f".partial-{os.getpid()}")
    try:
        _install(aside, needed)
        aside.rename(needed.place)
    except OSError:
        if not needed.place.exists():  # else an environment beside this one was quicker
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _install(place: Path, needed: DependencySet) -> None:
    venv.create(place, with_pip=False, symlinks=True)
    if needed.machine:
        _write_link(place, Path(needed.machine))
    constraints = place / PINS_RECORD
    constraints.write_text(needed.pins)
    python = str(place / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-qq"]
    done = subprocess.run([*pip, "--constraint", str(constraints), *needed.wanted], check=False)
    if done.returncode != 0:
        raise SystemExit(f"pip could not install {', '.join(needed.wanted)}")


def _discard_sets_of_other_pins(pins: str) -> None:
    """A set is gigabytes, and one made from other pins is never linked again."""
    for place in STORE.iterdir():
        record = place / PINS_RECORD
        if record.exists() and record.read_text() != pins:
            shutil.rmtree(place)


def _pins(machine: str) -> str:
    """The constraints, less the pins of what the machine provides."""
    provided = {
        _name(distribution.metadata["Name"])
        for distribution in importlib.metadata.distributions(path=[machine] if machine else [])
    }
    lines = CONSTRAINTS.read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    return "".join(f"{pin}\n" for pin in pins if _name(pin) not in provided)


def _write_link(environment: Path, target: Path) -> None:
    # addsitedir rather than a plain path: the target's own .pth files count too.
    (site_packages(environment) / LINK).write_text(
        f"import site; site.addsitedir({str(target)!r})\n"
    )


if __name__ == "__main__":
    # dependencies.py PACKAGE [ENVIRONMENT]: without an environment, the one that runs this.
    link(Path(sys.argv[2] if len(sys.argv) > 2 else sys.prefix), sys.argv[1])
