"""Numbers and lists in the messages for people."""

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
