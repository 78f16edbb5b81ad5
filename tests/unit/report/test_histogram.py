"""Tests of the histograms' bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.report.histogram import MOST_BINS, bins, similarity_edges, vote_edges

similarities = st.lists(st.floats(-1, 1, width=32), max_size=50)


@given(similarities)
def test_every_similarity_falls_into_one_of_a_few_bins(values: list[float]) -> None:
    counted = bins({"all": values}, similarity_edges(values))
    assert sum(bin_.counts["all"] for bin_ in counted) == len(values)
    assert 1 <= len(counted) <= MOST_BINS + 1


@pytest.mark.parametrize(("neighbours", "number"), [(1, 1), (10, 10), (20, 20), (1000, 20)])
def test_every_vote_falls_into_one_of_a_few_bins(neighbours: int, number: int) -> None:
    votes = np.arange(1, neighbours + 1).tolist()
    counted = bins({"all": votes}, vote_edges(neighbours))
    assert sum(bin_.counts["all"] for bin_ in counted) == neighbours
    assert len(counted) == number
