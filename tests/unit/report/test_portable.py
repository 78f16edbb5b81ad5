"""Tests of the report as one file to send."""

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from report_factory import made_cards, write_page
from similar_images.core.errors import UserError
from similar_images.images import thumbnails
from similar_images.report.cards import QueryCard
from similar_images.report.groups import Group
from similar_images.report.portable import AFTER, BEFORE, MOST_CARDS, SIDE, portable, read_view

CLASSES = ["boots", "hats", "</script><script>alert(1)</script>"]


def made_of(page: Path) -> tuple[str, dict[str, Any]]:
    """Return the portable page of `page`, without its data, and that."""
    html = portable(
        page.read_text("utf-8"), page.parent / "report_files", "results/set/report.html"
    )
    head, rest = html.split(BEFORE)
    data, tail = rest.split(AFTER, 1)
    return head + tail, json.loads(data)


def shown(folder: Path, cards: Sequence[QueryCard]) -> list[str]:
    """Return the names of the cards that the portable page of `cards` has."""
    _, reported = made_of(write_page(folder, list(cards), CLASSES))
    return [card["name"] for card in reported["cards"]]


def test_wrong_answers_come_first_then_refused_ones_then_the_least_sure(tmp_path: Path) -> None:
    card = replace(made_cards(1, CLASSES)[0], status="right", confidence=0.1)
    others = [
        replace(card, name="rejected", status="rejected", confidence=None, similar=[]),
        replace(card, name="sure", confidence=0.9),
        *(replace(card, name=f"unsure {n}") for n in range(MOST_CARDS - 3)),
        replace(card, name="unlabelled", status="unlabelled", confidence=0.05),
        replace(card, name="wrong", status="wrong", confidence=0.95),
        replace(card, name="refused", status="refused", confidence=0.99),
    ]
    names = shown(tmp_path, others)
    assert len(names) == MOST_CARDS
    assert {other.name for other in others} - set(names) == {"rejected", "sure"}


def test_the_cards_stay_in_the_order_of_the_page(tmp_path: Path) -> None:
    cards = made_cards(MOST_CARDS + 50, CLASSES)
    names = shown(tmp_path, cards)
    assert names == [card.name for card in cards if card.name in set(names)]


def test_the_whole_page_is_reported_and_its_tables_and_figures_stay_as_they_are(
    tmp_path: Path,
) -> None:
    cards = made_cards(MOST_CARDS + 50, CLASSES)
    page = write_page(tmp_path, cards, CLASSES, figures=True)
    around, reported = made_of(page)
    head, rest = page.read_text("utf-8").split(BEFORE)
    data, tail = rest.split(AFTER, 1)
    assert around == head + tail
    assert reported["portable"]["all"] == MOST_CARDS + 50
    assert reported["portable"]["address"] == "results/set/report.html"
    assert {
        **json.loads(data),
        "cards": reported["cards"],
        "portable": reported["portable"],
    } == reported


def test_it_has_the_pictures_of_its_own_cards_alone_and_small(tmp_path: Path) -> None:
    cards = [
        replace(card, status="right", confidence=n / 1000, similar=[])
        for n, card in enumerate(made_cards(MOST_CARDS + 1, CLASSES))
    ]
    page = write_page(tmp_path, cards, CLASSES)
    large = thumbnails.path_of(tmp_path / "report_files", cards[0].picture or "")
    Image.new("RGB", (560, 420)).save(large)
    _, reported = made_of(page)
    pictures = reported["portable"]["pictures"]
    assert pictures.keys() == {card.picture for card in cards[:-1]}
    with Image.open(BytesIO(b64decode(pictures[cards[0].picture]))) as image:
        assert image.size == (SIDE, SIDE * 3 / 4)


def test_groups_name_no_photos_that_are_not_sent(tmp_path: Path) -> None:
    cards = made_cards(3, CLASSES)
    group = Group("1", ["somewhere/else.jpg"], 0.9, 0.1, "boots")
    around, reported = made_of(write_page(tmp_path, cards, CLASSES, groups=[group]))
    assert reported["groups"] == []
    assert "somewhere/else.jpg" not in around


def test_a_thumbnail_that_is_gone_is_reported_with_what_to_do(tmp_path: Path) -> None:
    cards = made_cards(3, CLASSES)
    page = write_page(tmp_path, cards, CLASSES)
    gone = thumbnails.path_of(tmp_path / "report_files", cards[1].picture or "")
    gone.unlink()
    with pytest.raises(
        UserError, match=f"{gone} is missing, a picture in the report.*--forcerun report"
    ):
        made_of(page)


def test_a_saved_view_decides_which_photos_it_has(tmp_path: Path) -> None:
    cards = made_cards(MOST_CARDS + 50, CLASSES)
    page = write_page(tmp_path / "set", cards, CLASSES)
    view = tmp_path / "view.csv"
    names = [card.name for card in cards[::100]]
    view.write_text("label,image\n" + "".join(f"boots,{name}\n" for name in names), "utf-8")
    folder, address = page.parent / "report_files", "results/set/report.html"
    html = portable(page.read_text("utf-8"), folder, address, read_view(view))
    data = json.loads(html.split(BEFORE)[1].split(AFTER)[0])
    assert [card["name"] for card in data["cards"]] == names
    assert data["portable"]["which"] == "those of a saved view"


def test_a_view_of_other_photos_is_refused(tmp_path: Path) -> None:
    page = write_page(tmp_path, made_cards(3, CLASSES), CLASSES)
    with pytest.raises(UserError, match=r"results/x/report.html has no photo other.jpg. Save"):
        portable(page.read_text("utf-8"), tmp_path, "results/x/report.html", ["other.jpg"])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'image\n"1', "cannot be read"),
        (b"", "has no column image"),
        (b"photo\n1.jpg\n", "has no column image"),
        (b"label;image\nboots;1.jpg\n", "has no column image, separated by commas"),
        (b"label,image\n\n", "names no photos"),
    ],
)
def test_what_is_no_view_is_refused(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "view.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"portable: {path} {fault}.* Save the view"):
        read_view(path)
