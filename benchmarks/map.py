"""How the map of the catalogue is best laid out, and how fast its page draws: writes a page.

    PYTHONPATH=workflow/scripts:tests python benchmarks/map.py PEERS FEATURES...

PEERS is a Python with openTSNE and umap-learn, from requirements/peers.in. FEATURES are the files
results/catalogue/features.pkl of finished projects.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from browser import chromium, opened
from machine import matrix_kernels
from pages import table
from report_factory import write_map
from similar_images.curation import catalogue_map
from similar_images.features import feature_table
from similar_images.features.feature_table import Features
from similar_images.search import principal_components

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(__file__).parent / "peer_programs" / "layout.py"
CANDIDATES = ("scikit-learn", "scikit-learn, coarse", "openTSNE", "UMAP")
# Several threads add up in any order.
ONE_THREAD = os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "NUMBA")}
# Photos of one map, and of the sample whose neighbourhoods are compared.
LARGE = 20_000
SAMPLE = 5_000
NEIGHBOURS = 10
POINTS = (20_000, 200_000)
FRAMES = """() => {
    const times = Array.from({ length: 60 }, (_, n) => {
        if (n % 2) pan(3, 2);
        else zoomMap(n < 30 ? 1.1 : 1 / 1.1);
        const from = performance.now();
        draw();
        return performance.now() - from;
    });
    times.sort((a, b) => a - b);
    return [times[30], times[57]];
}"""
RATE = """() => new Promise((done) => {
    let frames = 0;
    const from = performance.now();
    const next = () => {
        pan(frames % 2 ? 3 : -3, 1);
        frames += 1;
        const took = performance.now() - from;
        if (took < 3000) requestAnimationFrame(next);
        else done(1000 * frames / took);
    };
    requestAnimationFrame(next);
})"""

Labels = NDArray[np.intp]


def components(path: Path) -> tuple[Features, Labels]:
    """Return the components that are laid out, and the class of each photo."""
    catalogue = feature_table.read(path)
    found = principal_components.fit(catalogue, with_levels=False)
    along = principal_components.apply(found, catalogue.features)[:, : catalogue_map.DIMENSION]
    return along, np.unique(np.array(catalogue.labels), return_inverse=True)[1]


def invented(features: Features, labels: Labels) -> tuple[Features, Labels]:
    """Return `LARGE` photos, each between two of one class, with noise."""
    chance = np.random.default_rng(0)
    rows = chance.integers(0, len(features), LARGE)
    others = np.array([chance.choice(np.flatnonzero(labels == labels[row])) for row in rows])
    share = chance.random((LARGE, 1)) / 2
    noise = 0.3 * features.std(axis=0) * chance.normal(size=(LARGE, features.shape[1]))
    made = (1 - share) * features[rows] + share * features[others] + noise
    return made.astype(np.float32), labels[rows]


def measured(
    peers: str, name: str, features: Features, labels: Labels, runs: int
) -> dict[str, Any]:
    """Return the seconds of a layout, how well it keeps neighbours, and if all runs are equal."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "features.npy"), Path(folder, "places.npy")
        np.save(given, features)
        outcomes = set()
        for _ in range(runs):
            command = [peers, str(PROGRAM), name, str(given), str(made)]
            run = subprocess.run(command, env=ONE_THREAD, capture_output=True, check=True)
            outcomes.add(made.read_bytes())
        places = np.load(made)
    kept = slice(SAMPLE)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(places)
    found = near.kneighbors(places[kept], return_distance=False)[:, 1:]
    return {
        **json.loads(run.stdout),
        "trust": trustworthiness(features[kept], places[kept], n_neighbors=NEIGHBOURS),
        "own class": (labels[found] == labels[kept, np.newaxis]).mean(),
        "same": len(outcomes) == 1,
    }


def layouts(peers: str, paths: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of the table of layouts."""
    real = [components(path) for path in paths]
    sets = {f"{len(one[0])} photos": one for one in real}
    sets[f"{LARGE:,} invented"] = invented(*real[0])
    header = ("", "layout", "seconds", "import", "trustworthiness", "own class", "repeats")
    rows = []
    for title, (features, labels) in sets.items():
        for name in CANDIDATES:
            runs = 1 if len(features) == LARGE else 2
            one = measured(peers, name, features, labels, runs)
            print(title, name, one, flush=True)
            seconds = (f"{one['layout']:.0f}", f"{one['import']:.1f}")
            quality = (f"{one['trust']:.4f}", f"{one['own class']:.1%}")
            repeats = "" if runs == 1 else "yes" if one["same"] else "no"
            rows.append([title, name, *seconds, *quality, repeats])
    yield from table(list(header), rows)


def frames() -> Iterator[str]:
    """Yield the lines of the table of frames."""
    rows = []
    with chromium() as browser:
        for number in POINTS:
            classes = [f"class {n:02}" for n in range(20)]
            with tempfile.TemporaryDirectory() as folder:
                each = number // len(classes)
                page = write_map(Path(folder, "catalogue"), each=each, classes=classes)
                with opened(browser, viewport={"width": 1400, "height": 1000}) as visit:
                    visit.page.goto(page.as_uri())
                    median, slow = visit.page.evaluate(FRAMES)
                    rate = visit.page.evaluate(RATE)
            rows.append([f"{number:,}", f"{median:.1f}", f"{slow:.1f}", f"{rate:.0f}"])
    yield from table(["points", "median ms", "19 of 20 ms", "frames per second"], rows)


def page(peers: str, paths: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# The map of the catalogue"
    yield ""
    yield "Made by `python benchmarks/map.py PEERS FEATURES...`, each layout with one thread of a"
    yield f"processor that NumPy takes for {matrix_kernels()}."
    yield ""
    yield f"Laid out are the first {catalogue_map.DIMENSION} principal components of the features."
    yield "The seconds are of the processor. Trustworthiness (J. Venna and S. Kaski, 2001) is 1"
    yield "where no point has a wrong neighbour. *Own class* is the share of a point's nearest"
    yield f"{NEIGHBOURS} that are of its class. *Repeats* is whether a second run gives the same"
    yield "bits. The invented photos lie between two of one class. *Coarse* is the angle of 0.8 in"
    yield "place of 0.5 in the approximation of Barnes and Hut."
    yield ""
    yield from layouts(peers, paths)
    yield "scikit-learn, coarse, is used: it keeps neighbours as well, and needs no other package."
    yield "openTSNE would add 13 MB, UMAP 210 MB (with numba and llvmlite)."
    yield ""
    yield "Drawing the page in Chromium without a graphics card, while the map is moved and zoomed,"
    yield "in a window of 1400 by 1000 pixels. The page shows at most 20,000 points."
    yield ""
    yield from frames()


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peers", help="a Python with the peers")
    parser.add_argument("features", type=Path, nargs="+", help="a features.pkl")
    given = parser.parse_args()
    text = "\n".join(page(given.peers, given.features)).rstrip() + "\n"
    (ROOT / "benchmarks/results/map.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
