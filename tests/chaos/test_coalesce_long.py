"""100,000 random chains of reads and inserts, with and without groups; the short form is in `tests/contract`."""

from __future__ import annotations

from tests.contract.test_coalesce import compare_chains


def test_random_chains_give_the_same_with_and_without_groups_at_length() -> None:
    compare_chains(100_000)
