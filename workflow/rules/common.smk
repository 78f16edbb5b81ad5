"""All functions of the workflow: settings, collections, and what depends on a checkpoint."""

import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import yaml
from snakemake.utils import validate

WORKFLOW = Path(workflow.current_basedir).parent
SCRIPTS = WORKFLOW / "scripts"
sys.path.insert(0, str(SCRIPTS))
# To compare the parameters of jobs Snakemake imports pandas wherever it is installed, for half a
# second of each run. None of them is a table.
sys.modules.setdefault("pandas", None)

from similar_images.base import files, formats, settings
from similar_images.base.errors import DamagedFileError, UserError
from similar_images.catalogue import comparison
from similar_images.photos.summary import check_catalogue, summarise


def hash_of(*patterns):
    """Return a hash of the files below workflow/ that match one of `patterns`."""
    files = sorted({file for pattern in patterns for file in WORKFLOW.glob(pattern)})
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


# Whatever has this as a parameter runs again when any code has changed. Two have not: `extract`,
# since a shard is named by all that it depends on, and `model`, which has that of its own room. To
# build a network takes its time, and by then its weights may no longer be had.
CODE = hash_of("scripts/**/*.py", "templates/*")
NETWORKS_CODE = hash_of(
    *(f"scripts/similar_images/{room}/*.py" for room in ("base", "networks"))
)

SCHEMA = WORKFLOW / "schemas" / "config.schema.yaml"


def checked(setting, check, *args):
    """Return what `check` returns; its complaint ends the run, without a traceback."""
    try:
        return check(*args)
    except UserError as error:
        sys.exit(f"Error in the configuration: {setting}{error}")


schema = yaml.safe_load(SCHEMA.read_text("utf-8"))
checked("", settings.check, config, schema)
validate(config, str(SCHEMA))  # fills in the defaults

ENTRIES = {
    name: comparison.merged(config, changes)
    for name, changes in config["compare"].items()
}
for name, entry in ENTRIES.items():
    checked(f"compare.{name}: ", settings.check, entry, schema)

DECISIONS = []  # files of decisions, as soon as a setting names some
QUERIES = [name for name, path in config["queries"].items() if path is not None]
COLLECTIONS = ["catalogue", *QUERIES]


ADAPTED = config["search"]["metric"] == "adapted"
ADAPTATION = "results/catalogue/adaptation.npz" if ADAPTED else []
INDEX = ["results/catalogue/approximate.faiss", "results/catalogue/approximate.json"]
APPROXIMATE = INDEX if config["search"]["index"] == "approximate" else []
# The three most similar images are shown, whatever the number of votes.
NEIGHBOURS = max(config["search"]["neighbours"], 3)
PICKLED = config["features_pkl"]
EXTRACTION_THREADS = config["extraction"]["threads"]
# What rules read that need the catalogue as a whole: see `images.load`.
CATALOGUE = f"results/catalogue/{'features.pkl' if PICKLED else 'images.parquet'}"


wildcard_constraints:
    collection="|".join(COLLECTIONS),
    queries="|".join(QUERIES) or "none",
    entry="|".join(ENTRIES) or "none",
    model="[A-Za-z0-9]+-[0-9a-f]{8}",
    shard="[0-9a-f]{16}",
    part="[0-9]+",


def setting_of(name):
    return "catalogue" if name == "catalogue" else f"queries.{name}"


def path_of(name):
    return config["catalogue"] if name == "catalogue" else config["queries"][name]


@cache
def summary(name):
    return checked(
        f"{setting_of(name)}: ",
        summarise,
        Path(path_of(name)),
        config["images"]["follow_links"],
        name == "catalogue",
    )


# Jobs on other machines read this file, too, and need not look through the images again.
if workflow.is_main_process:
    for name in COLLECTIONS:
        summary(name)
    checked(
        "",
        check_catalogue,
        summary("catalogue"),
        config["search"]["neighbours"],
    )


def shards_of(*collections):
    """Return the shards that `collections` need, which are known once the plan is made."""
    plan = checkpoints.plan.get().output.shards
    try:
        told = formats.read_json(Path(plan))
    except DamagedFileError as error:
        sys.exit(f"Error: {files.discard(error)}")
    names = {name for collection in collections for name in told["shards"][collection]}
    return [
        f"results/features/{told['model']}/{name}.parquet" for name in sorted(names)
    ]


def features_of(*collections):
    """Return what a target lists so that the features of `collections` are made."""
    return [
        *rules.model.output,
        *expand(rules.manifest.output, collection=COLLECTIONS),
        *rules.plan.output,
        lambda wildcards: shards_of(*collections),
        *expand(rules.merge.output, collection=collections),
    ]
