"""Build our wheels, and install one with what it needs of ours into the environment that runs this.

``python tools/wheels.py build`` writes the four wheels to ``dist/``.
``python tools/wheels.py install helion-lang`` links the package's pinned dependencies, removes whatever of ours is
installed, and installs the wheel. pip then resolves with no index, so a dependency that the wheel names and the linked
set lacks is an error. A wheel older than its source is refused.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dependencies import PACKAGES, ROOT, closure, link

DIST = ROOT / "dist"


def build() -> None:
    """Write the wheel of each package to ``dist/``, and nothing else."""
    shutil.rmtree(DIST, ignore_errors=True)
    command = [sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation"]
    for package in PACKAGES:
        source = str(ROOT / "packages" / package)
        subprocess.run([*command, "--outdir", str(DIST), source], check=True)
    print("\n".join(sorted(wheel.name for wheel in DIST.iterdir())))


def install(package: str) -> None:
    """Install the wheel of ``package``, and those of ours it needs, into this environment."""
    link(Path(sys.prefix), package)
    wheels = [str(_wheel(needed)) for needed in closure(package)]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "uninstall", "-qq", "--yes", *PACKAGES], check=True)
    subprocess.run([*pip, "install", "--quiet", "--no-index", *wheels], check=True)


def _wheel(package: str) -> Path:
    found = list(DIST.glob(f"{package.replace('-', '_')}-*.whl"))
    if len(found) != 1:
        raise SystemExit(
            f"dist/ holds {len(found)} wheels of {package}, expected 1; run: tox -e wheels"
        )
    sources = (ROOT / "packages" / package).rglob("*")
    newest = max(
        (path for path in sources if path.suffix in {".py", ".toml"}),
        key=lambda path: path.stat().st_mtime,
    )
    if newest.stat().st_mtime > found[0].stat().st_mtime:
        raise SystemExit(
            f"{newest.relative_to(ROOT)} changed since {found[0].name} was built; run: tox -e wheels"
        )
    return found[0]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["build"]:
            build()
        case ["install", package] if package in PACKAGES:
            install(package)
        case _:
            raise SystemExit(f"usage: wheels.py build | install {{{','.join(PACKAGES)}}}")
