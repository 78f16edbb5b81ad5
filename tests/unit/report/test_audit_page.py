"""Tests of the audit's page."""

from datetime import UTC, datetime

from similar_images.curation.findings import Finding
from similar_images.report.audit_page import MOST_SHOWN, AuditReport, groups, images, render, shown
from similar_images.report.cards import File


def rows(number: int) -> list[dict[str, str]]:
    """Return so many findings as `audit.csv` holds them."""
    found = [
        Finding("outlier", rank, "boots/1", "boots", "hats/1", "hats", "0.1", "look")
        for rank in range(1, number + 1)
    ]
    return [{name: str(value) for name, value in f._asdict().items()} for f in found]


FILES = {"boots/1": File("x", b"photos/boots/1"), "hats/1": File("y", b"photos/hats/1")}


def test_a_picture_without_a_thumbnail_leaves_its_place_empty() -> None:
    found = groups(rows(1), FILES, {"y"}, "report_files")
    page = render(
        AuditReport(datetime(2026, 1, 2, tzinfo=UTC), "network", [], found, {"x": 1, "y": 1})
    )
    assert page.count("no picture") == 1
    assert 'src="report_files/560/y.jpg"' in page


def test_only_the_first_of_many_findings_are_shown() -> None:
    many = rows(MOST_SHOWN + 5)
    group = groups(many, FILES, set(), "report_files")["outlier"]
    assert (group.number, len(group.cards)) == (MOST_SHOWN + 5, MOST_SHOWN)
    assert images(shown(many)) == {"boots/1", "hats/1"}
