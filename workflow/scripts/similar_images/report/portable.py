"""The report as one file to send: the page with small pictures inside.

Embedded pictures make a page large and slow: it has a limited number of cards, or those of a view.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from PIL import Image

from ..core.errors import UserError
from ..core.file_formats import csv_lines
from ..images import thumbnails

SAVE_AGAIN = "Save the view on the report again."
# With three similar photos each, the file has about 8 MB and can be sent by mail.
MOST_CARDS = 200
# The longest side of a picture, in pixels.
SIDE = 240
# The text before and after the data in the page.
BEFORE, AFTER = '<script type="application/json" id="data">', "</script>"
# Wrong answers come first, and files that could not be read last.
ORDER = {"wrong": 0, "refused": 1, "unlabelled": 2, "right": 2, "rejected": 3}

Card = Mapping[str, Any]  # as the page has it, see `cards.QueryCard`


def read_view(path: Path) -> list[str]:
    """Return the images of a view that a report saved, in its order.

    Raises:
        UserError: the file cannot be read, or has no column of images.
    """
    try:
        header, *rows = csv_lines(path) or [[]]
    except (OSError, ValueError) as error:
        raise UserError(f"portable: {path} cannot be read ({error}). {SAVE_AGAIN}") from error
    if "image" not in header:
        raise UserError(
            f"portable: {path} has no column image, separated by commas from others. {SAVE_AGAIN}"
        )
    place = header.index("image")
    images = [row[place] for row in rows if len(row) > place]
    if not images:
        raise UserError(f"portable: {path} names no photos. {SAVE_AGAIN}")
    return images


def portable(
    page: str, thumbnail_folder: Path, address: str, view: Sequence[str] | None = None
) -> str:
    """Return `page` as one file with small pictures.

    Args:
        page: the report as HTML, see `results_page.render`.
        thumbnail_folder: where its thumbnails are.
        address: where people find the whole page.
        view: the images to show; if it is None, the `MOST_CARDS` most pressing.

    Raises:
        UserError: a thumbnail is missing, or an image of the view.
    """
    head, data, tail = _parts(page)
    contents = json.loads(data)
    if view is None:
        cards, which = first(contents["cards"]), "the wrong answers, then the least sure ones"
    else:
        cards, which = _chosen(contents["cards"], view, address), "those of a saved view"
    contents["portable"] = {
        "all": len(contents["cards"]),
        "which": which,
        "address": address,
        "pictures": _pictures(cards, thumbnail_folder),
    }
    # The pictures of further neighbours would be most of the file.
    contents["cards"] = [{**card, "further": [[], []]} for card in cards]
    contents["images"] = []
    # They name photos that are not sent.
    contents["groups"] = []
    return f"{head}{BEFORE}{htmlsafe_json_dumps(contents)}{AFTER}{tail}"


def page_data(page: str) -> dict[str, Any]:
    """Return the data in a page, see `results_page.render`."""
    data: dict[str, Any] = json.loads(_parts(page)[1])
    return data


def _parts(page: str) -> tuple[str, str, str]:
    """Return the text before the data of a page, the data, and the text after them."""
    head, _, rest = page.partition(BEFORE)
    data, _, tail = rest.partition(AFTER)
    return head, data, tail


def first(cards: Sequence[Card], most: int = MOST_CARDS) -> list[Card]:
    """Return up to `most` of `cards` in order: wrong answers, then those of lowest confidence."""
    pressing = sorted(range(len(cards)), key=lambda place: _urgency(cards[place]))
    return [cards[place] for place in sorted(pressing[:most])]


def _chosen(cards: Sequence[Card], view: Iterable[str], address: str) -> list[Card]:
    known = {card["name"]: card for card in cards}
    wanted = dict.fromkeys(view)
    for image in wanted:
        if image not in known:
            raise UserError(
                f"portable: {address} has no photo {image}. Save the view on this report again, "
                "and give the setting only for its set, as the report shows"
            )
    return [card for card in cards if card["name"] in wanted]


def _urgency(card: Card) -> tuple[int, float]:
    sureness = 1.0 if card["confidence"] is None else card["confidence"]
    return ORDER[card["status"]], sureness


def _pictures(cards: Iterable[Card], folder: Path) -> dict[str, str]:
    """Return small pictures for `cards` in base64, by content id."""
    photos = [photo for card in cards for photo in (card, *card["similar"])]
    shown = sorted({photo["picture"] for photo in photos if photo["picture"]})
    return {
        picture: base64.b64encode(shrunk(thumbnails.path_of(folder, picture))).decode()
        for picture in shown
    }


def shrunk(
    thumbnail: Path,
    side: int = SIDE,
    quality: int = thumbnails.QUALITY,
    reducing_gap: float = 2.0,
) -> bytes:
    """Return a thumbnail as a JPEG file of at most `side` pixels.

    Args:
        thumbnail: the file.
        side: the longest side, in pixels.
        quality: of the JPEG.
        reducing_gap: see `PIL.Image.Image.thumbnail`.

    Raises:
        UserError: the thumbnail is missing.
    """
    written = BytesIO()
    if not thumbnail.exists():
        raise UserError(
            f"{thumbnail} is missing, a picture in the report. To make the pictures again, run "
            "snakemake --cores 8 --forcerun report"
        )
    with Image.open(thumbnail) as image:
        image.thumbnail((side, side), thumbnails.RESAMPLE, reducing_gap)
        image.save(written, "JPEG", quality=quality)
    return written.getvalue()
