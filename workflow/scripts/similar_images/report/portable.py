"""The report as one file to send: the page with small pictures inside.

Embedded pictures make a page large and slow, so it has a limited number of cards.
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
from ..images import thumbnails

# With three similar photos each, the file has about 8 MB and can be sent by mail.
MOST_CARDS = 200
# The longest side of a picture, in pixels.
SIDE = 240
# The text before and after the data in the page.
BEFORE, AFTER = '<script type="application/json" id="data">', "</script>"
# Wrong answers come first, and files that could not be read last.
ORDER = {"wrong": 0, "refused": 1, "unlabelled": 2, "right": 2, "rejected": 3}

Card = Mapping[str, Any]  # as the page has it, see `cards.QueryCard`


def portable(page: str, thumbnail_folder: Path, address: str) -> str:
    """Return `page` as one file: with small pictures and at most `MOST_CARDS` cards.

    Args:
        page: the report as HTML, see `results_page.render`.
        thumbnail_folder: where its thumbnails are.
        address: where people find the whole page.

    Raises:
        UserError: a thumbnail is missing.
    """
    head, _, rest = page.partition(BEFORE)
    data, _, tail = rest.partition(AFTER)
    contents = json.loads(data)
    cards = first(contents["cards"])
    contents["portable"] = {
        "all": len(contents["cards"]),
        "address": address,
        "pictures": _pictures(cards, thumbnail_folder),
    }
    contents["cards"] = cards
    return f"{head}{BEFORE}{htmlsafe_json_dumps(contents)}{AFTER}{tail}"


def first(cards: Sequence[Card], most: int = MOST_CARDS) -> list[Card]:
    """Return up to `most` of `cards` in order: wrong answers, then those of lowest confidence."""
    pressing = sorted(range(len(cards)), key=lambda place: _urgency(cards[place]))
    return [cards[place] for place in sorted(pressing[:most])]


def _urgency(card: Card) -> tuple[int, float]:
    sureness = 1.0 if card["confidence"] is None else card["confidence"]
    return ORDER[card["status"]], sureness


def _pictures(cards: Iterable[Card], folder: Path) -> dict[str, str]:
    """Return small pictures for `cards` in base64, by content id."""
    photos = [photo for card in cards for photo in (card, *card["similar"])]
    shown = sorted({photo["picture"] for photo in photos if photo["picture"]})
    return {picture: _small(thumbnails.path_of(folder, picture)) for picture in shown}


def _small(thumbnail: Path) -> str:
    written = BytesIO()
    if not thumbnail.exists():
        raise UserError(
            f"{thumbnail} is missing, a picture in the report. To make the pictures again, run "
            "snakemake --cores 8 --forcerun report"
        )
    with Image.open(thumbnail) as image:
        image.thumbnail((SIDE, SIDE), thumbnails.RESAMPLE)
        image.save(written, "JPEG", quality=thumbnails.QUALITY)
    return base64.b64encode(written.getvalue()).decode()
