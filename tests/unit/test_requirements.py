"""The lock files agree with each other, and with what conda installs."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
PINNED = re.compile(r"^([\w.-]+)==(\S+).*\\\n(?=    --hash)", re.MULTILINE)


def pinned(file: Path) -> dict[str, set[str]]:
    """Return the versions of each package: several, if they differ between versions of Python."""
    versions = defaultdict(set)
    for name, version in PINNED.findall(file.read_text("utf-8")):
        versions[name].add(version)
    return versions


def test_every_line_of_a_lock_file_is_a_package_with_hashes_or_the_shared_file() -> None:
    for file in REQUIREMENTS.glob("*.txt"):
        text = file.read_text("utf-8")
        rest = re.sub(
            r"^    (--hash=sha256:\w{64}( \\)?|#.*)\n", "", PINNED.sub("", text), flags=re.M
        )
        assert rest == ("" if file.stem == "run" else "-r run.txt\n")


def test_a_package_has_the_same_version_in_all_lock_files() -> None:
    shared = pinned(REQUIREMENTS / "run.txt")
    others = [pinned(file) for file in REQUIREMENTS.glob("*.txt")]
    assert len(shared) > 100
    for versions in others:
        assert {n: v for n, v in versions.items() if n in shared and v != shared[n]} == {}


def test_the_environment_of_conda_has_the_locked_versions() -> None:
    shared = pinned(REQUIREMENTS / "run.txt")
    conda = yaml.safe_load((ROOT / "workflow/envs/pipeline.yaml").read_text("utf-8"))
    packages = dict(package.split("==") for package in conda["dependencies"][-1]["pip"])
    needed = re.findall(r"^[\w-]+", (REQUIREMENTS / "run.in").read_text("utf-8"), re.M)
    assert set(packages) == set(needed)
    assert {n: v for n, v in packages.items() if v not in shared[n]} == {}


def test_the_package_with_serve_needs_what_the_page_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = (REQUIREMENTS / "serve.in").read_text("utf-8")
    needed = re.findall(r"^[a-z][^\s#]*", listed, re.M)
    assert project["optional-dependencies"] == {"serve": needed}
