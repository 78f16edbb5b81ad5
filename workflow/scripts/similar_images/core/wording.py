"""How numbers are put into words."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with its noun: "1 photo", "12,034 photos"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
