"""The search against scikit-learn's brute force and FAISS' flat index."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

import machine
from networks import THREADS
from similar_images.features.feature_table import normalise
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import cache, exact, neighbours
from stored import add_image, write_features

QUERIES, FEATURES, COUNT, ROUNDS = 256, 1536, 10, 3


def measure(rows: int) -> dict[str, Any]:
    """Return for each contestant its seconds in each round, and whether all found the same."""
    rng = np.random.default_rng(0)
    catalogue = rng.standard_normal((rows, FEATURES), dtype=np.float32)
    queries = rng.standard_normal((QUERIES, FEATURES), dtype=np.float32)
    normalise(catalogue)
    normalise(queries)
    eligible = np.ones(rows, np.bool_)
    brute = NearestNeighbors(n_neighbors=COUNT, algorithm="brute", metric="cosine").fit(catalogue)
    flat = _flat_index(catalogue)
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


def _flat_index(catalogue: np.ndarray) -> Any:
    """Return FAISS' flat index, with the same matrix kernels as NumPy.

    Its OpenBLAS is older: on a processor that it does not know, it would take a fifth of the speed.
    """
    with patch.dict(os.environ, OPENBLAS_CORETYPE=machine.matrix_kernels()):
        import faiss
    index = faiss.IndexFlatIP(catalogue.shape[1])
    index.add(catalogue)
    return index


def _rows(found: list[list[tuple[float, int]]]) -> np.ndarray:
    return np.array([[row for _, row in best] for best in found])


def measure_stored(rows: int, queries: int) -> dict[str, Any]:
    """Return the seconds of searches that read all from the disk, as the rule does.

    "few" are `QUERIES` queries, "first" are `queries`; the others find what that has left in the
    memory of the search, and have one query, or one image of the catalogue, more.
    """
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(THREADS):
        few = write_features(Path(folder, "few"), QUERIES)
        asked = write_features(Path(folder, "queries"), queries)
        catalogue = write_features(Path(folder, "catalogue"), rows)

        def search(which: Path) -> None:
            cache.search(
                ShardedFeatures(which),
                ShardedFeatures(catalogue),
                COUNT,
                lambda new, among: neighbours.find(new, among, COUNT),
                folder=which.with_name("searched"),
                key="",
            )

        seconds = {"few": [_seconds(search, few)]}
        for _ in range(ROUNDS - 1):
            (few.with_name("searched") / "answers.parquet").unlink()
            seconds["few"].append(_seconds(search, few))
        seconds["first"] = [_seconds(search, asked)]
        for name, grown in (("one_query_more", asked), ("one_image_more", catalogue)):
            seconds[name] = []
            for number in range(ROUNDS):
                add_image(grown, f"{'f' * 32}{number:032x}")
                seconds[name].append(_seconds(search, asked))
        return {"rows": rows, "queries": queries, "seconds": seconds}


def _seconds(run: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - started
