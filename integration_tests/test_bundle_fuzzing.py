"""A part of ``python -m integration_tests.bundle_fuzzing``: damaged and hostile bundles are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="needs the extra helion-runtime[signing]")

from helion_runtime.bundle.reading import read_verified
from integration_tests.bundle_fuzzing.checking import REFUSALS, damaged, hostile
from integration_tests.bundle_fuzzing.damage import Mutation, open_damaged

DATA = Path(__file__).parent.parent / "packages" / "helion-runtime" / "tests" / "data"
FROZEN = sorted(DATA.glob("format_*.helion"))
MUTATIONS = 150
"""Of each container of each bundle; the command makes 10,000 in all."""
EVERY = 25
"""One of so many hostile manifests is opened; all of them by the command."""


@pytest.mark.parametrize("bundle", FROZEN, ids=lambda path: path.stem)
def test_damage_is_refused_or_harmless(bundle: Path, tmp_path: Path) -> None:
    zipped, directory = damaged(bundle, tmp_path, MUTATIONS, seed=7)
    assert zipped.violations == directory.violations == []
    assert (
        zipped.outcomes["harmless"] < MUTATIONS / 10
    )  # dates and attributes of members, which nothing reads
    assert directory.outcomes["harmless"] == 0
    assert directory.outcomes["DigestError"] > MUTATIONS / 2


def test_what_means_something_else_is_noticed() -> None:
    older, *_, newer = FROZEN
    outcome, problem = open_damaged(newer, read_verified(older))
    assert outcome == "harmless"
    assert problem == "opened, and means something else"


def test_mutations_change_what_they_are_given() -> None:
    assert Mutation(1, 0xFF).apply(b"\0\0\0") == b"\0\xff\0"
    assert Mutation(2, None).apply(b"abc") == b"ab"


@pytest.mark.parametrize("bundle", FROZEN[-1:], ids=lambda path: path.stem)
def test_hostile_bundles_are_refused(bundle: Path, tmp_path: Path) -> None:
    outcomes, failures = hostile(bundle, tmp_path, EVERY)
    assert failures == []
    assert outcomes.total() > 600
    assert sum(outcomes[name] for name in REFUSALS) > 500
    kinds = ("SchemaError", "ExpressionError", "ContainerError", "SignatureMismatchError")
    assert min(outcomes[name] for name in kinds) > 10
    assert outcomes["UntrustedSignerError"] > 0
