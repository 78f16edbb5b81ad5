"""The templates of the pages."""

from functools import cache
from pathlib import Path

import jinja2

TEMPLATES = Path(__file__).parents[3] / "templates"


@cache  # it remembers the templates that it has compiled
def environment() -> jinja2.Environment:
    """Return what renders the templates of pages; `style` is what all of them look like."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"percent": "{:.1%}".format, "count": "{:,}".format}
    made.globals["style"] = (TEMPLATES / "report.css").read_text("utf-8")
    return made
