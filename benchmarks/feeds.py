"""What photos at addresses cost: `make feeds DATA=folder`.

    PYTHONPATH=workflow/scripts:tests python benchmarks/feeds.py DATA

DATA has the folders catalogue/<class>/ and queries/<class>/. A server on this machine, in a process
of its own, gives the photos. Prints a table for benchmarks/results/performance.md.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from pages import table

from pipeline import Run, lay_out, run
from similar_images.storage.access import Access
from similar_images.storage.addresses import Limits
from similar_images.storage.metadata import MetadataCache
from web_server import serving

BACKBONE = "EfficientNetLite2"
COLLECTIONS = ("catalogue", "queries")
ROUNDS = 3
ADDRESSES = 100_000


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with catalogue/ and queries/")
    data = parser.parse_args().data.resolve()
    rows = [
        *first_runs(data),
        ("looks at 100,000 addresses as they were", f"{metadata_cache():.1f} s"),
    ]
    print("\n".join(table(("what", "measured"), rows)))


def first_runs(data: Path) -> Iterator[tuple[str, str]]:
    """Yield the rates of first runs on the photos of `data`, from folders and from addresses."""
    photos = sorted(path for name in COLLECTIONS for path in data.glob(f"{name}/*/*"))
    files = {str(path.relative_to(data)): path.read_bytes() for path in photos}
    rates: dict[str, list[float]] = {"in folders": [], "at addresses": []}
    with served(files) as origin:
        for _ in range(ROUNDS):
            for place, found in rates.items():
                with tempfile.TemporaryDirectory() as folder:
                    project = Path(folder)
                    lay_out(project, BACKBONE, **settings(project, data, files, origin, place))
                    run(project, target="results/model/model.json")
                    found.append(len(files) / seconds_until_features(run(project)))
    told = {place: median(found) for place, found in rates.items()}
    for place, rate in told.items():
        yield f"{len(files)} new photos {place}, listed and extracted", f"{rate:.1f} images/s"
    yield "the second to the first", f"{told['at addresses'] / told['in folders']:.2f}"


def settings(
    project: Path, data: Path, files: Iterable[str], origin: str, place: str
) -> dict[str, Any]:
    """Return the settings of a project with its photos in that place."""
    if place == "in folders":
        return {"catalogue": str(data / "catalogue"), "queries": {"new": str(data / "queries")}}
    for name in COLLECTIONS:
        rows = [f"{origin}/{file},{file.split('/')[1]}" for file in files if file.startswith(name)]
        (project / f"{name}.csv").write_text("\n".join(["image,label", *rows]), "utf-8")
    remote = {"allowed": [origin], "private": True}
    return {"catalogue": "catalogue.csv", "queries": {"new": "queries.csv"}, "remote": remote}


def seconds_until_features(done: Run) -> float:
    """Return what passed while photos were listed and fetched, and features extracted."""
    wanted = {"manifest", "extract"}
    passed, until = 0.0, 0.0
    for start, end in sorted((start, end) for rule, start, end in done.jobs if rule in wanted):
        passed += max(0.0, end - max(start, until))
        until = max(end, until)
    return passed


def metadata_cache() -> float:
    """Return the seconds that the start of a run takes with so many addresses as they were."""
    names = [f"{number}.jpg" for number in range(ADDRESSES)]
    with served(dict.fromkeys(names, b"photo")) as origin, tempfile.TemporaryDirectory() as folder:
        access = Access(Limits((origin,), True, 32, 60, 10**6))
        seen = MetadataCache(Path(folder, "looks.json"), access, most_failed=0, refresh=True)
        started = time.perf_counter()
        seen.at({address: address for address in (f"{origin}/{name}" for name in names)})
        return time.perf_counter() - started


@contextmanager
def served(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve `files` in a process of its own, and give the beginning of their addresses."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(files, theirs), daemon=True)
    server.start()
    try:
        yield ours.recv()
    finally:
        server.terminate()


def _serve(files: Mapping[str, bytes], pipe: Connection) -> None:
    with serving(files) as server:
        pipe.send(server.origin)
        time.sleep(3600)


if __name__ == "__main__":
    main()
