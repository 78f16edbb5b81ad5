"""The templates of the pages, and their scripts. Other packages have more of both."""

import base64
import hashlib
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from ... import __version__
from ...decisions.decisions import MOST_BYTES
from ..texts import visible

TEMPLATES = Path(__file__).parent


@cache  # it caches compiled templates
def environment(*folders: Path) -> jinja2.Environment:
    """Return the Jinja environment of the pages; `style` is their CSS.

    Args:
        folders: of further templates.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, *folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"percent": "{:.1%}".format, "count": "{:,}".format}
    made.globals["style"] = (TEMPLATES / "report.css").read_text("utf-8")
    made.globals["version"] = __version__
    made.globals["most_bytes"] = MOST_BYTES  # of a decisions.csv
    return made


def _shown(value: object) -> object:
    """Return `value` as a page shows it; markup is from the template and is not changed."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def with_scripts(*names: str | Path) -> dict[str, object]:
    """Return the variables of a template for its scripts.

    The page's content security policy contains their hashes, so that no other script can run.

    Args:
        names: of scripts beside this file, or the whole paths of others.
    """
    scripts = [(TEMPLATES / name).read_text("utf-8") for name in names]
    hashes = [hashlib.sha256(script.encode()).digest() for script in scripts]
    named = " ".join(f"'sha256-{base64.b64encode(hash_).decode()}'" for hash_ in hashes)
    return {"scripts": scripts, "script_hashes": Markup(named)}  # noqa: S704 - of digits alone
