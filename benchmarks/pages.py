"""Tables for the pages that the benchmarks write."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table in Markdown, and an empty one."""
    lines = [header, ["---"] * len(header), *rows]
    return [*(f"| {' | '.join(map(str, line))} |" for line in lines), ""]
