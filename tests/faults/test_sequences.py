"""Whatever users do between runs, the answers are those of a rebuild, and right by the rules.

In short form 300 random sequences; in complete form (`-m complete`) 10,000.
"""

import pytest

import sequences

# Sequences in one test: the tests run side by side.
TOGETHER = 30
SHORT, COMPLETE = 300, 10_000


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.complete] * (first >= SHORT))
        for first in range(0, COMPLETE, TOGETHER)
    ],
)
def test_after_any_sequence_of_changes_the_results_equal_a_rebuild(first: int) -> None:
    for seed in range(first, min(first + TOGETHER, COMPLETE)):
        sequences.check(seed)
