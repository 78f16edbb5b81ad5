"""Tests of the approximate search, against the exact one."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from threadpoolctl import threadpool_limits

from similar_images.core.errors import DamagedFileError, UserError
from similar_images.features import sharded_features
from similar_images.features.feature_table import FeatureTable
from similar_images.search import approximate, metric_learning, neighbours, principal_components
from similar_images.search.approximate import Approximate

DIMENSION = 12
QUERIES = range(5000, 5030)


def part(numbers: Sequence[int], fingerprint: str = "model") -> FeatureTable:
    """Return images that lie around twenty points, each determined by its number."""
    centres = np.random.default_rng(1).random((20, DIMENSION))
    rows = [np.random.default_rng(n).normal(centres[n % 20], 0.2) for n in numbers]
    return FeatureTable(
        "network",
        fingerprint,
        [f"{n:04}" for n in numbers],
        [str(n % 20) for n in numbers],
        [sha256(str(n).encode()).hexdigest() for n in numbers],
        np.array(rows, np.float32).reshape(-1, DIMENSION),
    )


def table(parts: Sequence[FeatureTable]) -> pa.Table:
    """Return the table of the images in `parts`."""
    rows = [
        {"image": path, "label": label, "content_id": content_id, "shard": str(n)}
        for n, one in enumerate(parts)
        for path, label, content_id in zip(one.paths, one.labels, one.content_ids, strict=True)
    ]
    schema = sharded_features.schema("network", parts[0].fingerprint, DIMENSION)
    return pa.Table.from_pylist(rows, schema=schema)


def built(parts: Sequence[FeatureTable], count: int = 10) -> Approximate:
    return approximate.build(parts, table(parts), count)


def found(
    parts: Sequence[FeatureTable], made: Approximate, queries: FeatureTable, count: int = 10
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = approximate.find([queries], made, table(parts), count).to_pylist()
    return rows


def exact(
    parts: Sequence[FeatureTable], queries: FeatureTable, count: int = 10
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = neighbours.find([queries], parts, count).to_pylist()
    return rows


def test_with_every_list_probed_it_finds_what_the_exact_search_finds() -> None:
    parts = [part(range(0, 900)), part(range(900, 2000))]
    made = built(parts)
    made.index.nprobe = made.index.nlist
    rows = zip(found(parts, made, part(QUERIES)), exact(parts, part(QUERIES)), strict=True)
    for row, wanted in rows:
        assert (row["image"], row["label"]) == (wanted["image"], wanted["label"])
        np.testing.assert_allclose(row["similarity"], wanted["similarity"], atol=2e-4)
        assert len(set(row["similar"]) & set(wanted["similar"])) >= 9
        classes = {path: str(int(path) % 20) for path in row["similar"]}
        assert row["class"] == list(classes.values())
    assert made.index.nlist == 2000 // approximate.POINTS


def test_the_recall_is_that_of_sampled_images_among_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approximate, "PROBES", 1)
    monkeypatch.setattr(approximate, "RECALL", 0)
    parts = [part(range(2000))]
    made = built(parts)
    assert made.sampled == approximate.SAMPLED
    every = part(range(2000))
    shares = []
    for row, wanted in zip(
        found(parts, made, every, 11), exact(parts, part(range(2000)), 11), strict=True
    ):
        near = {path for path in wanted["similar"] if path != wanted["image"]}
        shares.append(len(near & set(row["similar"])) / 10)
    assert 0.2 < made.recall < 0.9
    assert abs(made.recall - np.mean(shares)) < 0.05  # of all, in place of a sample


def test_where_it_finds_too_few_it_probes_more_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "PROBES", 1)
    monkeypatch.setattr(approximate, "RECALL", 0.9)
    made = built([part(range(2000))])
    assert made.recall >= 0.9
    assert 1 < made.index.nprobe < made.index.nlist


def test_of_equal_bytes_one_is_found_in_each_class_and_equals_are_ranked_by_path() -> None:
    one = part([7, 7, 7, 7, 7, 3])
    one = replace(one, paths=list("cadebf"), labels=list("xyzxvx"))
    row = found([one], built([one]), part([7]), 9)[0]
    assert row["similar"] == ["a", "b", "c", "d", "f"]
    assert row["class"] == ["y", "v", "x", "z", "x"]


def test_equals_are_no_miss() -> None:
    numbers = [n // 50 for n in range(2000)]
    one = part(numbers)
    one = replace(
        one,
        paths=[f"{n:04}" for n in range(2000)],
        content_ids=[sha256(b"%d" % n).hexdigest() for n in range(2000)],
    )
    assert built([one]).recall == 1


def test_the_shards_do_not_matter() -> None:
    one = [part(range(2000))]
    order = np.random.default_rng(0).permutation(2000).tolist()
    many = [part(order[start : start + 300]) for start in range(0, 2000, 300)]
    first, second = built(one), built(many)
    assert first.recall == second.recall
    assert found(one, first, part(QUERIES)) == found(many, second, part(QUERIES))


@pytest.mark.parametrize("size", [2, 5, 100])
def test_of_a_small_catalogue_all_is_found(size: int) -> None:
    parts = [part(range(size))]
    made = built(parts)
    assert (made.recall, made.sampled) == (1, size)
    row = found(parts, made, part(QUERIES), 200)[0]
    assert sorted(row["similar"]) == [f"{n:04}" for n in range(size)]


def test_the_similarity_may_be_an_adapted_one() -> None:
    along = principal_components.fit(part(range(2000)), False)
    one, query = (principal_components.reduce(along, part(rows)) for rows in (range(2000), QUERIES))
    fitted = metric_learning.fit(one, np.ones(2000, np.bool_))
    made = approximate.build([one], table([one]), 10, fitted)
    got = approximate.find([query], made, table([one]), 1, fitted)
    wanted = neighbours.find([query], [one], 1, fitted)
    assert got["similar"] == wanted["similar"]
    with pytest.raises(UserError, match="another model"):
        approximate.build([one], table([one]), 10, replace(fitted, fingerprint="other"))


def test_it_is_written_and_read_as_it_is_and_twice_the_same(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        parts = [part(range(2000))]  # again, since they are normalised in place
        files = tmp_path / f"{name}.faiss", tmp_path / f"{name}.json"
        made = built(parts)
        approximate.write(*files, made)
        read = approximate.read(*files)
        assert replace(read, index=None) == replace(made, index=None)
        assert found(parts, read, part(QUERIES)) == found(parts, made, part(QUERIES))
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    files = tmp_path / "a.faiss", tmp_path / "a.json"
    approximate.write(*files, built([part(range(100))]))
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:-1])
    with pytest.raises(DamagedFileError, match=r"a\.faiss is damaged"):
        approximate.read(*files)
    (tmp_path / ".a.faiss.sha256").unlink()
    files[0].write_bytes(b"no index")
    with pytest.raises(DamagedFileError, match=r"a\.faiss is damaged"):
        approximate.read(*files)


def test_queries_of_another_model_are_refused() -> None:
    parts = [part(range(100))]
    with pytest.raises(UserError, match=r"different models \(fingerprints other and model\)"):
        found(parts, built(parts), part(QUERIES, "other"))


def test_the_sentence_says_what_was_measured() -> None:
    assert approximate.sentence(built([part(range(100))], 5)) == (
        "The approximate search finds 100.0% of the 5 nearest images "
        "(measured with 100 of 100 images, 2 of 2 lists searched)"
    )


def test_it_returns_only_the_images_that_it_is_to_search_among() -> None:
    parts = [part(range(0, 400)), part(range(400, 600))]
    made = built(parts)
    some = [f"{n:04}" for n in range(0, 600, 7)]
    rows = approximate.find(
        [part(QUERIES)], made, table(parts), 10, only=pa.chunked_array([some])
    ).to_pylist()
    assert all(row["similar"] and set(row["similar"]) <= set(some) for row in rows)


def test_which_of_equally_similar_images_it_finds_does_not_depend_on_their_order() -> None:
    numbers = [*range(0, 200), *[7] * 40]
    one = replace(part(numbers), paths=[f"{n:04}" for n in range(240)])
    one = replace(one, labels=list(one.paths))  # equal bytes under one class count once
    other = FeatureTable(
        one.backbone,
        one.fingerprint,
        one.paths[::-1],
        one.labels[::-1],
        one.content_ids[::-1],
        one.features[::-1],
    )
    query = part([7])
    forwards, backwards = (found([index], built([index]), query) for index in (one, other))
    assert forwards == backwards
    assert forwards[0]["similar"] == ["0007", *(f"{n:04}" for n in range(200, 209))]


def test_the_digits_of_a_query_do_not_depend_on_those_beside_it_or_on_threads() -> None:
    random = np.random.default_rng(0)
    features = random.random((600, 1280), np.float32) ** 4  # not negative, as those of a network
    names = [f"{n:04}" for n in range(600)]
    ids = [sha256(name.encode()).hexdigest() for name in names]
    labels: list[str | None] = ["a"] * 600
    parts = [FeatureTable("network", "model", names, labels, ids, features)]
    made, images = approximate.build(parts, table(parts), 10), table(parts)
    queries = parts[0].rows(np.arange(100))
    # A search scales the features in place.
    copy = replace(queries, features=queries.features.copy())
    with threadpool_limits(1):  # as a job
        together = approximate.find([copy], made, images, 10).to_pylist()
    alone = [
        approximate.find([queries.rows(np.array([n]))], made, images, 10).to_pylist()[0]
        for n in range(100)
    ]
    assert alone == together
