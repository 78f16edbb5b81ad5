"""The version is in three places; the first counts: the package, the citation, the changelog."""

import re
from pathlib import Path

import yaml

from similar_images import __version__

ROOT = Path(__file__).parents[2]


def test_the_citation_and_the_changelog_have_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest, day = re.findall(r"^## (\S+) \((\S+)\)$", changelog, re.M)[0]
    assert (citation["version"], str(citation["date-released"])) == (newest, day)
    assert newest == __version__


def test_the_deployment_page_names_the_tag_of_the_version() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert set(re.findall(r"v\d+\.\d+\.\d+", page)) == {f"v{__version__}"}
