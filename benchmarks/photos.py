"""Photographs in any number, made from the sample data."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "catalogue"


def vary_sample(folder: Path, count: int) -> None:
    """Write `count` different photographs of the sample's shoes to `folder`, in their classes."""
    rng = np.random.default_rng(0)
    sources = [(file.parent.name, Image.open(file)) for file in sorted(SAMPLE.glob("*/*.jpg"))]
    for number in range(count):
        class_, image = sources[number % len(sources)]
        rotated = image.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR, fillcolor="white")
        target = folder / class_ / f"{number:06}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        ImageEnhance.Brightness(rotated).enhance(rng.uniform(0.7, 1.3)).save(target, quality=85)


def draw_noise(folder: Path, count: int) -> None:
    """Write `count` small pictures of noise to `folder`, in twenty classes."""
    rng = np.random.default_rng(0)
    for number in range(count):
        target = folder / f"class_{number % 20:02}" / f"{number:06}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(target)
