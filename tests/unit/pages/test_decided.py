"""Tests of what the pages are told of decisions."""

from pathlib import Path

from similar_images.pages import decided
from similar_images.pages.cards import Card
from similar_images.pages.decided import COLUMNS, LONG_AGO

ROW = dict(zip(COLUMNS, ("a" * 64, "=1.jpg", "new", "right", "boots", "now", "-"), strict=True))


def card(name: str, content: str, decision: str, label: str) -> Card:
    return Card(
        *(name, name, content, "right", label, label, [], 0, [], None, "", "", ""),
        content=content,
        decision=decision,
    )


def test_files_are_read_without_their_apostrophes_and_with_any_mark_before(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    lines = [",".join(COLUMNS), ",".join(ROW.values()).replace("=1", "'=1")]
    path.write_text("\n".join([*lines, "", ""]), "utf-8-sig")
    assert decided.read([path, path]) == [ROW, ROW]
    assert decided.read([]) == []


def test_decisions_that_the_predictions_alone_know_were_made_long_ago() -> None:
    known = card("1.jpg", "a" * 64, "right", "boots")
    alone = card("2.jpg", "b" * 64, "catalogue", "hats")
    out = card("3.jpg", "c" * 64, "out", "hats")
    undecided = card("4.jpg", "d" * 64, "", "hats")
    rows = decided.of_set("new", [known, alone, alone, out, undecided], [ROW])
    assert rows[0] is ROW
    assert [list(row.values()) for row in rows[1:]] == [
        ["b" * 64, "2.jpg", "new", "catalogue", "hats", LONG_AGO, ""],
        ["c" * 64, "3.jpg", "new", "out", "", LONG_AGO, ""],
    ]
