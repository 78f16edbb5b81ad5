"""Malformed and odd files, made on the spot, each with what is to become of it.

`CORPUS` is the table. A file is either read, or rejected with a reason that its row gives.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, TiffImagePlugin

pillow_heif.register_heif_opener()

READ = None
DAMAGED = "damaged or truncated: "
NO_IMAGE = "not a JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF image"
TOO_MANY = "too many pixels"
TOO_MUCH = "more than 67108864 bytes beside its pixels"
EITHER = ""  # begins every reason, and need not be one: what a decoder makes of it is its own

FORMATS = {
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tif": "TIFF",
    "heic": "HEIF",
    "avif": "AVIF",
}
ORIENTATION = 0x0112


class Odd(NamedTuple):
    """An odd file.

    Attributes:
        name: path in the collection, as bytes.
        make: returns its bytes.
        reason: how the reason begins that it is rejected for, READ or EITHER.
    """

    name: bytes
    make: Callable[[], bytes]
    reason: str | None


class OnDisk(NamedTuple):
    """What is no common file; `make` makes it at the path given to it."""

    name: bytes
    make: Callable[[bytes], None]
    reason: str | None


def lay_out(folder: Path, corpus: Sequence[Odd | OnDisk]) -> None:
    """Make the files of `corpus` in `folder`."""
    for odd in corpus:
        path = os.path.join(os.fsencode(folder), odd.name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(odd, OnDisk):
            odd.make(path)
        else:
            with open(path, "wb") as stream:
                stream.write(odd.make())


def encode(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def noise(mode: str = "RGB", size: tuple[int, int] = (48, 32), seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(values).convert(mode)


def photo() -> bytes:
    """Return a good JPEG, for files that are odd in other ways."""
    return encode(noise(), "JPEG")


def cut(format_: str, share: float) -> bytes:
    data = encode(noise(), format_)
    return data[: int(share * len(data))]


def flipped(format_: str, place: float) -> bytes:
    """Return a picture with one bit flipped, `place` from 0 (its beginning) to 1 (its end)."""
    data = bytearray(encode(noise(), format_))
    data[int(place * (len(data) - 1))] ^= 0x10
    return bytes(data)


def animation(format_: str, frames: int) -> bytes:
    others = [noise(seed=n, size=(16, 16)) for n in range(1, frames)]
    return encode(noise(size=(16, 16)), format_, save_all=True, append_images=others)


def many_frames() -> bytes:
    """Return a GIF with 100,000 frames."""
    data = encode(noise(size=(16, 16)), "GIF")
    picture = data.index(b",", 13 + 3 * 256)
    return data[:picture] + data[picture:-1] * 100_000 + data[-1:]


def with_profile() -> bytes:
    """Return print colours with a profile of 3 MB, spread over many segments."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encode(noise("CMYK"), "JPEG", icc_profile=profile + bytes(3_000_000))


def small_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def transparent_palette(format_: str) -> bytes:
    return encode(noise().quantize(16), format_, transparency=3)


def oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(noise(), "JPEG", exif=exif)


def many_tags() -> bytes:
    """Return a JPEG whose 5,000 EXIF tags all claim the same 60,000 bytes."""
    tags = b"".join(struct.pack("<HHLL", 1000 + n, 7, 60_000, 8) for n in range(5000))
    return encode(noise(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 5000) + tags)


def chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">L", zlib.crc32(kind + data))
    return struct.pack(">L", len(data)) + kind + data + check


def png(
    width: int,
    height: int,
    *,
    before: Sequence[bytes] = (),
    pixels: bytes | None = None,
    after: Sequence[bytes] = (),
) -> bytes:
    """Return a grey PNG with chunks `before` and `after` its pixels, which are black."""
    if pixels is None:
        pixels = zlib.compress(bytes(height * (width + 1)))
    header = struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *before, chunk(b"IDAT", pixels), *after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def text_bomb(kind: bytes, size: int = 50_000_000, keyword: bytes = b"bomb") -> bytes:
    """Return a chunk whose text or profile is `size` bytes once it is unpacked."""
    between = b"\0\1\0\0\0" if kind == b"iTXt" else b"\0\0"
    return chunk(kind, keyword + between + zlib.compress(bytes(size)))


def text_bombs() -> list[bytes]:
    """Return chunks each of which is small enough, and too much together."""
    return [text_bomb(b"zTXt", 1_000_000, b"%d" % n) for n in range(80)]


def huge_bmp() -> bytes:
    data = bytearray(encode(noise(), "BMP"))
    data[18:26] = struct.pack("<ll", 2**31 - 1, 2**31 - 1)
    return bytes(data)


def huge_gif() -> bytes:
    data = bytearray(encode(noise(), "GIF"))
    data[6:10] = struct.pack("<HH", 65535, 65535)
    return bytes(data)


def huge_webp() -> bytes:
    """Return an animation that claims a canvas of 16384 x 16384 pixels for frames of 16 x 16."""
    data = bytearray(animation("WEBP", 2))
    assert data[12:16] == b"VP8X"
    data[24:30] = 2 * (16383).to_bytes(3, "little")
    return bytes(data)


def huge_jpeg() -> bytes:
    return resized_jpeg(photo(), 65_500)


def tiff(tags: dict[int, int], data: bytes) -> bytes:
    """Return a grey TIFF; the tag whose value is -1 is given the offset of `data`."""
    offset = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHLL", tag, 4, 1, offset if value < 0 else value)
        for tag, value in sorted(tags.items())
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + data


def tiled_tiff(side: int) -> bytes:
    """Return 10 x 10 pixels in one tile with sides of `side`, packed to a thousandth."""
    data = zlib.compress(bytes(side * side))
    sizes = {256: 10, 257: 10, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side}
    return tiff(sizes | {324: -1, 325: len(data)}, data)


def huge_tiff() -> bytes:
    sizes = {256: 2**31, 257: 2**31, 258: 8, 259: 1, 262: 1, 273: -1, 277: 1, 278: 2**31}
    return tiff(sizes | {279: 100}, bytes(100))


def tiff_in_a_circle() -> bytes:
    """Return a TIFF whose second directory is its first."""
    data = bytearray(encode(noise(), "TIFF"))
    (directory,) = struct.unpack_from("<L", data, 4)
    (tags,) = struct.unpack_from("<H", data, directory)
    struct.pack_into("<L", data, directory + 2 + 12 * tags, directory)
    return bytes(data)


def small_heic() -> bytes:
    """Return a HEIC of 2048 x 2048 pixels that claims to have 16 x 16."""
    return with_size(encode(Image.new("RGB", (2048, 2048)), "HEIF"), 16, 16)


def with_size(data: bytes, width: int, height: int) -> bytes:
    """Return the bytes of a HEIC or AVIF with another size in its header."""
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">LL", width, height) + data[place + 8 :]


def resized_jpeg(data: bytes, side: int) -> bytes:
    """Return a JPEG that claims to be a square with sides of `side`."""
    changed = bytearray(data)
    frame = next(place for kind in b"\xc0\xc2" if (place := data.find(bytes([255, kind]))) > 0)
    changed[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(changed)


def progressive_jpeg() -> bytes:
    """Return a progressive JPEG of 144 million pixels, whose coefficients would take 860 MB."""
    return resized_jpeg(encode(noise(), "JPEG", progressive=True, subsampling=0), 12_000)


def unsampled_jpeg() -> bytes:
    """Return a progressive JPEG whose colours are each sampled zero times."""
    data = bytearray(encode(noise(), "JPEG", progressive=True))
    frame = data.index(b"\xff\xc2")
    data[frame + 11 : frame + 19 : 3] = bytes(3)
    return bytes(data)


def cut_jpeg() -> bytes:
    """Return the beginning of a JPEG of 1.6 billion pixels."""
    return resized_jpeg(photo()[:-2], 40_000)


def layers() -> bytes:
    """Return a TIFF with 60 MB of what Photoshop puts beside the picture."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[37724] = bytes(60_000_000)
    tags.tagtype[37724] = 7
    return encode(noise(), "TIFF", tiffinfo=tags)


def many_scans() -> bytes:
    """Return a JPEG of 49 million pixels with 2,000 scans, which takes 160 s."""
    data = encode(Image.new("L", (7000, 7000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 2000 + data[-2:]


def many_segments() -> bytes:
    """Return a JPEG with 70 MB of application data."""
    data = photo()
    segment = b"\xff\xe5" + struct.pack(">H", 65_000) + bytes(64_998)
    return data[:2] + segment * 1077 + data[2:]


def padded_webp() -> bytes:
    data = encode(noise(), "WEBP")
    padding = 70_000_000
    size = struct.pack("<L", len(data) + padding)
    return data[:4] + size + data[8:] + b"JUNK" + struct.pack("<L", padding) + bytes(padding)


def commented_gif() -> bytes:
    """Return a GIF with 100,000 comments before its picture."""
    data = encode(noise(), "GIF")
    picture = data.index(b",", 13 + 3 * 256)
    comment = b"!\xfe" + b"\xff" + b"x" * 255 + b"\0"
    return data[:picture] + comment * 100_000 + data[picture:]


def directory(path: bytes) -> None:
    """Make a folder, with a picture in it, so that it is not passed over in silence."""
    os.mkdir(path)
    with open(os.path.join(path, b"inside.jpg"), "wb") as stream:
        stream.write(photo())


def outside(path: bytes) -> None:
    """Make a link to a picture beside the collection."""
    target = os.path.join(os.path.dirname(path), b"..", b"..", b"outside.jpg")
    with open(target, "wb") as stream:
        stream.write(photo())
    os.symlink(b"../../outside.jpg", path)


# What only a file system can hold.
ON_DISK = [
    OnDisk(b"files/broken link.jpg", partial(os.symlink, b"gone.jpg"), "no such file"),
    OnDisk(b"files/link loop.jpg", partial(os.symlink, b"link loop.jpg"), "too many levels"),
    OnDisk(b"files/folder loop", partial(os.symlink, b"."), "the same folder as "),
    OnDisk(b"files/leaves.jpg", outside, "link that leaves the collection's folder"),
    OnDisk(b"files/device.jpg", partial(os.symlink, b"/dev/zero"), "link that leaves"),
    OnDisk(b"files/pipe.jpg", os.mkfifo, "not a regular file"),
]
MALFORMED = [
    *(
        Odd(b"cut/%d.%s" % (1000 * share, ending.encode()), partial(cut, format_, share), reason)
        for ending, format_ in FORMATS.items()
        if ending in ("png", "webp", "gif", "bmp", "tif")
        for share, reason in ((0.002, EITHER), (0.1, EITHER), (0.5, DAMAGED), (0.9, DAMAGED))
    ),
    *(
        Odd(b"cut/%d.%s" % (1000 * share, ending), partial(cut, format_, share), "")
        for ending, format_ in ((b"heic", "HEIF"), (b"avif", "AVIF"))
        for share in (0.1, 0.5, 0.9)
    ),
    *(
        Odd(b"cut/%d.jpg" % (1000 * share), partial(cut, "JPEG", share), reason)
        for share, reason in ((0.002, DAMAGED), (0.1, EITHER), (0.4, DAMAGED), (0.9, READ))
    ),
    *(
        Odd(
            b"flipped/%d.%s" % (100 * place, ending.encode()),
            partial(flipped, format_, place),
            DAMAGED if (format_, place) == ("PNG", 0.5) else EITHER,
        )
        for ending, format_ in FORMATS.items()
        for place in (0.01, 0.5, 0.99)
    ),
    Odd(b"wrong/empty.jpg", bytes, "empty file"),
    Odd(b"wrong/zeros.jpg", partial(bytes, 5000), NO_IMAGE),
    Odd(b"wrong/text.jpg", lambda: b"This is no picture.\n" * 50, NO_IMAGE),
    Odd(b"wrong/page.jpg", lambda: b"<!doctype html><img src=x.jpg>", NO_IMAGE),
    Odd(b"wrong/drawing.svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", NO_IMAGE),
    Odd(b"wrong/format.jpg", lambda: encode(noise(), "PPM"), NO_IMAGE),
    Odd(b"wrong/icon.png", lambda: encode(noise(), "ICO"), NO_IMAGE),
    Odd(
        b"wrong/script.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NO_IMAGE
    ),
    Odd(b"wrong/two formats.gif", lambda: b"GIF89a" + photo(), EITHER),
]
BOMBS = [
    Odd(b"bombs/declared.bmp", huge_bmp, TOO_MANY),
    Odd(b"bombs/declared.gif", huge_gif, TOO_MANY),
    Odd(b"bombs/declared.jpg", huge_jpeg, TOO_MANY),
    Odd(b"bombs/declared.png", lambda: png(2**31 - 1, 2**31 - 1, pixels=b""), TOO_MANY),
    Odd(b"bombs/declared.tif", huge_tiff, TOO_MANY),
    Odd(b"bombs/declared.webp", huge_webp, TOO_MANY),
    Odd(b"bombs/declared.heic", lambda: with_size(encode(noise(), "HEIF"), 60_000, 60_000), EITHER),
    Odd(
        b"bombs/declared.avif", lambda: with_size(encode(noise(), "AVIF"), 16_000, 16_000), TOO_MANY
    ),
    Odd(b"bombs/small.heic", small_heic, DAMAGED),
    Odd(b"bombs/progressive.jpg", progressive_jpeg, TOO_MANY),
    Odd(b"bombs/cut.jpg", cut_jpeg, DAMAGED),
    Odd(b"bombs/no sampling.jpg", unsampled_jpeg, EITHER),
    Odd(b"bombs/layers.tif", layers, READ),
    Odd(b"bombs/flood.png", lambda: png(10_000, 10_000), TOO_MANY),
    Odd(b"bombs/allowed flood.png", lambda: png(7_000, 7_000), READ),
    Odd(b"bombs/tile.tif", lambda: tiled_tiff(20_000), TOO_MANY),
    Odd(b"bombs/pixels.png", lambda: png(4, 4, pixels=zlib.compress(bytes(200_000_000))), READ),
    Odd(b"bombs/text.png", lambda: png(4, 4, before=[text_bomb(b"zTXt")]), DAMAGED),
    Odd(b"bombs/translation.png", lambda: png(4, 4, before=[text_bomb(b"iTXt")]), DAMAGED),
    Odd(b"bombs/profile.png", lambda: png(4, 4, before=[text_bomb(b"iCCP")]), DAMAGED),
    Odd(b"bombs/texts.png", lambda: png(4, 4, before=text_bombs()), DAMAGED),
    Odd(b"bombs/late texts.png", lambda: png(4, 4, after=text_bombs()), DAMAGED),
    Odd(
        b"bombs/chunk.png", lambda: png(4, 4, before=[chunk(b"prVt", bytes(70_000_000))]), TOO_MUCH
    ),
    Odd(b"bombs/late.png", lambda: png(4, 4, after=[chunk(b"prVt", bytes(70_000_000))]), TOO_MUCH),
    Odd(b"bombs/chunks.png", lambda: png(4, 4, before=[chunk(b"prVt", b"")] * 20_000), READ),
    Odd(b"bombs/scans.jpg", many_scans, "more than 500 scans"),
    Odd(b"bombs/segments.jpg", many_segments, TOO_MUCH),
    Odd(b"bombs/tags.jpg", many_tags, READ),
    Odd(b"bombs/padding.webp", padded_webp, TOO_MUCH),
    Odd(b"bombs/comments.gif", commented_gif, READ),
    Odd(b"bombs/frames.gif", many_frames, READ),
    Odd(b"bombs/circle.tif", tiff_in_a_circle, READ),
]
ODD = [
    *(
        Odd(b"odd/animation.%s" % ending.encode(), partial(animation, FORMATS[ending], 3), READ)
        for ending in ("gif", "webp", "png", "tif")
    ),
    *(
        Odd(b"odd/one pixel.%s" % ending.encode(), partial(encode, noise(size=(1, 1)), kind), READ)
        for ending, kind in FORMATS.items()
    ),
    *(
        Odd(b"odd/orientation %d.jpg" % number, partial(oriented, number), READ)
        for number in range(1, 9)
    ),
    Odd(b"odd/orientation 99.jpg", partial(oriented, 99), READ),
    Odd(b"odd/tall.png", lambda: encode(noise(size=(1, 20_000))), READ),
    Odd(b"odd/wide.jpg", lambda: encode(noise(size=(20_000, 1)), "JPEG"), READ),
    Odd(b"odd/print.jpg", with_profile, READ),
    Odd(b"odd/profile.png", lambda: encode(noise(), icc_profile=small_profile()), READ),
    Odd(b"odd/profile.heic", lambda: encode(noise(), "HEIF", icc_profile=small_profile()), READ),
    Odd(b"odd/print.tif", lambda: encode(noise("CMYK"), "TIFF"), READ),
    Odd(b"odd/16 bit.tif", lambda: encode(noise("I;16"), "TIFF"), READ),
    Odd(b"odd/16 bit.png", lambda: encode(noise("I;16")), READ),
    Odd(b"odd/float.tif", lambda: encode(noise("F"), "TIFF"), READ),
    Odd(b"odd/lab.tif", lambda: encode(noise("LAB"), "TIFF"), READ),
    Odd(b"odd/line art.tif", lambda: encode(noise("1"), "TIFF", compression="group4"), READ),
    Odd(b"odd/palette.png", partial(transparent_palette, "PNG"), READ),
    Odd(b"odd/palette.gif", partial(transparent_palette, "GIF"), READ),
    Odd(b"odd/exif.jpg", lambda: encode(noise(), "JPEG", exif=b"Exif\0\0nonsense"), READ),
    Odd(b"odd/ending.png", photo, READ),
    Odd(b"odd/ending.txt", photo, READ),
    Odd(b"odd/no ending", photo, READ),
    Odd(b"odd/more behind.jpg", lambda: photo() + b"PK\3\4" * 1000, READ),
]
# Good pictures whose names are not.
NAMES = [
    Odd(b"names/" + name, photo, READ)
    for name in (
        b"new\nline.jpg",
        b"return\r.jpg",
        b"tab\t.jpg",
        b'quote".jpg',
        b"apostrophe'.jpg",
        b"comma,.jpg",
        b"semicolon;=1+1.jpg",
        b"-dash.jpg",
        b"--help",
        b"-1",
        b"=1+1.jpg",
        b"'=1+1.jpg",
        b"+1.jpg",
        b"@SUM(A1).jpg",
        b"\t=tab.jpg",
        b"\r=return.jpg",
        b" space .jpg ",
        b"dots...",
        b"back\\slash.jpg",
        b"null\\0.jpg",
        b"\xff.jpg",
        b"\\xff.jpg",
        "Stöckelschuh €, 靴, \u202egpj.jpg".encode(),
        b"{shard}{wildcards.collection}.jpg",
        b"%s%n%(x)s.jpg",
        b"*?[a-z].jpg",
        b"$(touch hacked) `touch hacked`.jpg",
        b"<img src=x onerror=alert(1)>.jpg",
        b"<!--<script>.jpg",
        b"&lt;b&gt;.jpg",
        b"x" * 251 + b".jpg",
    )
] + [
    Odd(b"=HYPERLINK(1)/in the root folder of a class.jpg", photo, READ),
    Odd(b"{class}/braces.jpg", photo, READ),
    Odd(b"*/star.jpg", photo, READ),
    Odd(b"=in no class.jpg", photo, READ),
]
NAMES += [Odd(b"folder.jpg/inside.jpg", photo, READ)]
CORPUS: list[Odd | OnDisk] = [*ON_DISK, *MALFORMED, *BOMBS, *ODD, *NAMES]
