"""The page that asks about photos.

The page is one file with its scripts and its style. It asks the server for all else.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..report.templates import environment, with_scripts

TEMPLATES = Path(__file__).parent / "templates"
SHARED = ("decisions.js", "deciding.js", "saving.js", "large.js", "cards.js")


def render(data: Mapping[str, Any], decided: Sequence[Mapping[str, str]] = ()) -> str:
    """Return the page as HTML.

    Args:
        data: what the server says of the catalogue: the answer to `GET /catalogue`.
        decided: the decisions that the last run has applied, as rows of decisions.csv.
    """
    template = environment(TEMPLATES).get_template("ask.html.j2")
    data = {**data, "decided": list(decided)}
    return template.render(data=data, **with_scripts(*SHARED, TEMPLATES / "ask.js"))
