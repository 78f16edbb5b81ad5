"""The store: the shards of all collections, in a folder for each model."""

from pathlib import Path

from ..core.errors import UserError
from ..core.file_formats import read_json
from . import shards

# The shards that each collection needs.
PLAN = "plan/shards.json"


def folder(results: Path, backbone: str, fingerprint: str) -> Path:
    """Return the folder in `results` for the shards of a model."""
    return results / "features" / f"{backbone}-{fingerprint[:8]}"


def of_former_models(store: Path) -> list[Path]:
    """Return the folders of the backbone's other models, sorted, if `store` has no shard yet."""
    if any(store.glob("*.parquet")):
        return []
    backbone, _, _ = store.name.rpartition("-")
    others = sorted(store.parent.glob(f"{backbone}-*"))
    return [folder for folder in others if folder != store and any(folder.glob("*.parquet"))]


def unused(results: Path) -> list[Path]:
    """Return the shards in `results` that no plan names, sorted; also parts of them (`.partial`).

    The plans are that of `results` and those of the settings that were compared. The shards that a
    plan copies features from count as long as one of its own shards is missing or damaged.

    Raises:
        DamagedFileError, UserError: as `files.checked`, of a plan.
    """
    used = set()
    for path in (results / PLAN, *results.glob(f"compare/*/results/{PLAN}")):
        plan = read_json(path)
        names = {name for names in plan["shards"].values() for name in names}
        folder = results / "features" / plan["model"]
        if plan["sources"] and not all(_is_whole(folder / f"{name}.parquet") for name in names):
            names |= {*plan["sources"]}
        used |= {folder / f"{name}{end}" for name in names for end in (".parquet", ".partial")}
    kept = {*results.glob("features/*/*.parquet"), *results.glob("features/*/*.partial")}
    return sorted(kept - used)


def _is_whole(shard: Path) -> bool:
    try:
        shards.read_contents(shard)
    except UserError:
        return False
    return True
