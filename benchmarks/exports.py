"""Networks that other libraries export, beside those libraries: `make exports PEERS=python`.

    PYTHONPATH=workflow/scripts python benchmarks/exports.py PYTHON

PYTHON is that of an environment with requirements/peers.in. Prints a table.
"""

import argparse
import io
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pages import table

from photos import vary_sample
from similar_images.backbones import building, engines, preprocessing_config, validation
from similar_images.images.preprocessing import Preprocessor

SCRIPT = Path(__file__).parent / "peers" / "export_networks.py"
PHOTOS = 16


def main() -> None:
    """Export, compute here, and print how like both features are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("python", type=Path)
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vary_sample(folder / "photos", PHOTOS)
        subprocess.run([python, SCRIPT, folder / "photos", folder], check=True)
        files = sorted((folder / "photos").rglob("*.jpg"))
        rows = [row(folder, file, files) for file in sorted(folder.glob("*.onnx"))]
    header = ["family", "of the pixels that the library prepares", "of the photo"]
    print("\n".join(table(header, rows)))


def row(folder: Path, file: Path, files: list[Path]) -> list[str]:
    """Return how like the features are for the pixels of the library, and for its photos."""
    original = np.load(file.with_suffix(".npz"))
    backbone = {"file": str(file), "family": file.stem}
    made = building.make(
        folder / file.stem,
        backbone=backbone,
        weights_file=None,
        fallback=None,
        engine="openvino",
        resample="bicubic",
    )
    engine = engines.load("openvino", folder / file.stem, threads=2)
    card = preprocessing_config.read(backbone)
    pixels = original["pictures"].transpose(0, 2, 3, 1) * card.deviation + card.mean
    prepare = Preprocessor(made.input_size, "bicubic", 10**8, made.fit, made.crop)
    photos = np.stack([prepare(io.BytesIO(path.read_bytes())).image for path in files])
    likeness = [
        least_cosine(
            validation.features_of(engine, images)[:, : made.features], original["features"]
        )
        for images in ((255 * pixels).round().clip(0, 255).astype(np.uint8), photos)
    ]
    return [file.stem, *(f"{value:.6f}" for value in likeness)]


def least_cosine(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Return the least cosine of two rows that belong together."""
    # In float32 the rounding would be as large as the differences between two processors.
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / lengths).min())


if __name__ == "__main__":
    main()
