"""A load test: 50 clients ask a server at the same time, and some send what is no photo."""

import json
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from serving import serving
from similar_images.answers import snapshot
from similar_images.classification import conformal, nearest, predictions
from similar_images.core.tables import Row
from similar_images.duplicates import query_duplicates, registration
from similar_images.features import sharded_features
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import neighbours

CLIENTS, SECONDS, BAD = 50, 120, 0.05
PLAIN = ("prediction", "votes", "voters", "refused", "duplicate", "duplicate_of", "metric")


def measure(project: Path, photos: Mapping[str, bytes], expected: Mapping[str, Row]) -> Any:
    """Return what the clients found, and the memory of the server.

    Args:
        project: with the results in it.
        photos: bytes by name.
        expected: rows of predictions.csv by name.
    """
    rng = random.Random(0)
    bad = [rng.randbytes(20_000), b"", *(data[:100] for data in photos.values())]
    seconds: list[float] = []
    outcomes: Counter[str] = Counter()

    def client(number: int) -> None:
        chance = random.Random(number)
        connection = HTTPConnection("127.0.0.1", served.port, timeout=120)
        while time.perf_counter() < end:
            if chance.random() < BAD:
                status, content = _ask(connection, chance.choice(bad))
                refused = status != 200 or content["answers"][0]["error"]
                outcomes["bad upload refused" if refused else "bad upload answered"] += 1
                continue
            name = chance.choice([*photos])
            started = time.perf_counter()
            status, content = _ask(connection, photos[name])
            seconds.append(time.perf_counter() - started)
            right = status == 200 and _is_same(content["answers"][0], expected[name])
            outcomes["right" if right else f"wrong (status {status})"] += 1

    before = os.times()
    with serving(project) as served:
        _ask(HTTPConnection("127.0.0.1", served.port, timeout=120), next(iter(photos.values())))
        memory = [_memory(served.process.pid)]
        end = time.perf_counter() + SECONDS
        clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for one in clients:
            one.start()
        for part in (SECONDS / 4, SECONDS / 4, SECONDS / 2):
            time.sleep(part)
            memory.append(_memory(served.process.pid))
        for one in clients:
            one.join()
        code = served.stop()
    after = os.times()
    return {
        "outcomes": dict(outcomes),
        "per_second": len(seconds) / SECONDS,
        "median": median(seconds),
        "percentile_95": quantiles(seconds, n=20)[-1],
        "memory_mb": memory,
        "exit_code": code,
        "server_cpu": after.children_user
        + after.children_system
        - before.children_user
        - before.children_system,
    }


def expected_of(run: Path, results: Path) -> dict[str, Row]:
    """Return the rows of predictions.csv for the queries of `run`, with the catalogue in `results`.

    They are made by the functions that the rules call, from the features that the run extracted.
    """
    current = snapshot.read(results)
    described, path = current.description, results / "catalogue/images.parquet"
    queries = run / "new/images.parquet"
    table = sharded_features.TABLE.read(queries)
    found = neighbours.find(ShardedFeatures(queries), ShardedFeatures(path), described.neighbours)
    copies = query_duplicates.find(
        neighbours.first(found, neighbours.CANDIDATES),
        table,
        current.images,
        lambda pairs, files: registration.compare_pairs(
            sorted(pairs), files, described.threads, lambda done: None, current.photos
        ),
    )
    predicted = predictions.predict(
        found,
        [],
        {copy.image: copy for copy in copies},
        predictions.known(table),
        current.classifier,
        current.product_of,
    )
    return {str(row["image"]): row for row in predicted.rows}


def _ask(connection: HTTPConnection, data: bytes) -> tuple[int, Any]:
    connection.request(
        "POST", "/ask?neighbours=3", data, {"Content-Type": "application/octet-stream"}
    )
    response = connection.getresponse()
    content = response.read()
    return response.status, json.loads(content)


def _is_same(answer: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether an answer has the values of a row of predictions.csv."""
    near: Sequence[Mapping[str, Any]] = answer["neighbours"]
    shown = [
        (row[f"similar_{n}"], row[f"class_{n}"], float(row[f"similarity_{n}"]))
        for n in range(1, nearest.SHOWN + 1)
    ]
    return (
        all(answer[name] == row[name] for name in PLAIN)
        and f"{answer['confidence']:.4f}" == row["confidence"]
        and conformal.joined(answer["likely_classes"]) == row["likely_classes"]
        and [(one["image"], one["class"], one["similarity"]) for one in near] == shown
    )


def _memory(process: int) -> float:
    """Return the memory of its own that a process holds, in MB, without mapped files."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) / 1024
