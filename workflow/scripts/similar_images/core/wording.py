"""Numbers, lists and names in the messages for people."""

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with its noun: "1 photo", "12,034 photos".

    Args:
        number: how many there are.
        noun: what is counted, of one.
        plural: of several, if it is not `noun` with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def first_of(names: Sequence[str], most: int) -> str:
    """Return the first `most` of `names` and how many more there are: "a, b and 7 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def printable(text: str) -> str:
    r"""Return `text` for one line of a terminal.

    Characters that could control the terminal, break the line, reorder it or not be seen are
    written as in Python's strings, such as \x1b.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
