"""The table of planted faults follows the source: every text is there once, and every test exists."""

from __future__ import annotations

import pytest

from tests.planted import MUTATIONS, Mutation
from tests.tree import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_fault_can_be_planted(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    file, _, test = mutation.test.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
