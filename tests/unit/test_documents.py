"""What the documents name exists: files, pages that they link to, and commands of make."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow/scripts/similar_images"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOR_DEVELOPERS = [ROOT / "CONTRIBUTING.md", ROOT / "docs/design.md"]
SOURCE = re.compile(r"`([\w./]+(?:/|\.(?:py|md|smk|js|ya?ml|toml)))`")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", FOR_DEVELOPERS, ids=lambda page: page.name)
def test_every_source_file_and_folder_in_backquotes_exists(page: Path) -> None:
    names = [name for name in SOURCE.findall(page.read_text("utf-8")) if "results/" not in name]
    assert len(names) > 5
    assert [n for n in names if not ((ROOT / n).exists() or (LIBRARY / n).exists())] == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_link_leads_to_a_page_and_heading(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text("utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in headings(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    named = re.findall(r"(?:`|^    )make ([\w-]+)", page.read_text("utf-8"), re.M)
    assert set(named) <= set(targets)
