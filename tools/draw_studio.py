"""Draw two hundred different shoes of one form as a studio shows them: on white, in one pose.

    python tools/draw_studio.py KIND DESTINATION

with a KIND of `KINDS`. Each shoe differs from others in one thing alone: its style (and so its
lacing), its colour, its shaft or its heel. They are what a search for copies must not take for
one. The files are `NNN_<style>_<colour>_<shaft>_<heel>.jpg`, the last three numbered.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from draw_sample_data import (
    JPEG_QUALITY,
    SOLE_LEATHERS,
    TRIMS,
    Lamp,
    ObjectMetadata,
    Points,
    Pose,
    Relief,
    darker,
    draw_boots,
    draw_sneakers,
    place_shoes,
    raise_heel,
    raise_shaft,
    to_image,
)

SIZE = 420
COLOURS = ("#2a292c", "#46352b", "saddlebrown", "#70242a", "dimgray")
SHAFTS = (0, 10, 22, 36, 52)
HEELS = (0, 8, 18, 30)
POSE = Pose(0, 6, 0, faces_left=True, length=1, height=1)
LAMP = Lamp(90, 50, 1)
# What draws each kind, its styles, and from which height on its shaft is lifted.
KINDS: dict[str, tuple[Callable[[Relief, ObjectMetadata], None], tuple[str, str], float]] = {
    "boots": (draw_boots, ("chelsea", "work"), 110),
    "sneakers": (draw_sneakers, ("court", "runner"), 66),
}


def raised(points: Points, ankle: float, shaft: float, heel: float) -> Points:
    """Return the points of a shoe whose shaft and heel are higher by so much."""
    return raise_heel(raise_shaft(points, ankle, shaft), heel, solid=5)


def draw(kind: str) -> Iterator[tuple[str, Image.Image]]:
    """Yield the names and pictures of all shoes of a kind."""
    draw_shoe, styles, ankle = KINDS[kind]
    designs = product(styles, range(len(COLOURS)), range(len(SHAFTS)), range(len(HEELS)))
    for number, (style, colour, shaft, heel) in enumerate(designs):
        chance, noise = random.Random(number), np.random.default_rng(number)
        main = COLOURS[colour]
        accent = chance.choice([darker(main, 0.7), "#2a292c", "burlywood", "#46352b"])
        look = ObjectMetadata(
            style, main, accent, chance.choice(TRIMS), chance.choice(SOLE_LEATHERS), gloss=0.2
        )
        relief = Relief(POSE)
        relief.bend = partial(raised, ankle=ankle, shaft=SHAFTS[shaft], heel=HEELS[heel])
        draw_shoe(relief, look)
        picture = to_image(np.full((SIZE, SIZE, 3), 252.0))
        place_shoes(picture, [(relief.light(LAMP, 0.5, noise), relief.shadow(LAMP))], room=0.86)
        grain = noise.normal(0, 0.9, (SIZE, SIZE, 1))
        name = f"{number:03}_{style}_{colour}_{shaft}_{heel}"
        yield name, to_image(np.asarray(picture) + grain)


def write(kind: str, destination: Path) -> None:
    """Write all shoes of a kind."""
    destination.mkdir(parents=True, exist_ok=True)
    for name, picture in draw(kind):
        picture.save(destination / f"{name}.jpg", quality=JPEG_QUALITY)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Draw shoes as a studio shows them.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("destination", type=Path)
    arguments = parser.parse_args()
    write(arguments.kind, arguments.destination)


if __name__ == "__main__":
    main()
