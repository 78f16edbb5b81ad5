"""Draw a small sample data set of shoe pictures.

The pictures let anyone try the pipeline without collecting product photos first.  Every shoe is
a *relief*: flat pieces laid on one another, each with a colour and a thickness.  A lamp then
lights the relief, so that leather bulges, straps stand out and seams sink in.

    python tools/draw_sample_data.py [DESTINATION]

writes ``catalogue/<class>/<class>_NN.jpg`` and ``queries/<class>/<class>_NN.jpg`` below the
destination.  Every picture has a seed of its own, so each run draws the same pictures.

Shoes are measured in units of about a millimetre: x runs from the heel (0) to the toe (300) and
z up from the ground.  Shoes that only show their side are drawn with points (x, z), the others
with points (x, y, z), where y runs across the foot.
"""

import argparse
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

CATALOGUE_SIZE, QUERIES_SIZE = 14, 4  # Pictures of each class.
PICTURE_SIZES = ((400, 400), (420, 400), (440, 360), (460, 380), (480, 360), (400, 440))
JPEG_QUALITY = 85

SCALE = 3  # Pixels per unit; reducing the large drawing at the end smooths all edges.
CANVAS = (500 * SCALE, 640 * SCALE)
STAND = (250 * SCALE, 430 * SCALE)  # Where the middle of the sole stands on the canvas.

Points = NDArray[np.float64]
Pixels = NDArray[np.float32]
Size = tuple[int, int]  # Width and height.

NAVY, OXBLOOD, MINT = "#24305a", "#70242a", "#a4d6be"
LEATHERS = ("tan", "saddlebrown", "sienna", OXBLOOD, "burlywood", "#5c3d2c")
NEUTRALS = ("whitesmoke", "silver", "dimgray", "#2a292c")
VIVIDS = ("crimson", "darkorange", "gold", "seagreen", "teal", "royalblue", NAVY, "indigo")
PASTELS = ("lightpink", "lightblue", "thistle", "wheat", MINT)
RUBBERS = ("whitesmoke", "whitesmoke", "antiquewhite", "burlywood", "#2a292c")
SOLE_LEATHERS = ("peru", "sienna", "#2a292c", "#46352b")
TRIMS = ("whitesmoke", "antiquewhite", "#2a292c", "burlywood")


# --- Lines -----------------------------------------------------------------------------------


def spline(knots: Points) -> Points:
    """Return a Catmull-Rom spline from the second to the last but one of the knots."""
    before, start, end, after = (knots[i : len(knots) - 3 + i, None] for i in range(4))
    t = np.arange(0, 1, 0.1)[:, None]
    linear, square = end - before, 2 * before - 5 * start + 4 * end - after
    cubic = 3 * start - before - 3 * end + after
    smooth = start + (linear * t + square * t**2 + cubic * t**3) / 2
    return np.concatenate([smooth.reshape(-1, knots.shape[1]), knots[-2:-1]])


def knots_of(text: str) -> Points:
    """Read points such as ``"10,20 30,40"``."""
    return np.array([[float(number) for number in point.split(",")] for point in text.split()])


def path(text: str) -> Points:
    """Return the smooth line through the points of a text; each ``|`` makes a corner."""
    lines: list[Points] = []
    for part in text.split("|"):
        knots = knots_of(part)
        if lines:
            knots = np.concatenate([lines[-1][-1:], knots])
        lines.append(spline(np.concatenate([knots[:1], knots, knots[-1:]])))
    return np.concatenate(lines)


def loop(text: str) -> Points:
    """Return the smooth closed line through the points of a text."""
    knots = knots_of(text)
    return spline(np.concatenate([knots[-1:], knots, knots[:2]]))


def segment(x: float, z: float, right: float, up: float) -> Points:
    """Return a short straight line."""
    return np.array([(x, z), (x + right, z + up)], dtype=float)


def spread(line: Points, count: int) -> Points:
    """Return evenly spaced points on a line."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    reached = np.concatenate([[0], np.cumsum(lengths)])
    wanted = np.linspace(0, reached[-1], count)
    return np.stack([np.interp(wanted, reached, axis) for axis in line.T], axis=1)


def stitches(line: Points, count: int) -> list[Points]:
    """Cut a line into short dashes."""
    return np.split(spread(line, 2 * count), count)


def at_height(plan: Points, z: float) -> Points:
    """Lift an outline on the ground (x, y) to a height."""
    return np.column_stack([plan, np.full(len(plan), z)])


# --- Relief ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pose:
    """How a shoe stands before the camera; angles are in degrees."""

    turn: float  # About the upright axis; negative turns the toe towards the viewer.
    tilt: float  # Of the camera: 0 looks along the ground, 90 straight down.
    roll: float  # Of the picture.
    faces_left: bool
    length: float
    height: float
    left_foot: bool = False
    forward: float = 0  # Moves one shoe of a pair.
    across: float = 0

    def project(self, points: Points) -> Points:
        """Return where points of the shoe appear, relative to where it stands, y upwards."""
        x = (points[:, 0] - 150) * self.length + self.forward
        y = points[:, 1] if points.shape[1] == 3 else np.zeros(len(points))
        y = (-y if self.left_foot else y) + self.across
        z = points[:, -1] * self.height
        turn, tilt, roll = (math.radians(a) for a in (self.turn, self.tilt, self.roll))
        back = x * math.sin(turn) + y * math.cos(turn)
        nearness = 1100 / (1100 + back * math.cos(tilt) - z * math.sin(tilt))
        right = (
            (x * math.cos(turn) - y * math.sin(turn)) * nearness * (-1 if self.faces_left else 1)
        )
        up = (z * math.cos(tilt) + back * math.sin(tilt)) * nearness
        cos, sin = math.cos(roll), math.sin(roll)
        return np.stack([right * cos - up * sin, right * sin + up * cos], axis=1)


@dataclass(frozen=True)
class Lamp:
    """Where the light comes from, in degrees, and how bright it is."""

    angle: float
    elevation: float
    brightness: float

    def direction(self) -> Pixels:
        """Return the unit vector to the lamp: right, down and towards the viewer."""
        angle, elevation = math.radians(self.angle), math.radians(self.elevation)
        right, up = math.cos(angle), math.sin(angle)
        flat = math.cos(elevation)
        return np.array([right * flat, -up * flat, math.sin(elevation)], np.float32)


@dataclass(frozen=True)
class Finish:
    """What a piece of a shoe is made of."""

    colour: str
    bulge: float = 2  # How much the piece swells inside its edge, ...
    lift: float = 0.6  # ... and how thick it is at the edge.
    gloss: float = 0.2
    stiff: bool = False  # Whether it hides the shape of what lies below.


def darker(colour: str, factor: float = 0.6) -> str:
    """Return a darker tone of a colour."""
    red, green, blue = (round(value * factor) for value in ImageColor.getrgb(colour)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def groove(colour: str) -> Finish:
    """Return the finish of a seam that sinks into a piece of the colour."""
    return Finish(darker(colour, 0.7), 0.5, -0.8)


def metal(colour: str = "goldenrod") -> Finish:
    """Return the finish of buckles and the like."""
    return Finish(colour, 1.5, 2, 0.9)


def blur(values: NDArray[np.floating], sigma: float) -> Pixels:
    """Blur without rounding to 8 bits, which would show as bands in the light."""
    down, right = np.fft.fftfreq(values.shape[0])[:, None], np.fft.rfftfreq(values.shape[1])
    transfer = np.exp(-2 * (np.pi * sigma) ** 2 * (down**2 + right**2)).astype(np.float32)
    return np.fft.irfft2(np.fft.rfft2(values) * transfer, s=values.shape).astype(np.float32)


class Relief:
    """A shoe built from pieces, each of which lies on the earlier ones."""

    def __init__(self, pose: Pose) -> None:
        """Start with nothing."""
        self.pose = pose
        self.bend: Callable[[Points], Points] = np.copy  # Reshapes all that is drawn after.
        self.colour = np.zeros((CANVAS[1], CANVAS[0], 3), np.float32)
        self.height = np.zeros((CANVAS[1], CANVAS[0]), np.float32)
        self.gloss = np.zeros_like(self.height)
        self.cover = Image.new("L", CANVAS)

    def fill(
        self, finish: Finish, *outlines: Points, within: Image.Image | None = None
    ) -> Image.Image:
        """Add one piece with the outlines, inside an earlier mask if given; return its mask."""
        mask = Image.new("L", CANVAS)
        for outline in outlines:
            ImageDraw.Draw(mask).polygon(self._locate(outline), fill=255)
        return self._lay(mask, finish, within)

    def line(
        self, finish: Finish, width: float, *paths: Points, within: Image.Image | None = None
    ) -> Image.Image:
        """Add cords of an even width as one piece; return its mask."""
        mask = Image.new("L", CANVAS)
        for cord in paths:
            pixels = self._locate(cord)
            ImageDraw.Draw(mask).line(pixels, fill=255, width=round(width * SCALE), joint="curve")
        return self._lay(mask, finish, within)

    def band(
        self,
        finish: Finish,
        widths: Sequence[float],
        middle: Points,
        within: Image.Image | None = None,
    ) -> Image.Image:
        """Add a strap whose width changes along its middle; return its mask."""
        pixels = np.array(self._locate(middle))
        prefetch = np.gradient(pixels, axis=0)
        prefetch /= np.linalg.norm(prefetch, axis=1, keepdims=True) + 1e-9
        places = np.linspace(0, 1, len(pixels))
        width = np.interp(places, np.linspace(0, 1, len(widths)), widths) * SCALE
        side = np.stack([-prefetch[:, 1], prefetch[:, 0]], axis=1) * width[:, None] / 2
        edge = np.concatenate([pixels + side, (pixels - side)[::-1]])
        mask = Image.new("L", CANVAS)
        ImageDraw.Draw(mask).polygon([(x, y) for x, y in edge], fill=255)
        return self._lay(mask, finish, within)

    def light(self, lamp: Lamp, grain: float, rng: np.random.Generator) -> Image.Image:
        """Return the shoe as the lamp shows it, on a transparent canvas."""
        box = self.cover.getbbox() or (0, 0, *CANVAS)
        area = slice(box[1], box[3]), slice(box[0], box[2])
        pores = rng.normal(0, grain, self.height[area].shape).astype(np.float32)
        height = blur(self.height[area] + pores, 0.45 * SCALE)
        down, right = np.gradient(height)
        normal = np.stack([-right, -down, np.ones_like(height)], axis=-1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)

        direction = lamp.direction()
        halfway = direction + np.array([0, 0, 1], np.float32)  # The normal of a perfect mirror.
        halfway /= np.linalg.norm(halfway)
        diffuse = (normal @ direction).clip(0) / direction[2]
        shine = (normal @ halfway).clip(0) ** 24 * self.gloss[area]
        crease = ((blur(height, 2.5 * SCALE) - height) / (4 * SCALE)).clip(0, 1)
        shade = (0.42 + 0.58 * diffuse) * (1 - 0.75 * crease) * lamp.brightness
        shoe = Image.new("RGBA", CANVAS)
        shoe.paste(to_image(self.colour[area] * shade[..., None] + 200 * shine[..., None]), box[:2])
        shoe.putalpha(self.cover)
        return shoe

    def shadow(self, lamp: Lamp) -> Image.Image:
        """Return a mask of the ground that the sole keeps dark."""
        mask = Image.new("L", CANVAS)
        ImageDraw.Draw(mask).polygon(self._locate(at_height(FOOTPRINT, 0)), fill=255)
        right, down, _ = lamp.direction() * -4 * SCALE
        return ImageChops.offset(mask, round(right), round(down))

    def _locate(self, points: Points) -> list[tuple[float, float]]:
        seen = self.pose.project(self.bend(points)) * SCALE
        return [(STAND[0] + x, STAND[1] - y) for x, y in seen]

    def _lay(self, mask: Image.Image, finish: Finish, within: Image.Image | None) -> Image.Image:
        if within is not None:
            mask = ImageChops.multiply(mask, within)
        box = mask.getbbox()
        if box is None:  # Nothing of the piece is inside.
            return mask
        sigma = finish.bulge * SCALE
        margin = round(2 * sigma) + 1
        left, top = max(box[0] - margin, 0), max(box[1] - margin, 0)
        area = slice(top, box[3] + margin), slice(left, box[2] + margin)
        cover = np.asarray(mask, np.float32)[area] / 255
        inside = cover > 0
        if finish.stiff:
            self.height[area][inside] = self.height[area][inside].mean()
        swell = np.sqrt((2 * blur(cover, sigma) - 1).clip(0, 1))
        self.height[area] += cover * (finish.lift + finish.bulge * swell) * SCALE
        self.colour[area][inside] = ImageColor.getrgb(finish.colour)[:3]
        self.gloss[area][inside] = finish.gloss
        self.cover = ImageChops.lighter(self.cover, mask)
        return mask


def to_image(pixels: NDArray[np.floating]) -> Image.Image:
    """Return an image of pixel values, cut to the range of a byte."""
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


# --- Shoes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ObjectMetadata:
    """The design of a shoe."""

    style: str
    main: str
    accent: str
    trim: str
    sole: str
    gloss: float

    def upper(self, bulge: float = 15) -> Finish:
        """Return the finish of the part that covers the foot."""
        return Finish(self.main, bulge, 2, self.gloss, stiff=True)


FOOTPRINT = loop(
    "0,0 12,-27 55,-35 115,-34 185,-45 245,-46 284,-30 300,4"
    " 288,32 248,43 190,37 120,25 60,31 12,26"
)


def smoothstep(*steps: Points) -> Points:
    """Rise smoothly from 0 to 1 as all the steps do."""
    clipped = np.array(steps).clip(0, 1)
    return np.asarray(np.prod(clipped**2 * (3 - 2 * clipped), axis=0))


def raise_shaft(points: Points, ankle: float, rise: float) -> Points:
    """Lift what lies above the ankle, but not the toes, to make a high shoe of a low one."""
    bent = points.copy()
    bent[:, -1] += rise * smoothstep((points[:, -1] - ankle) / 38, (190 - points[:, 0]) / 90)
    return bent


def raise_heel(points: Points, rise: float, solid: float) -> Points:
    """Lift the rear of a shoe; what lies below ``solid`` reaches down to the ground."""
    bent = points.copy()
    slope = smoothstep((215 - points[:, 0]) / 190)
    bent[:, -1] += rise * slope * (points[:, -1] / solid).clip(0, 1)
    return bent


def draw_laces(relief: Relief, throat: Points, colour: str, bow: bool = True) -> None:
    """Lace a shoe along its throat, which runs from the ankle to the toes."""
    knots = spread(throat, 7)
    prefetch = (knots[-1] - knots[0]) / np.linalg.norm(knots[-1] - knots[0])
    out = np.array([-prefetch[1], prefetch[0]])
    eyelets = [np.stack([k - 13 * out - 2 * prefetch, k - 13 * out + 3 * prefetch]) for k in knots]
    relief.line(Finish("#2e2c2c", 1, -0.5), 5, *eyelets)
    rungs = [
        np.stack([k - 13 * out, k - 2 * out - 2 * prefetch, k + 6 * out - 6 * prefetch])
        for k in knots
    ]
    cord = Finish(colour, 1.4, 1)
    relief.line(cord, 5.5, *rungs)
    if bow:
        loops = "0,0 24,8 34,-10 16,-14 0,0", "0,0 -20,2 -32,-16 -16,-18 0,0", "0,0 4,-18 -4,-34"
        relief.line(cord, 4.5, *(path(text) + knots[0] for text in loops))
        relief.fill(cord, loop("-6,0 0,6 6,0 0,-6") + knots[0])


def detail_chelsea_boot(relief: Relief, look: ObjectMetadata, upper: Image.Image) -> None:
    """Add the elastic at the ankle and a loop to pull."""
    elastic = path("34,200 | 90,200 | 86,150 64,100 44,130 34,200")
    gusset = relief.fill(Finish(look.accent, 1, -1.5, 0), elastic, within=upper)
    ribs = [segment(x, 90, 0, 110) for x in range(34, 94, 5)]
    relief.line(groove(look.accent), 1.5, *ribs, within=gusset)
    relief.line(groove(look.main), 2, path("64,102 68,70 58,20"), within=upper)
    relief.line(Finish(look.accent), 7, path("12,176 4,200 12,214 20,200 20,176"))


def detail_work_boot(relief: Relief, look: ObjectMetadata, upper: Image.Image) -> None:
    """Add a padded collar, caps at toe and heel, and laces."""
    padding = Finish(look.accent, 4, 1)
    relief.line(padding, 17, path("0,184 60,178 120,186"), within=upper)
    caps = path("236,96 226,56 232,10 | 310,10 | 310,96"), path("-4,96 40,88 72,56 80,14 | -10,14")
    relief.fill(Finish(darker(look.main, 0.75), 4, gloss=look.gloss), *caps, within=upper)
    seam = path("94,178 98,128 134,84 150,60 146,16")
    relief.line(Finish(look.trim), 1.6, *stitches(seam, 30), within=upper)
    draw_laces(relief, path("113,178 118,130 156,97"), look.trim)


def detail_rain_boot(relief: Relief, look: ObjectMetadata, upper: Image.Image) -> None:
    """Add a coloured rim and a strap to tighten the shaft."""
    relief.line(Finish(look.accent, 3), 12, path("6,187 60,181 116,188"), within=upper)
    relief.line(Finish(look.accent), 5, path("0,40 300,40"), within=upper)
    relief.line(Finish(look.accent), 9, path("14,162 40,159 64,162"))
    relief.fill(metal("silver"), path("54,154 | 68,154 | 68,169 | 54,169"))


def detail_zip_boot(relief: Relief, look: ObjectMetadata, upper: Image.Image) -> None:
    """Add a zip along the shaft and a strap around the ankle."""
    zipper = path("66,194 66,130 64,80 74,26")
    relief.line(groove(look.main), 9, zipper, within=upper)
    relief.line(metal("silver"), 4.5, *stitches(zipper, 60), within=upper)
    relief.line(Finish(look.accent), 9, path("0,112 60,98 132,106"), within=upper)
    relief.fill(metal(), path("90,92 | 106,94 | 105,110 | 89,108"))


BOOT_DETAILS = {
    "chelsea": detail_chelsea_boot,
    "work": detail_work_boot,
    "rain": detail_rain_boot,
    "zip": detail_zip_boot,
}


def draw_boots(relief: Relief, look: ObjectMetadata) -> None:
    """Draw a boot: Chelsea boot, work boot, rain boot or heeled boot with a zip."""
    if look.style == "rain":
        relief.bend = partial(raise_shaft, ankle=110, rise=72)
    elif look.style == "zip":
        relief.bend = lambda points: raise_heel(raise_shaft(points, 110, 84), 36, solid=5)
    relief.fill(Finish(darker(look.main, 0.42)), loop("14,192 60,203 112,194 60,184"))
    if look.style == "work":
        tongue = loop("92,180 96,206 112,211 126,190 124,150 140,112 110,120")
        relief.fill(Finish(look.accent, 6), tongue)
    outline = "14,20 4,44 10,92 17,140 12,194 | 60,187 112,195"
    outline += "| 113,150 122,118 152,97 200,88 250,77 284,55 298,20 | 150,16 14,20"
    gloss = 0.75 if look.style == "rain" else look.gloss
    upper = relief.fill(replace(look.upper(), gloss=gloss), path(outline))
    BOOT_DETAILS[look.style](relief, look, upper)
    thick = 8 if look.style in ("work", "rain") else 0
    welt = f"297,36 240,{28 + thick} 150,{26 + thick} 4,{28 + thick}"
    sole = f"4,28 | 3,0 | 76,0 | 84,12 | 120,14 170,4 262,0 292,8 302,22 {welt}"
    relief.fill(Finish(look.sole, 3, 4, stiff=True), path(sole))
    relief.line(groove(look.sole), 2, path(welt) - (0, 6))
    if thick:
        lugs = [segment(x, 1, 4, 9) for x in (14, 34, 54, 170, 190, 210, 230, 250, 268)]
        relief.line(Finish(darker(look.sole, 0.5), 1, -1.5), 7, *lugs)


def draw_slab(relief: Relief, look: ObjectMetadata, thickness: float) -> Image.Image:
    """Draw a thick flat sole and return the mask of its upper face."""
    layers = [at_height(FOOTPRINT, z) for z in np.linspace(0, thickness, 20)]
    relief.fill(Finish(look.sole, 3, 1), *layers)
    relief.line(groove(look.accent), 2.5, at_height(FOOTPRINT, thickness / 2))
    relief.fill(Finish(darker(look.main, 0.8), stiff=True), layers[-1])
    face = (FOOTPRINT - (150, 0)) * (0.965, 0.9) + (150, 0)
    return relief.fill(Finish(look.main, 3, -0.6, 0.1), at_height(face, thickness))


def draw_flip_flops(relief: Relief, look: ObjectMetadata) -> None:
    """Draw a flip flop: a flat sole and a Y strap that starts between the toes."""
    bed = draw_slab(relief, look, 18)
    if look.style == "striped":
        bar = path("0,-60,18 | 16,-60,18 | 42,60,18 | 26,60,18")
        bars = [bar + np.array([x, 0, 0]) for x in (15, 55, 95)]
        relief.fill(Finish(look.accent, 0.3, 0), *bars, within=bed)
    elif look.style == "dotted":
        centres = [(x + y / 3, y, 0) for x in range(20, 290, 26) for y in range(-40, 44, 20)]
        dot = loop("-4,0,18 0,4,18 4,0,18 0,-4,18")
        relief.fill(Finish(look.accent, 0.3, 0), *(dot + centre for centre in centres), within=bed)
    rubber = Finish(look.trim, 4, 3, 0.35, stiff=True)
    for y in (25, -31):
        strap = path(f"228,2,18 214,{y * 0.2},34 172,{y * 0.9},48 128,{y * 1.1},40 100,{y},18")
        relief.band(rubber, (8, 15, 19, 18, 13), strap)
    relief.line(rubber, 10, path("228,2,18 225,2,28"))


# Of each strap across the foot: where it starts, how far it leans forward, height and width.
SANDAL_STRAPS = {
    "slide": ((212, -6, 44, 38), (146, -6, 56, 38)),
    "ankle": ((214, -20, 42, 34),),
    "sport": ((228, -6, 40, 28), (166, 10, 54, 24)),
    "gladiator": ((240, -4, 36, 12), (212, -4, 44, 12), (184, -6, 52, 12), (150, -6, 62, 12)),
    "wedge": ((228, -34, 42, 20), (194, 34, 46, 20)),
}


def draw_sandals(relief: Relief, look: ObjectMetadata) -> None:
    """Draw a sandal: straps across the foot and, except for slides, around the ankle."""
    if look.style == "wedge":
        relief.bend = partial(raise_heel, rise=48, solid=20)
    bed = 24
    draw_slab(relief, look, bed)
    leather = Finish(look.accent, 3, 2, look.gloss, stiff=True)
    lining = replace(leather, colour=darker(look.accent, 0.65))
    hole = Finish(darker(look.accent, 0.5), 1, -1.5)
    angle = np.linspace(0, 2 * math.pi, 49)
    ring = np.stack([-54 * np.cos(angle), 30 * np.sin(angle), 10 * np.cos(angle)], axis=1)
    ring += (58, 0, bed + 72)
    if look.style != "slide":
        relief.band(lining, [14], ring[:26])
        for y in (25, -27):
            stay = path(f"46,{y},{bed} 24,{y * 0.9},{bed + 36} 8,{y * 0.45},{bed + 78}")
            relief.band(leather, (15, 14, 13), stay)
    for x, lean, rise, width in SANDAL_STRAPS[look.style]:
        half_width = 34 + 9 * min(max((x - 120) / 80, 0), 1)
        turn = np.linspace(0, math.pi, 37)
        forward, across, up = lean * turn / math.pi, -half_width * np.cos(turn), rise * np.sin(turn)
        middle = np.stack([x + forward, across, bed + up], axis=1)
        crest = round((90 + relief.pose.tilt) / 5)  # Beyond it, the inside is seen.
        relief.fill(lining, ribbon(middle[crest - 1 :], width))
        relief.fill(leather, ribbon(middle[: crest + 1], width))
        if look.style in ("slide", "sport"):
            relief.fill(metal(), ribbon(middle[8:14], width * 1.3))
            relief.fill(hole, ribbon(middle[9:13], width * 0.9))
            relief.line(metal(), 3, middle[8:14])
    if look.style != "slide":
        relief.band(leather, [14], ring[23:])
        relief.band(metal(), [19], ring[29:34])
        relief.band(hole, [13], ring[30:33])


def ribbon(middle: Points, width: float) -> Points:
    """Return the outline of a strap that runs across the foot."""
    half = np.array([width / 2, 0, 0])
    return np.concatenate([middle - half, (middle + half)[::-1]])


def draw_loafers(relief: Relief, look: ObjectMetadata) -> None:
    """Draw a loafer from the side: penny strap, tassels or a metal bit, and no laces."""
    relief.fill(Finish(darker(look.trim)), loop("14,80 70,86 120,92 150,94 160,80 90,56 30,66"))
    outline = "10,18 4,48 12,86 | 32,82 80,66 122,70 146,86 | 156,98 172,100 194,91"
    upper = relief.fill(look.upper(), path(f"{outline} 232,78 268,61 291,40 295,18"))
    edging = Finish(darker(look.main, 0.66), 1, 1)
    relief.line(edging, 4, path("12,85 32,81 80,65 122,69 148,88"))
    seam = path("126,70 170,65 214,64 250,58 266,66 258,80")
    relief.line(edging, 3.2, seam, within=upper)
    puckers = [segment(x, z, 2, -7) for x, z in spread(seam, 24)]
    relief.line(groove(look.main), 1.6, *puckers, within=upper)
    relief.line(groove(look.main), 2, path("52,18 46,44 56,72"))
    if look.style == "tassel":
        cord = Finish(look.accent, 1.5, 1.5)
        relief.line(cord, 4, path("14,74 80,55 124,59 176,90"))
        for x, z in ((186, 88), (204, 84)):
            tassel = path("-4,0 4,2 | 16,-30 | 6,-34 -2,-34 | -4,0") + np.array([x, z])
            relief.fill(replace(cord, bulge=3, stiff=True), tassel)
            fringe = [segment(x + right / 3, z - 10, right, -22) for right in (0, 4, 8)]
            relief.line(groove(look.accent), 1.2, *fringe)
            relief.line(cord, 5, segment(x - 5, z - 6, 12, 1))
    else:
        strap = path("128,18 140,60 156,108 | 192,102 | 176,60 168,18")
        relief.fill(Finish(look.accent, 3, 1.5, look.gloss), strap, within=upper)
    if look.style == "penny":
        relief.fill(groove(darker(look.accent, 0.5)), loop("152,76 160,81 173,77 163,72"))
    elif look.style == "bit":
        rings = [loop("-8,0 0,9 8,0 0,-9") + centre for centre in ((147, 58), (180, 94))]
        relief.line(metal(), 5, path("150,62 162,72 178,90"))
        relief.line(metal(), 4, *rings)
    sole = "4,27 | 3,0 | 74,0 | 82,11 | 120,12 180,4 260,2 290,8 300,20 294,28 240,18 150,20 4,27"
    relief.fill(Finish(look.sole, 2, 4, stiff=True), path(sole))
    relief.line(groove(look.sole), 1.8, path("4,19 80,17"))


def draw_sneakers(relief: Relief, look: ObjectMetadata) -> None:
    """Draw a sneaker: running shoe, court shoe or high-top."""
    if look.style == "high":
        relief.bend = partial(raise_shaft, ankle=66, rise=76)
    relief.fill(Finish(darker(look.accent, 0.55)), path("13,118 60,112 104,122 | 112,80 | 20,76"))
    tongue = loop("90,108 98,136 112,142 136,120 188,84 140,76")
    relief.fill(Finish(look.accent, 6, 1), tongue)
    outline = "10,22 5,50 12,84 8,121 | 20,123 40,106 64,99 86,106 100,120"
    outline += "| 142,100 190,76 | 228,70 264,60 289,42 296,18"
    upper = relief.fill(look.upper(), path(outline))
    panel = Finish(look.accent, 3, 1)
    relief.line(panel, 9, path("8,117 20,118 40,102 64,95 86,102 102,116"), within=upper)
    counter = path("-6,96 30,88 52,58 58,14 | -10,14")
    eyestay = path("94,126 142,106 196,80 | 208,62 160,74 118,90 92,104")
    relief.fill(panel, counter, eyestay, within=upper)
    seam = path("94,100 118,87 160,71 206,59")
    relief.line(Finish(look.trim), 1.6, *stitches(seam, 22), within=upper)
    badge = Finish(look.trim, 1.5, 1)
    if look.style == "runner":
        relief.fill(panel, path("296,52 266,46 236,34 190,14 | 310,14"), within=upper)
        chevron = path("84,36 | 112,56 | 92,78")
        relief.line(badge, 7, chevron, chevron + np.array([24, 0]), within=upper)
    elif look.style == "court":
        relief.line(groove(look.main), 2, path("230,76 236,54 224,22"), within=upper)
        holes = [segment(248 + 9 * i, 57 - 7 * i, 3, -1) for i in range(4)]
        relief.line(groove(look.main), 4, *holes)
        relief.line(badge, 6, loop("114,54 130,70 146,54 130,38"), within=upper)
    else:
        cap = path("232,78 238,54 226,14 | 310,14 | 310,78")
        relief.fill(Finish("whitesmoke", 5, gloss=0.4), cap, within=upper)
        relief.line(badge, 8, path("92,24 124,62 190,46"), within=upper)
    draw_laces(relief, path("103,117 144,98 188,76"), look.trim)

    thick = 8 if look.style == "runner" else 0
    edge = f"296,44 240,32 160,{28 + thick / 2} 70,{34 + thick} 0,{40 + thick}"
    sole = path(f"0,{40 + thick} -6,20 8,0 | 232,0 | 272,4 294,14 303,32 {edge}")
    rubber = relief.fill(Finish(look.sole, 5, 4, stiff=True), sole)
    relief.line(panel, 5, path("-6,4 120,3 232,3 274,8 304,28"), within=rubber)
    relief.line(groove(look.sole), 2.5, path(edge) - (0, 10), within=rubber)


def draw_soccer_shoes(relief: Relief, look: ObjectMetadata) -> None:
    """Draw a soccer shoe: low and sleek, with studs below the sole."""
    places = [np.array([x, 0]) for x in (24, 58, 168, 204, 240, 270)]
    stud, tip = path("-10,24 | 11,24 | 6,-4 | -5,-4"), path("-6,3 | 7,3 | 6,-4 | -5,-4")
    relief.fill(Finish(look.accent, 3, 1, 0.5), *(stud + place for place in places))
    relief.fill(Finish(darker(look.accent, 0.7), 1, gloss=0.5), *(tip + place for place in places))
    if look.style == "sock":  # The studs above stay as they are.
        relief.bend = partial(raise_shaft, ankle=60, rise=36)
    relief.fill(Finish(darker(look.accent, 0.5)), loop("14,100 60,94 104,104 90,70 30,66"))
    if look.style != "sock":
        relief.fill(Finish(look.accent, 5, 1), loop("92,92 98,114 110,118 140,98 190,70 130,68"))
    outline = "10,26 4,50 12,80 10,104 | 22,105 44,88 70,82 94,93 104,104"
    outline += "| 150,84 200,62 | 240,57 276,46 297,34 301,24"
    upper = relief.fill(look.upper(14), path(outline))
    flash = Finish(look.trim, 1, 0.6)
    if look.style == "bolt":
        bolt = path("70,20 | 118,66 | 124,46 | 186,70 | 150,40 | 142,52 | 100,20")
        relief.fill(flash, bolt, within=upper)
    elif look.style == "blades":
        for x in range(28, 150, 20):
            blade = path(f"{x},22 {x + 26},46 {x + 30 + x / 6},84")
            relief.band(flash, (10, 6, 2), blade, within=upper)
    else:
        spots = [segment(x + z / 2, z, 6, 2) for x in range(60, 250, 14) for z in range(32, 84, 10)]
        relief.line(flash, 3, *spots, within=upper)
    ribs = [path(f"{x},62 {x + 14},48 {x + 18},34") for x in range(206, 272, 10)]
    relief.line(groove(look.main), 2, *ribs, within=upper)
    panel = Finish(look.accent, 3, gloss=0.5)
    relief.fill(panel, path("-6,78 26,72 44,48 48,18 | -10,18"), within=upper)
    relief.line(panel, 6, path("8,102 22,101 44,85 70,79 106,100"), within=upper)
    if look.style != "sock":
        draw_laces(relief, path("108,101 150,83 194,64"), look.trim, bow=False)
    plate = "2,40 -2,28 8,17 | 80,18 120,22 160,17 240,16 284,20 305,32"
    plate += " 298,38 250,30 180,28 110,32 50,32 2,40"
    relief.fill(Finish(look.sole, 3, 3, 0.5, stiff=True), path(plate))


# --- Photography -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A class of shoes: how to draw it and what its pictures vary in."""

    draw: Callable[[Relief, ObjectMetadata], None]
    styles: Sequence[str]
    views: Sequence[str]
    colours: Sequence[str]
    soles: Sequence[str] = RUBBERS


UPRIGHT_VIEWS = ("side", "turned", "side", "turned pair")
FLAT_VIEWS = ("oblique", "top pair", "low", "top", "oblique pair")
KINDS = {
    "boots": Kind(
        draw_boots,
        ("chelsea", "work", "rain", "zip", "work"),
        UPRIGHT_VIEWS,
        (*LEATHERS, *NEUTRALS, NAVY, "seagreen", "gold", "crimson", "lightpink"),
    ),
    "flip_flops": Kind(
        draw_flip_flops,
        ("plain", "striped", "dotted"),
        FLAT_VIEWS,
        (*VIVIDS, *PASTELS, *NEUTRALS, "tan", "saddlebrown"),
    ),
    "loafers": Kind(
        draw_loafers,
        ("penny", "tassel", "bit"),
        UPRIGHT_VIEWS,
        (*LEATHERS, *NEUTRALS, NAVY, "seagreen", "crimson", "lightpink", "lightblue"),
        SOLE_LEATHERS,
    ),
    "sandals": Kind(
        draw_sandals,
        ("slide", "ankle", "sport", "gladiator", "wedge", "slide"),
        FLAT_VIEWS,
        (*LEATHERS, *NEUTRALS, *PASTELS, "crimson", NAVY, "teal"),
    ),
    "sneakers": Kind(
        draw_sneakers,
        ("runner", "court", "high"),
        UPRIGHT_VIEWS,
        (*VIVIDS, *PASTELS, *NEUTRALS, "tan", OXBLOOD),
    ),
    "soccer_shoes": Kind(
        draw_soccer_shoes,
        ("bolt", "blades", "sock"),
        UPRIGHT_VIEWS,
        (*VIVIDS, *NEUTRALS, "lightpink", "lightblue", MINT, "saddlebrown"),
    ),
}


def choose_look(kind: Kind, index: int, rng: random.Random) -> ObjectMetadata:
    """Choose the design of a shoe."""
    main = rng.choice(kind.colours)
    accent = rng.choice([c for c in (*kind.colours, darker(main, 0.7)) if c != main])
    trim = rng.choice([c for c in TRIMS if c not in (main, accent)])
    style = kind.styles[index % len(kind.styles)]
    return ObjectMetadata(
        style, main, accent, trim, rng.choice(kind.soles), rng.choice((0.08, 0.2, 0.4))
    )


def choose_poses(view: str, rng: random.Random) -> list[Pose]:
    """Return how the one or two shoes of a picture stand, the rear one first."""
    turn, tilt, roll = {
        "side": (rng.uniform(-8, 8), rng.uniform(4, 9), rng.uniform(-4, 4)),
        "turned": (rng.uniform(-30, -16), rng.uniform(10, 16), rng.uniform(-2, 2)),
        "low": (rng.uniform(-22, 22), rng.uniform(20, 28), rng.uniform(-3, 3)),
        "oblique": (rng.uniform(-50, -20), rng.uniform(34, 52), rng.uniform(-4, 4)),
        "top": (0, 84, rng.choice((90, 60, 30, 0)) + rng.uniform(-12, 12)),
    }[view.split()[0]]
    length, height = rng.uniform(0.95, 1.05), rng.uniform(0.95, 1.06)
    pose = Pose(turn, tilt, roll, rng.random() < 0.5, length, height)
    if "pair" not in view:
        return [pose]
    rear = replace(pose, left_foot=True, across=60, forward=rng.uniform(-30, 0))
    return [rear, replace(pose, across=-60, forward=rng.uniform(0, 20))]


def clouds(size: Size, cells: Sequence[Size], rng: random.Random) -> Pixels:
    """Return noise around zero: random grids blown up to the size, the first the strongest."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    noise = np.zeros((size[1], size[0]), np.float32)
    for rank, (columns, rows) in enumerate(cells, start=1):
        grid = Image.fromarray(numbers.normal(0, 1 / rank, (rows, columns)).astype(np.float32))
        noise += np.asarray(grid.resize(size, Image.Resampling.BICUBIC))
    return noise


def studio(size: Size, rng: random.Random) -> Pixels:
    """Shade a paper sweep: a wall that bends into the floor."""
    y, x = np.mgrid[0 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    bend = np.exp(-(((y - rng.uniform(0.5, 0.7)) / 0.12) ** 2))
    return np.asarray(1 - 0.1 * bend - 0.06 * y - 0.07 * x**2, np.float32)


def gradient(size: Size, rng: random.Random) -> Pixels:
    """Shade a wall that gets brighter towards one corner."""
    y, x = np.mgrid[0 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    return np.asarray(1.15 - 0.4 * y + rng.uniform(-0.2, 0.2) * x, np.float32)


def boards(size: Size, rng: random.Random) -> Pixels:
    """Shade wooden boards with a grain along them."""
    tone = 1 + 0.06 * clouds(size, [(3, 50), (6, 150), (20, 200)], rng)
    thickness = rng.randint(56, 84)
    for top in range(rng.randrange(thickness) - thickness, size[1], thickness):
        tone[max(top, 0) : top + thickness] *= rng.uniform(0.88, 1.08)
        tone[max(top, 0) : max(top + 2, 0)] *= 0.55
    return tone


def concrete(size: Size, rng: random.Random) -> Pixels:
    """Shade a rough mineral surface."""
    return 1 + 0.035 * clouds(size, [(12, 10), (200, 180), (60, 50), (4, 4)], rng)


STUDIO_COLOURS = ("white", "white", "gainsboro", "#eeccb4", "#aaccc8", "#e4be5a", "#c4b8de")
BACKDROPS = (
    *((studio, colour) for colour in STUDIO_COLOURS),
    *((gradient, colour) for colour in ("#a4bcd4", "#d8a8b0", "#a8a8ae", "#b8c4a4")),
    *((boards, colour) for colour in ("#ba9268", "#806858", "#d8d0c6")),
    *((concrete, colour) for colour in ("#b0aeaa", "#8c9096")),
)


def photograph(kind: Kind, index: int, rng: random.Random) -> Image.Image:
    """Draw one picture of a class."""
    look = choose_look(kind, index, rng)
    lamp = Lamp(rng.uniform(55, 125), rng.uniform(42, 58), rng.uniform(0.92, 1.08))
    grain = rng.choice((0.2, 0.5, 0.9))
    layers = []
    for pose in choose_poses(kind.views[index % len(kind.views)], rng):
        relief = Relief(pose)
        kind.draw(relief, look)
        pores = np.random.default_rng(rng.getrandbits(32))
        layers.append((relief.light(lamp, grain, pores), relief.shadow(lamp)))

    size = rng.choice(PICTURE_SIZES)
    shade, colour = rng.choice(BACKDROPS)
    wall = shade(size, rng)[..., None] * np.array(ImageColor.getrgb(colour)[:3])
    picture = to_image(wall * lamp.brightness)
    place_shoes(picture, layers, room=rng.uniform(0.8, 0.9))
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.9, x.shape)
    vignette = 1 - 0.05 * (x**2 + y**2)
    return to_image(np.asarray(picture) * vignette[..., None] + noise[..., None])


def place_shoes(
    picture: Image.Image, layers: list[tuple[Image.Image, Image.Image]], room: float
) -> None:
    """Paste the shoes and their shadows, so that they fill a part of the picture."""
    boxes = np.array([shoe.getbbox() for shoe, _ in layers])
    start, end = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    size = np.array(picture.size)
    frame = size * ((end - start) / (room * size)).max()
    left, top = ((start + end - frame) / 2).round().astype(int).tolist()
    right, bottom = left + round(frame[0]), top + round(frame[1])

    def reduce(layer: Image.Image) -> Image.Image:
        cut = layer.crop((left, top, right, bottom))
        return cut.resize(picture.size, Image.Resampling.LANCZOS)

    for shoe, shadow in layers:
        for radius, strength in ((14, 0.4), (4, 0.5)):
            soft = reduce(shadow).filter(ImageFilter.GaussianBlur(radius))
            picture.paste("#181414", mask=soft.point([round(v * strength) for v in range(256)]))
        picture.paste(reduce(shoe), mask=reduce(shoe))


def write_pictures(destination: Path) -> None:
    """Write the catalogue and the queries of every class."""
    for name, kind in KINDS.items():
        for index in range(CATALOGUE_SIZE + QUERIES_SIZE):
            part = "catalogue" if index < CATALOGUE_SIZE else "queries"
            file = destination / part / name / f"{name}_{index + 1:02}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture = photograph(kind, index, random.Random(f"{name} {index}"))
            picture.save(file, quality=JPEG_QUALITY)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Draw a small sample data set of shoe pictures.")
    default = Path(__file__).resolve().parents[1] / "data"
    parser.add_argument("destination", nargs="?", type=Path, default=default)
    write_pictures(parser.parse_args().destination)


if __name__ == "__main__":
    main()
