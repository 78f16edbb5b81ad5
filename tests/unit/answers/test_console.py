"""Answers on the console: a block of text for each photo, or a line of JSON."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from similar_images.answers import console
from similar_images.answers.answer import Answer, Neighbour
from similar_images.answers.catalogue import BATCH

ANSWERED = Answer(
    image="new.jpg",
    content_id="c0",
    prediction="boots",
    votes=9,
    voters=10,
    confidence=0.9734,
    likely_classes=["boots"],
    metric="cosine",
    vote_counts=[("boots", 9), ("sandals", 1)],
    neighbours=[
        Neighbour("boots/1.jpg", "boots", 0.912345, "c1"),
        Neighbour("sandals/22.jpg", "sandals", 0.5, "c2"),
    ],
)


def changed(**values: Any) -> Answer:
    return Answer(**{**ANSWERED.__dict__, **values})


def test_a_photo_is_shown_with_its_class_and_its_neighbours() -> None:
    assert console.block(ANSWERED) == (
        "new.jpg\n"
        "  boots, confidence 97%, 9 of 10 votes\n"
        "  similarity  class    image\n"
        "  0.912       boots    boots/1.jpg\n"
        "  0.500       sandals  sandals/22.jpg"
    )


def test_several_likely_classes_a_copy_and_a_note_have_a_line_each() -> None:
    answer = changed(
        likely_classes=["boots", "sandals"],
        duplicate="near",
        duplicate_of="boots/1.jpg",
        note="its end is missing",
    )
    assert console.block(answer).splitlines()[2:5] == [
        "  Likely classes: boots, sandals",
        "  Almost the same pixels as boots/1.jpg",
        "  Note: its end is missing",
    ]


def test_a_copy_says_how_equal_it_is() -> None:
    said = [
        console.block(changed(duplicate=kind, duplicate_of="b/1.jpg")).splitlines()[2]
        for kind in ("exact", "mirrored")
    ]
    assert said == [
        "  Same bytes as b/1.jpg",
        "  Almost the same pixels, mirrored, as b/1.jpg",
    ]


def test_a_confidence_that_is_not_known_is_said() -> None:
    line = console.block(changed(confidence=None)).splitlines()[1]
    assert line == "  boots, confidence not known, 9 of 10 votes"


def test_a_refused_photo_has_the_reason_and_the_votes() -> None:
    answer = changed(prediction=None, votes=None, likely_classes=[], refused="confidence 0.2")
    assert console.block(answer).splitlines()[1:3] == [
        "  No class: confidence 0.2",
        "  Votes: boots 9, sandals 1",
    ]


def test_names_cannot_control_the_terminal() -> None:
    hostile = "\x1b]0;title\x07\n\x9b31m\u202egpj"
    answer = changed(
        image=hostile,
        prediction=hostile,
        likely_classes=["a", hostile],
        duplicate="exact",
        duplicate_of=hostile,
        note=hostile,
        neighbours=[Neighbour(hostile, hostile, 0.5, "c")],
    )
    shown = console.block(answer)
    assert len(shown.splitlines()) == 7
    assert all(line.isprintable() for line in shown.splitlines())
    assert r"\x1b]0;title\x07\n\x9b31m\u202egpj" in shown


def test_photos_are_shown_in_their_order_with_a_line_between(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert console.show([changed(image="b.jpg", neighbours=[]), ANSWERED], as_json=False)
    assert capsys.readouterr().out == (
        "b.jpg\n  boots, confidence 97%, 9 of 10 votes\n\n" + console.block(ANSWERED) + "\n"
    )


def test_a_photo_that_cannot_be_read_is_an_error_beside_the_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = Answer("bad\x1b.jpg", None, error="no image")
    assert not console.show([bad, ANSWERED], as_json=False)
    shown = capsys.readouterr()
    assert shown.out == console.block(ANSWERED) + "\n"
    assert shown.err == "Error: bad\\x1b.jpg: no image\n"


def test_json_has_a_line_for_each_photo_also_for_one_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unreadable = Answer("b\x7f\n.jpg", None, error="no image")
    assert not console.show([ANSWERED, unreadable], as_json=True)
    shown = capsys.readouterr()
    answered, bad = map(json.loads, shown.out.splitlines())
    assert answered == ANSWERED.as_json()
    assert (bad["image"], bad["error"]) == ("b\x7f\n.jpg", "no image")
    assert shown.out.replace("\n", "").isprintable()
    assert "no image" in shown.err


def test_many_photos_are_asked_about_in_groups() -> None:
    groups = []

    class Catalogue:
        def ask_many(self, photos: Sequence[Any], neighbours: int, label: str) -> list[Answer]:
            groups.append(len(photos))
            return [changed(image=photo, neighbours=[], prediction=label) for photo in photos]

    names = [f"{number}.jpg" for number in range(2 * BATCH + 1)]
    catalogue: Any = Catalogue()
    answers = list(console.ask(catalogue, names, 3, "boots"))
    assert [answer.image for answer in answers] == names
    assert groups == [BATCH, BATCH, 1]
