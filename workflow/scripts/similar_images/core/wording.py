"""Numbers in the messages for people."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with its noun: "1 photo", "12,034 photos".

    Args:
        number: how many there are.
        noun: what is counted, of one.
        plural: of several, if it is not `noun` with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
