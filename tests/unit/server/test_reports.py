"""Tests of reports as the server sends them."""

from pathlib import Path

from similar_images.report.templates import with_scripts
from similar_images.server.reports import page
from similar_images.server.security import page_policy


def test_a_report_has_the_address_for_decisions_and_its_project(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<head><title>x</title></head>")
    content = page(tmp_path, ".", "1a2b")
    assert content == (
        b'<head>\n<meta name="decisions-address" content="/decisions">\n'
        b'<meta name="project" content="1a2b"><title>x</title></head>'
    )


def test_only_scripts_of_this_program_may_run() -> None:
    policy = page_policy()
    scripts = policy.partition("script-src ")[2].partition(";")[0].split()
    own = str(with_scripts("report.js", "saving.js")["script_hashes"]).split()
    assert set(own) <= set(scripts)
    assert all(script.startswith("'sha256-") for script in scripts)
