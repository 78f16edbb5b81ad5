"""User-defined names, as figures and pages can show them."""

import re

# What XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets), and the other control characters.
UNSEEN = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Longer names leave no room for the figure.
LONGEST = 40


def visible(text: str) -> str:
    r"""Return `text` with each control character, and whatever else XML cannot hold, as \x01."""
    return UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def short(text: str) -> str:
    """Return `text` as `visible` does, on one line and with at most `LONGEST` characters."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
