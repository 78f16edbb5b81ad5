"""The search against scikit-learn's brute force and FAISS' flat index."""

import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors

from similar_images.search import exact

QUERIES, FEATURES, COUNT, ROUNDS = 256, 1536, 10, 3


def measure(rows: int) -> dict[str, Any]:
    """Return for each contestant its seconds in each round, and whether all found the same."""
    rng = np.random.default_rng(0)
    catalogue = rng.standard_normal((rows, FEATURES), dtype=np.float32)
    queries = rng.standard_normal((QUERIES, FEATURES), dtype=np.float32)
    exact.normalise(catalogue)
    exact.normalise(queries)
    eligible = np.ones(rows, np.bool_)
    brute = NearestNeighbors(n_neighbors=COUNT, algorithm="brute", metric="cosine").fit(catalogue)
    flat = faiss.IndexFlatIP(FEATURES)
    flat.add(catalogue)
    contestants: dict[str, Callable[[], Any]] = {
        "search": lambda: _rows(exact.nearest(queries, exact.blocks(catalogue, eligible), COUNT)),
        "sklearn": lambda: brute.kneighbors(queries, return_distance=False),
        "faiss": lambda: flat.search(queries, COUNT)[1],
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    found = {}
    for _ in range(ROUNDS):
        for name, run in contestants.items():
            started = time.perf_counter()
            found[name] = run()
            seconds[name].append(time.perf_counter() - started)
    same = {name: float((found[name] == found["search"]).mean()) for name in contestants}
    return {"seconds": seconds, "share_of_same_neighbours": same}


def _rows(found: list[list[tuple[float, int]]]) -> np.ndarray:
    return np.array([[row for _, row in best] for best in found])
