"""Pin the packages in requirements/*.in, with hashes: writes requirements/*.txt.

    .venv/bin/python tools/lock.py

Versions that are pinned stay. To upgrade a group, delete its .txt before. run.txt comes first: the
other groups take its versions, and their files list only what they add.
"""

import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
GROUPS = ("serve", "dev", "bench", "slurm", "cloud", "fuzz")
# Each package begins a line, which its hashes and the packages that need it follow, indented.
PACKAGE = re.compile(r"^\S.*\n(?: .*\n)*", re.MULTILINE)


def pinned(group: str, *options: str) -> list[str]:
    """Pin all packages of a group, and return the part of the file for each."""
    file = REQUIREMENTS / f"{group}.txt"
    command: list[str | Path] = [
        *(Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet"),
        *("--universal", "--python-version", "3.11", "--generate-hashes"),
        *("--no-emit-index-url", "--no-header", "--output-file", file),
        *(*options, f"requirements/{group}.in"),
    ]
    subprocess.run(command, cwd=REQUIREMENTS.parent, check=True)
    return PACKAGE.findall(file.read_text("utf-8"))


def lock() -> None:
    """Pin all groups."""
    shared = {package.splitlines()[0] for package in pinned("run")}
    for group in GROUPS:
        packages = pinned(group, "--constraint", "requirements/run.txt")
        # A package that is needed on more machines than run.txt says is listed again.
        added = [package for package in packages if package.splitlines()[0] not in shared]
        (REQUIREMENTS / f"{group}.txt").write_text("-r run.txt\n" + "".join(added), "utf-8")


if __name__ == "__main__":
    lock()
