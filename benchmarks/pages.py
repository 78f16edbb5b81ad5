"""Tables for the pages that the benchmarks write."""

from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).with_name("results")
OTHERS = "<!-- What follows is put here by other commands, each section by its own -->"


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table in Markdown, and an empty one."""
    lines = [header, ["---"] * len(header), *rows]
    return [*(f"| {' | '.join(map(str, line))} |" for line in lines), ""]


def write(name: str, text: str) -> None:
    """Write docs/`name`, and leave the sections that other commands have put at its end."""
    page = DOCS / name
    _, _, others = page.read_text("utf-8").partition(OTHERS)
    page.write_text(f"{text.rstrip()}\n\n{OTHERS}{others}", "utf-8")


def put(name: str, heading: str, lines: Iterable[str]) -> None:
    """Put a section at the end of docs/`name`, in the place of that with the same heading."""
    page = DOCS / name
    own, _, others = page.read_text("utf-8").partition(OTHERS)
    sections = {part.partition("\n")[0]: part for part in others.split("\n## ")[1:]}
    sections[heading] = "\n".join([heading, "", *lines]).rstrip() + "\n"
    parts = "".join(f"\n## {section}" for section in sections.values())
    page.write_text(f"{own.rstrip()}\n\n{OTHERS}\n{parts}", "utf-8")
