"""The predictions as an Excel workbook, made from the page: a row for each photo, with pictures.

People can decide in it: `decisions.workbook` reads it back. So texts stay texts: no
spreadsheet may turn them into numbers or dates.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import xlsxwriter
from PIL import Image
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from ..classification.nearest import SHOWN
from ..core import workbooks
from ..core.names import ESCAPE
from ..decisions import decisions
from ..decisions import workbook as columns
from ..decisions.decisions import CATALOGUE, OUT, RIGHT, UNDECIDED, WRONG
from ..images import thumbnails
from ..storage.stored import container_of
from .portable import page_data, shrunk

# The longest side of a stored picture, and the space that it is shown in, in pixels.
SIDE, QUALITY = 112, 55
# The least that Pillow allows. It takes half the time, and so small, no one sees it.
REDUCING_GAP = 1.0
WIDTH, HEIGHT = 100, 76
MARGIN = 2
# What Excel allows: characters of a cell and of an address, and links of a sheet.
LONGEST_CELL, LONGEST_LINK, MOST_LINKS = 32_767, 2_000, 65_530
# The words and colours (text, background) of the page.
STATES = {
    "right": ("Right", "#17734F", "#E1F2EA"),
    "wrong": ("Wrong", "#B8370F", "#FBE6DF"),
    "unlabelled": ("No label", "#5A5D63", "#EFEEEA"),
    "refused": ("Refused", "#8A5300", "#FAEFD9"),
    "rejected": ("Rejected", "#8A5300", "#FAEFD9"),
}
DUPLICATES = {"exact": "same bytes as", "near": "copy of", "mirrored": "mirrored copy of"}
HOW_TO = (
    ("Decision", "Choose one for as many photos as you like. Empty the cell to take it back."),
    (RIGHT, "The prediction is right. If there is none, the label is."),
    (WRONG, "Another class, which you choose or write in the column Class. It may be new."),
    (OUT, "Leave the photo out."),
    (CATALOGUE, "Add the photo to the catalogue, with the class in the column Class or its label."),
    ("Then", "Save this workbook beside config.yaml, name it there, and run again:"),
    ("", "decisions: predictions.xlsx"),
    ("", "If you have other files of decisions: decisions: [decisions.csv, predictions.xlsx]"),
)
FONT = {"font_name": "Calibri", "font_size": 11, "valign": "vcenter"}
# XML cannot hold these.
_FORBIDDEN = re.compile("[\ud800-\udfff\ufffe\uffff]")

Card = Mapping[str, Any]  # as the page has it, see `cards.QueryCard`


class _Column(NamedTuple):
    """A column of the sheet.

    Attributes:
        header: its name.
        width: in characters; 0 hides it.
        value: what it shows of a photo: a text, a number, or the content id of a picture.
        format: "text", "input", "percent", "number" or "picture".
        link: the address that it links to, or "".
    """

    header: str
    width: float
    value: Callable[[Card], Any]
    format: str = "text"
    link: Callable[[Card], str] | None = None


class _Picture(NamedTuple):
    """A small picture as a JPEG file, with its size in pixels."""

    data: bytes
    width: int
    height: int


def write(path: Path, page: str, thumbnail_folder: Path, made: datetime, threads: int) -> None:
    """Write the workbook of a page.

    Args:
        path: of the workbook, beside the page.
        page: the report as HTML, see `results_page.render`.
        thumbnail_folder: where its thumbnails are.
        made: when.
        threads: that make pictures.

    Raises:
        UserError: a thumbnail is missing.
    """
    contents = page_data(page)
    cards = contents["cards"]
    shown = _columns(contents, path.parent, made)
    pictures = _pictures(cards, thumbnail_folder, threads)
    # Without temporary files, which would be one for each picture.
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties(
            {"title": f"Predictions of {contents['set']}", "created": made.replace(tzinfo=None)}
        )
        formats = _formats(book)
        sheet = book.add_worksheet("Photos")
        _lay_out(sheet, shown, len(cards), formats)
        linked = _linked(shown, len(cards))
        for number, card in enumerate(cards, 1):
            for place, column in enumerate(shown):
                if column.format != "picture":
                    _put(sheet, number, place, column, card, formats, column.header in linked)
                    continue
                sheet.write_blank(number, place, None, formats["picture"])
                if content_id := column.value(card):
                    _put_picture(sheet, number, place, pictures[content_id])
        classes = contents["classes"]
        _colour(sheet, shown, len(cards), book)
        _restrict(sheet, shown, len(cards), len(classes))
        _write_lists(book, classes, formats)


def set_aside(path: Path) -> Path | None:
    """Rename the workbook at `path` if people have changed it, and return its new name.

    Decisions in it may not have been used yet.
    """
    if not path.exists():
        return None
    with path.open("rb") as stream:
        made, saved = workbooks.times_of(stream)
    if made is not None and made == saved:
        return None
    names = (path.with_name(f"{path.stem}.edited-{n}{path.suffix}") for n in count(1))
    aside = next(name for name in names if not name.exists())
    os.replace(path, aside)
    return aside


def _columns(contents: Mapping[str, Any], folder: Path, made: datetime) -> list[_Column]:
    cards = contents["cards"]
    former = _decided(contents["decided"], contents["set"])
    decided = partial(_decided_on, former)
    fixed = [
        _Column("Photo", 15, lambda card: card["picture"], "picture"),
        _Column(columns.IMAGE, 32, lambda card: card["name"], link=partial(_link, folder)),
        _Column("State", 11, lambda card: STATES[card["status"]][0]),
        _Column(columns.PREDICTION, 18, lambda card: card["prediction"]),
        _Column("Confidence", 13, lambda card: card["confidence"], "percent"),
        _Column(columns.LABEL, 18, lambda card: card["label"]),
        _Column(columns.DECISION, 12, lambda card: decided(card)["decision"], "input"),
        _Column(columns.CLASS, 18, lambda card: decided(card)["label"], "input"),
        _Column(columns.NOTE, 22, lambda card: decided(card)["note"], "input"),
    ]
    for n in range(SHOWN):
        similar = partial(_similar, n)
        fixed += [
            _Column(f"Similar {n + 1}", 15, partial(similar, "picture"), "picture"),
            _Column(
                f"Class {n + 1}", 18, partial(similar, "label"), link=partial(_link_of, n, folder)
            ),
            _Column(f"Similarity {n + 1}", 13, partial(similar, "similarity"), "number"),
        ]
    fixed += _if_any(
        cards,
        _Column("Other likely classes", 22, lambda card: ", ".join(card["others"])),
        _Column("Duplicate", 26, _duplicate),
        _Column("Product", 18, lambda card: (card["product"] or {}).get("name", "")),
        _Column("Reason", 30, lambda card: card["reason"]),
        _Column("Row", 9, lambda card: card["row"]),
        _Column("Note", 30, lambda card: card["note"]),
    )
    hidden = [
        _Column(columns.CONTENT_ID, 0, _content),
        _Column(columns.SET, 0, lambda _: contents["set"]),
        _Column(columns.FORMER_DECISION, 0, lambda card: decided(card)["decision"]),
        _Column(columns.FORMER_CLASS, 0, lambda card: decided(card)["label"]),
        _Column(
            columns.WHEN,
            0,
            lambda card: decided(card)["when"] or made.astimezone(UTC).isoformat(),
        ),
    ]
    return [*fixed, *_extra(cards, [*fixed, *hidden]), *hidden]


def _if_any(cards: Iterable[Card], *columns_: _Column) -> list[_Column]:
    """Return those of the columns that have something to show."""
    return [column for column in columns_ if any(column.value(card) for card in cards)]


def _extra(cards: Iterable[Card], others: Sequence[_Column]) -> Iterator[_Column]:
    """Yield the extra columns of the list; no two columns may look as if they had one name."""
    taken = {column.header.casefold() for column in others}
    names = dict.fromkeys(name for card in cards for name, _ in card["extra_columns"])
    for name in names:
        header = name
        while header.strip().casefold() in taken:
            header += " (list)"
        taken.add(header.strip().casefold())
        yield _Column(header, 18, partial(_extra_value, name))


def _extra_value(name: str, card: Card) -> str:
    return str(dict(card["extra_columns"]).get(name, ""))


def _decided(rows: Iterable[Mapping[str, str]], set_: str) -> dict[str, Mapping[str, str]]:
    """Return the decision on each content in a set that counts, and was made last."""
    on_content: dict[str, list[decisions.Decision]] = {}
    for one in decisions.of_rows(rows):
        if one.decision != UNDECIDED:
            on_content.setdefault(one.content_id, []).append(one)
    counting = (decisions.latest(_counting(made, set_)) for made in on_content.values())
    return {row["content_id"]: row for row in decisions.rows(filter(None, counting))}


def _counting(made: Sequence[decisions.Decision], set_: str) -> Iterator[decisions.Decision]:
    """Yield the decisions on a content in a set that count."""
    joined = decisions.joining(made)
    for one in made:
        if one.set == set_ and (joined or one.decision != CATALOGUE):
            yield one


def _decided_on(former: Mapping[str, Mapping[str, str]], card: Card) -> Mapping[str, str]:
    return former.get(_content(card), {"decision": "", "label": "", "note": "", "when": ""})


def _content(card: Card) -> str:
    """Return the content id of a photo that can be decided on, or ""."""
    usable = card["status"] != "rejected" or card["decision"] == OUT
    return str(card["content"]) if card["content"] and usable else ""


def _similar(number: int, field: str, card: Card) -> Any:
    similar = card["similar"]
    return similar[number][field] if number < len(similar) else None


def _duplicate(card: Card) -> str:
    return f"{DUPLICATES[card['duplicate']]} {card['duplicate_of']}" if card["duplicate"] else ""


def _link(folder: Path, photo: Card) -> str:
    """Return the link from a workbook in `folder` to a photo, or "" where there can be none."""
    path = str(photo["path"])
    if path.startswith(("http://", "https://")):
        return "" if "?#" in path else path  # a digest replaces the query
    if "://" in path or container_of(path.encode()):
        return ""
    if ESCAPE.search(path):  # not UTF-8; no link can say which bytes are meant
        return ""
    return f"external:{quote(os.path.relpath(path, folder))}"


def _link_of(number: int, folder: Path, card: Card) -> str:
    similar = card["similar"]
    return _link(folder, similar[number]) if number < len(similar) else ""


def _linked(shown: Iterable[_Column], photos: int) -> set[str]:
    """Return the columns that can have links: a sheet cannot have more than `MOST_LINKS`."""
    with_links = [column.header for column in shown if column.link]
    return set(with_links[: MOST_LINKS // max(1, photos)])


def _pictures(cards: Iterable[Card], folder: Path, threads: int) -> dict[str, _Picture]:
    """Return small pictures for `cards`, by content id."""
    photos = (photo for card in cards for photo in (card, *card["similar"]))
    ids = sorted({photo["picture"] for photo in photos if photo["picture"]})
    paths = (thumbnails.path_of(folder, id_) for id_ in ids)
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(ids, pool.map(_picture, paths), strict=True))


def _picture(thumbnail: Path) -> _Picture:
    data = shrunk(thumbnail, SIDE, QUALITY, REDUCING_GAP)
    with Image.open(BytesIO(data)) as image:
        return _Picture(data, *image.size)


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    text = {**FONT, "num_format": "@", "text_wrap": True}
    line = {"bottom": 1, "bottom_color": "#DEDCD5"}
    heading = {"bold": True, "bg_color": "#EFEEEA", "text_wrap": True}
    return {
        name: book.add_format(properties)
        for name, properties in {
            "text": text | line,
            "input": text | {"bg_color": "#FFFBE6", "border": 1, "border_color": "#DEDCD5"},
            "percent": FONT | line | {"num_format": "0.0%", "align": "center"},
            "number": FONT | line | {"num_format": "0.000", "align": "center"},
            "picture": line,
            "link": text | line | {"font_color": "#1F5FA8", "underline": 1},
            "heading": FONT | line | heading,
            "plain": text,
            "bold": text | {"bold": True},
        }.items()
    }


def _lay_out(
    sheet: Worksheet, shown: Sequence[_Column], photos: int, formats: Mapping[str, Format]
) -> None:
    sheet.set_default_row((HEIGHT + 2 * MARGIN) * 0.75)  # points
    sheet.set_row(0, 32, formats["heading"])
    for place, column in enumerate(shown):
        sheet.set_column(place, place, column.width or None, None, {"hidden": not column.width})
        sheet.write_string(0, place, column.header, formats["heading"])
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(1, photos), len(shown) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.5)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&R&P / &N")
    last = _place(shown, f"Similarity {SHOWN}")
    sheet.print_area(0, 0, max(1, photos), last)


def _put(
    sheet: Worksheet,
    row: int,
    place: int,
    column: _Column,
    card: Card,
    formats: Mapping[str, Format],
    linked: bool,
) -> None:
    value = column.value(card)
    if value is None or value == "":
        sheet.write_blank(row, place, None, formats[column.format])
    elif isinstance(value, str):
        text = as_cell(value)
        link = column.link(card) if column.link and linked else ""
        if link and len(link) <= LONGEST_LINK:
            sheet.write_url(row, place, link, formats["link"], string=text)
        else:
            sheet.write_string(row, place, text, formats[column.format])
    else:
        sheet.write_number(row, place, value, formats[column.format])


def as_cell(text: str) -> str:
    """Return `text` as a cell can hold it: cut to Excel's limit, which counts UTF-16 units."""
    text = _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_CELL:
        return text
    return units[: 2 * (LONGEST_CELL - 1)].decode("utf-16-le", "ignore") + "…"


def _put_picture(sheet: Worksheet, row: int, place: int, picture: _Picture) -> None:
    """Put a picture into the middle of a cell. Equal pictures are stored once."""
    data, width, height = picture
    scale = min(WIDTH / width, HEIGHT / height)
    sheet.insert_image(
        row,
        place,
        "photo.jpg",
        {
            "image_data": BytesIO(data),
            "x_scale": scale,
            "y_scale": scale,
            "x_offset": MARGIN + (WIDTH - scale * width) / 2,
            "y_offset": MARGIN + (HEIGHT - scale * height) / 2,
            "object_position": 1,  # filters hide it, and sorting moves it
            "decorative": True,  # its name is in the row
        },
    )


def _colour(
    sheet: Worksheet, shown: Sequence[_Column], photos: int, book: xlsxwriter.Workbook
) -> None:
    place = _place(shown, "State")
    for word, colour, background in STATES.values():
        rule = {
            "type": "cell",
            "criteria": "==",
            "value": f'"{word}"',
            "format": book.add_format({"font_color": colour, "bg_color": background, "bold": True}),
        }
        sheet.conditional_format(1, place, max(1, photos), place, rule)


def _restrict(sheet: Worksheet, shown: Sequence[_Column], photos: int, classes: int) -> None:
    """Give the columns of decisions their lists to choose from."""
    last = max(1, photos)
    place = _place(shown, columns.DECISION)
    sheet.data_validation(
        1,
        place,
        last,
        place,
        {
            "validate": "list",
            "source": list(columns.CHOICES),
            "error_title": "Decision",
            "error_message": "Choose right, wrong, out or catalogue, or empty the cell.",
        },
    )
    place = _place(shown, columns.CLASS)
    sheet.data_validation(
        1,
        place,
        last,
        place,
        {
            "validate": "list",
            "source": f"=Classes!$A$2:$A${max(2, classes + 1)}",
            "error_type": "warning",
            "error_title": "New class",
            "error_message": "The catalogue has no class of this name. Is it a new one?",
        },
    )


def _write_lists(
    book: xlsxwriter.Workbook, classes: Sequence[str], formats: Mapping[str, Format]
) -> None:
    sheet = book.add_worksheet("Classes")
    sheet.set_column(0, 0, 40)
    sheet.write_string(0, 0, "Classes of the catalogue", formats["heading"])
    for row, name in enumerate(classes, 1):
        sheet.write_string(row, 0, as_cell(name), formats["plain"])
    sheet = book.add_worksheet("How to decide")
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 90)
    for row, (word, meaning) in enumerate(HOW_TO):
        sheet.write_string(row, 0, word, formats["bold"])
        sheet.write_string(row, 1, meaning, formats["plain"])


def _place(shown: Iterable[_Column], header: str) -> int:
    return [column.header for column in shown].index(header)
