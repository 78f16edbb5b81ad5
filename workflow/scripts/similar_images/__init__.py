"""Similar Image Finder: the class of new product photos, and the known photos most like them.

Its public functions and classes are those in `api`, also available from here:
`from similar_images import load_features`. Everything else may change with any version.

Nothing in here knows Snakemake. Each package imports only from those below it: see docs/design.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import *  # noqa: F403

__version__ = "1.0.0"


def __getattr__(name: str) -> Any:
    """Return what `api` calls `name`, imported on first use: every job imports this package."""
    if name == "__all__" or not name.startswith("_"):
        api = import_module(".api", __name__)
        if name in ("__all__", *api.__all__):
            return getattr(api, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


def __dir__() -> list[str]:
    return [*globals(), *import_module(".api", __name__).__all__]
