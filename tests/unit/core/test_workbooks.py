"""Tests of opening workbooks: what is refused before it is read, and when one was saved."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter

from similar_images.core import workbooks

SAVED = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


def made(**replaced: bytes | None) -> BytesIO:
    """Return a workbook, some of whose parts are replaced or, with None, left out."""
    written = BytesIO()
    with xlsxwriter.Workbook(written) as book:
        book.set_properties({"created": SAVED.replace(tzinfo=None)})
        book.add_worksheet().write_string(0, 0, "text")
    changed = BytesIO()
    with ZipFile(written) as old, ZipFile(changed, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            key = name.rpartition("/")[2].partition(".")[0]
            content = replaced.get(key, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return changed


@pytest.fixture(params=["Europe/Berlin", "America/New_York"])
def hours_ahead(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the time zone of this process; gives the hours by which it is ahead of UTC in March."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield {"Europe/Berlin": 1, "America/New_York": -5}[request.param]
    time.tzset()


def saved_by(application: str) -> bytes:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"
    return f'<P xmlns="{kind}"><Application>{application}</Application></P>'.encode()


def test_the_cells_of_a_workbook_are_read() -> None:
    with workbooks.opened(made()) as book:
        assert list(book.worksheets[0].values) == [("text",)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an .xls file, or has a password; save"),
        (b"PK\x03\x04 and no more", "it is damaged .*; save it as an Excel workbook"),
        (made(Content_Types=b"<Types/>").getvalue()[:-30], "it is damaged"),
        (made(workbook=b"<workbook").getvalue(), "it is damaged"),
        (made(sheet1=b"<worksheet><sheetData><row r='x'>").getvalue(), "damaged|invalid"),
    ],
)
def test_what_is_no_workbook_or_a_damaged_one_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words), workbooks.opened(BytesIO(data)) as book:
        list(book.worksheets[0].values)


def test_a_file_of_another_office_program_is_refused_with_what_to_do() -> None:
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with (
        pytest.raises(ValueError, match=r"another kind of file; save it as .* \(.xlsx\)"),
        workbooks.opened(data),
    ):
        pass


def test_what_would_fill_the_memory_when_it_is_unpacked_is_refused_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbooks, "MOST_UNPACKED", 1_000_000)
    bomb = made(sheet1=bytes(1_000_000))
    assert len(bomb.getvalue()) < 20_000
    with pytest.raises(ValueError, match="bytes unpacked; allowed: 1,000,000"):
        workbooks.opened(bomb).__enter__()


def test_entities_that_multiply_are_refused() -> None:
    names = [f"e{n}" for n in range(30)]
    entities = "".join(
        f'<!ENTITY {name} "&{before};&{before};&{before};">' for before, name in pairwise(names)
    )
    text = f'<!DOCTYPE x [<!ENTITY e0 "{"a" * 1000}">{entities}]><sst><si><t>&e29;</t></si></sst>'
    with (
        pytest.raises(ValueError, match="damaged"),
        workbooks.opened(made(sharedStrings=text.encode())),
    ):
        pass


def test_a_workbook_says_itself_when_it_was_made_and_saved() -> None:
    assert workbooks.times_of(made()) == (SAVED, SAVED)
    for core in (None, b"<a/>", b"<a", b"<!DOCTYPE a><a/>"):
        assert workbooks.times_of(made(core=core)) == (None, None)
    assert workbooks.times_of(BytesIO(b"no zip")) == (None, None)


def test_the_time_that_libreoffice_saves_is_that_of_the_clock_on_the_wall(
    hours_ahead: int,
) -> None:
    office = made(app=saved_by("LibreOffice/7.4.7.2$Linux_X86_64"))
    assert workbooks.times_of(office) == (SAVED, SAVED - timedelta(hours=hours_ahead))
    for other in (made(), made(app=None), made(app=saved_by("Microsoft Macintosh Excel"))):
        assert workbooks.times_of(other) == (SAVED, SAVED)


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_a_time_of_libreoffice_that_no_calendar_has_is_none(hours_ahead: int, year: str) -> None:
    with ZipFile(made()) as archive:
        core = archive.read("docProps/core.xml").replace(b"2026-03-01", year.encode())
    office = made(app=saved_by("LibreOffice/24.2"), core=core)
    saved = workbooks.times_of(office).saved
    assert saved is None or str(saved.year) == year[:4].lstrip("0")


def test_a_formula_is_found_wherever_the_text_of_a_sheet_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sheet = b"<worksheet><foo><c><f>1+1</f></c></foo></worksheet>"
    for size in range(1, len(sheet)):
        monkeypatch.setattr(workbooks, "_CHUNK", size)
        assert workbooks.has_formulas(made(sheet1=sheet))
        assert not workbooks.has_formulas(made(sheet1=sheet.replace(b"f>", b"v>")))
