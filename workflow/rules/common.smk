"""The settings as the rules need them, and the functions of the rules."""

import os
import sys
from functools import cache
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path

import yaml
from snakemake.logging import logger
from snakemake.sourcecache import LocalSourceFile

SOURCE = workflow.current_basedir
SCRIPTS = isinstance(SOURCE, LocalSourceFile) and Path(SOURCE).parent / "scripts"
CHECKOUT = SCRIPTS and workflow.modifier.is_main_snakefile()


def described():
    """Return how people name this workflow, and how its library is installed."""
    if hasattr(SOURCE, "repo"):
        name = f"{SOURCE.host}/{SOURCE.repo}@{SOURCE.ref}"
        return name, f'pip install "git+https://{name}"'
    if SCRIPTS:
        return SCRIPTS.parents[1], f"pip install {SCRIPTS.parents[1]}"
    return SOURCE, "see docs/deployment.md"


def find_library():
    """Return the library that jobs will use, or end the run with an error.

    It is beside the scripts, unless the workflow is read from a repository: then it must be
    installed. A checkout takes its own library in any case. The jobs of a module take an installed
    one first, since Snakemake adds the folder of their scripts last.
    """
    own = [str(SCRIPTS)] if SCRIPTS else []
    spec = PathFinder.find_spec(
        "similar_images", [*own, *sys.path] if CHECKOUT else [*sys.path, *own]
    )
    if spec is None or spec.origin is None:
        name, command = described()
        sys.exit(
            f"Error: {name} needs its Python package, similar-image-finder, in this environment: "
            f"{command}"
        )
    return Path(spec.origin).parent


LIBRARY = find_library()
# Only for this import: a parent workflow may have modules with the names of our scripts.
sys.path.insert(0, str(LIBRARY.parent))
import similar_images

sys.path.remove(str(LIBRARY.parent))


def check_library():
    """End the run with an error if the library is not that of this version of the workflow."""
    imported = Path(similar_images.__file__).parent
    if imported != LIBRARY:
        sys.exit(
            f"Error: this module needs the library in {LIBRARY}, but another module uses that in "
            f"{imported}. Take both modules from the same checkout or version."
        )
    citation = Path(workflow.source_path("../../CITATION.cff")).read_text("utf-8")
    version = yaml.safe_load(citation)["version"]
    if version != similar_images.__version__:
        name, command = described()
        sys.exit(
            f"Error: {name} is version {version}, but the Python package similar-image-finder in "
            f"{LIBRARY} is version {similar_images.__version__}. Install the same version: "
            f"{command}"
        )


if not CHECKOUT:
    check_library()

from similar_images.classification import conformal, nearest, tables
from similar_images.core import file_formats, files, settings
from similar_images.core.digests import Digests
from similar_images.core.errors import DamagedFileError, UserError, reason
from similar_images.core.processes import find_modules_first_in
from similar_images.evaluation import settings_comparison
from similar_images.backbones import loading
from similar_images.decisions import decisions
from similar_images.images import depth, retries
from similar_images.images.folders import check_not_own
from similar_images.lists import lists, table_cache
from similar_images.lists.sources import Source
from similar_images.core.names import alike
from similar_images.images.fingerprint import check_catalogue, summarise
from similar_images.storage import archives
from similar_images.storage.skipping import Skipping
from similar_images.storage.access import Access
from similar_images.storage.addresses import Limits, is_address
from similar_images.storage.metadata import MetadataCache, NotAskedError
from similar_images.storage.results import check_sent, results_of

if CHECKOUT:
    find_modules_first_in(str(SCRIPTS))
    # Snakemake imports pandas, if it is installed, to compare the parameters of jobs. That takes
    # half a second in each run, and no parameter is a table. A parent workflow may need pandas.
    sys.modules.setdefault("pandas", None)


def hash_of(*paths):
    """Return a hash of the content of the files `paths`, each once."""
    contents = [path.read_bytes() for path in sorted({*paths})]
    return sha256(b"".join(contents)).hexdigest()[:16]


# A rule with this parameter runs again if any code has changed. Two rules do not have it. `extract`
# needs none, since a shard's name contains all that the shard depends on. `model` has only the code
# of its own packages, since building a network is slow, and its weights may be gone by then.
CODE = hash_of(
    *LIBRARY.rglob("*.py"),
    *(LIBRARY / "report" / "templates").glob("*.*"),
    *(SCRIPTS.glob("*.py") if SCRIPTS else []),
)
if not SCRIPTS:
    # The address of the scripts has their tag or commit. A branch changes.
    CODE += f" {SOURCE}"
    if getattr(SOURCE, "branch", None):
        CODE += f" {SOURCE.hosted_repo.repo.commit(SOURCE.branch).hexsha}"
BACKBONES_CODE = hash_of(
    *(
        path
        for package in ("core", "backbones")
        for path in (LIBRARY / package).glob("*.py")
    )
)


def checked(setting, check, *args):
    """Return what `check` returns; if it raises an error, end the run without a traceback."""
    try:
        return check(*args)
    except UserError as error:
        sys.exit(f"Error in the configuration: {setting}{error}")
    except OSError as error:
        named = f"{str(error.filename)[:200]}: " if error.filename else ""
        sys.exit(
            f"Error in the configuration: {setting}{named}{reason(error)}. "
            "Set a file or folder that this user can read."
        )


SCHEMA = yaml.safe_load((LIBRARY / "core" / "config.schema.yaml").read_text("utf-8"))
checked("", settings.check, config, SCHEMA, tables.PREDICTIONS.names)
# A new mapping: other modules of a parent workflow may have the same one.
config = settings.with_defaults(config, SCHEMA)

ENTRIES = {
    name: settings_comparison.merged(config, changes)
    for name, changes in config["compare"].items()
}
for name, entry in ENTRIES.items():
    checked(
        f"compare.{name}: ", settings.check, entry, SCHEMA, tables.PREDICTIONS.names
    )


def placed(path):
    """Return where a parent workflow's `module` statement with a prefix puts `path`."""
    return workflow.modifier.path_modifier.replace_prefix(path)


def snakefile_address():
    """Return how `--snakefile` names this workflow."""
    snakefile = SOURCE.join("../Snakefile")
    host = {"GithubFile": "gh", "GitlabFile": "gl"}.get(type(snakefile).__name__)
    if host is None:
        return snakefile.get_path_or_uri(secret_free=True)
    return f"{host}:{snakefile.host}:{snakefile.repo}@{snakefile.ref}:{snakefile.path}"


# Scripts read two entries of `config` that are no settings. As parameters, they would run jobs
# again wherever the project is moved to.
config["snakefile"] = snakefile_address()
# If the jobs of a run share no folder, results are in an object store.
config["results"] = {"folder": placed("results/")}
STORED = workflow.storage_settings.default_storage_provider is not None
if STORED:
    prefix = workflow.storage_settings.default_storage_prefix.rstrip("/")
    address = f"{prefix}/{placed('results/')}".rstrip("/")
    carried = workflow.storage_registry.default_storage_provider.object(address)
    config["results"] = {"folder": str(carried.local_path()), "address": address}
RESULTS = checked("", results_of, config)


def is_local_folder(location):
    return isinstance(location, str) and os.path.isdir(location)


def is_empty_folder(location):
    """Return whether a query set is a folder without photos yet, such as a new inbox."""
    if not is_local_folder(location):
        return False
    try:
        with os.scandir(location) as files:
            return all(file.name.startswith(".") for file in files)
    except OSError:  # the summary gives the reason
        return False


NAMED = {name: path for name, path in config["queries"].items() if path is not None}
QUERIES = [name for name, path in NAMED.items() if not is_empty_folder(path)]
COLLECTIONS = ["catalogue", *QUERIES]


def setting_of(name):
    return "catalogue" if name == "catalogue" else f"queries.{name}"


def location_of(name):
    """Return the setting of a collection: a path, an address, or a mapping for a list."""
    return config["catalogue"] if name == "catalogue" else config["queries"][name]


def has_folders(name):
    """Whether a collection is a folder or bucket, whose folders are its labels."""
    # A folder in a zip cannot be named in a setting.
    return not is_list(name) and not archives.is_archive(location_of(name))


SOURCES = {
    name: checked(
        f"{setting_of(name)}: ", Source.of, location_of(name), name == "catalogue"
    )
    for name in COLLECTIONS
}


def product_of(name):
    """Return the column that names the product in a list, or None."""
    return SOURCES[name].product or config["product"]


# Whether products are classified.
PRODUCT = any(map(product_of, COLLECTIONS))
DECISIONS = decisions.paths(config["decisions"])
if workflow.is_main_process:
    for name in NAMED.keys() - {*QUERIES}:
        logger.warning(
            f"queries.{name}: the folder {NAMED[name]} is empty, so this run leaves the set out."
        )
    if not DECISIONS and Path("decisions.csv").is_file():
        logger.warning(
            "decisions.csv has no effect, since no setting names it. To use it, set decisions: "
            "decisions.csv"
        )
checked("decisions: ", decisions.check_not_written, DECISIONS, RESULTS.folder)
VIEWS = [Path(config["portable"])] if config["portable"] else []  # One, or none.


def runs_jobs():
    """Return whether this process plans a run whose jobs will really run.

    This is known only when Snakemake plans, in the functions that it calls, not while it reads the
    rules. It is false in a dry run, for commands that only show the workflow, and if the folder is
    locked: all these change nothing and send no requests.
    """
    if not workflow.is_main_process or workflow.executor_plugin is None:
        return False
    locked = workflow.execution_settings.lock and any(
        Path(".snakemake/locks").glob("*.lock")
    )
    return not (workflow.dryrun or workflow.touch or locked)


def before_jobs(check):
    """Return an input function that adds no files to a rule, but calls `check`.

    Snakemake calls it when it plans a job of the rule, before any job runs.
    """

    def no_files(wildcards):
        check(wildcards)
        return []

    return no_files


# Files that settings name are not inputs: Snakemake compares the times of inputs, but a file can be
# replaced by an older one. Their digests are parameters instead.
DIGESTS = Digests(RESULTS.folder / "model" / "digests.json")


def digests_of(setting, paths):
    """Return the digests of the files that `setting` names.

    None in a job that shares no folder: it does not see the files.
    """
    if STORED and not workflow.is_main_process:
        return None
    found = [checked(f"{setting}: ", DIGESTS.of, path) for path in paths]
    if runs_jobs():
        DIGESTS.keep()
    return found


def decisions_digests():
    return digests_of("decisions", DECISIONS)


def network_digests(settings):
    """Return the digests of the backbone's weights, or of the files of your own network."""
    if isinstance(settings["backbone"], str):
        weights = settings["weights"]
        return digests_of("weights", [Path(weights)] if weights else [])
    if STORED and not workflow.is_main_process:
        return None
    setting = "backbone.file"
    path = Path(settings["backbone"]["file"])
    return digests_of(setting, checked(f"{setting}: ", loading.files_of, path))


# Until the checkpoint `plan` is done, Snakemake does not know whether `merge` will run. All rules
# after `merge` wait for it, so that none uses the results before a change, such as new decisions.
PLAN = ancient("results/plan/shards.json")
METRIC = config["search"]["metric"]
REDUCED = "results/catalogue/reduced.parquet" if METRIC != "cosine" else []
# The files of an adapted similarity, in the order in which `search.py` reads them.
LEARNED = (
    ["results/catalogue/components.npz", REDUCED, "results/catalogue/adaptation.npz"]
    if REDUCED
    else []
)
METRIC_COMPARISON = "results/catalogue/metric_comparison.json"
# With `auto`, each job reads there which metric to use: see `metric_choice.chosen`.
COMPARISON = METRIC_COMPARISON if METRIC == "auto" else []
# With `cosine`, the page says whether another metric would be better.
ADVICE = METRIC_COMPARISON if METRIC == "cosine" else []
INDEX = ["results/catalogue/approximate.faiss", "results/catalogue/approximate.json"]
APPROXIMATE = INDEX if config["search"]["index"] == "approximate" else []
# The likely classes need `conformal.NEIGHBOURS`, even if fewer vote on the prediction.
NEIGHBOURS = max(
    config["search"]["neighbours"] * (nearest.PICTURES if PRODUCT else 1),
    conformal.NEIGHBOURS,
)
PARTS = config["search"]["parts"]
OWN_NETWORK = bool(config["weights"]) or not isinstance(config["backbone"], str)
QUANTISED = config["precision"] == "int8"
PICKLED = config["features_pkl"]
EXTRACTION_THREADS = config["extraction"]["threads"]
# The features of the whole catalogue: see `sharded_features.load`.
CATALOGUE = f"results/catalogue/{'features.pkl' if PICKLED else 'images.parquet'}"


wildcard_constraints:
    collection="|".join(COLLECTIONS),
    queries="|".join(QUERIES) or "none",
    entry="|".join(ENTRIES) or "none",
    model="[A-Za-z0-9]+-[0-9a-f]{8}",
    shard="[0-9a-f]{16}",
    part="[0-9]+",


# What this workflow writes is not part of a collection, even if that contains the project.
OWN_FOLDERS = [
    str(project / placed(f"{name}/"))
    for project in settings_comparison.projects(Path())
    for name in ("results", "logs")
]


def is_list(name):
    return checked(f"{setting_of(name)}: ", lists.is_list, SOURCES[name])


def columns_of(name):
    """Return the extra columns of a list; those of a query set are copied to its predictions."""
    if not is_list(name):
        return []
    product = [product_of(name)] if product_of(name) else []
    return (
        product
        if name == "catalogue"
        else [*dict.fromkeys(config["columns"] + product)]
    )


LIMITS = checked("", Limits.of, config["remote"])


if workflow.is_main_process:
    decided = checked(
        "decisions: ", decisions.read, DECISIONS, RESULTS.folder / "plan" / "workbooks"
    )


# Servers are asked for metadata once in a run, by the process that plans it.
@cache
def summary(name):
    """Return the summary of a collection, or None if it needs requests that are not allowed now."""
    asks = runs_jobs()
    metadata_file = RESULTS.folder / name / "looks.json"
    metadata_cache = MetadataCache(
        metadata_file,
        Access(LIMITS),
        config["remote"]["most_failed"],
        ask_again=asks,
        offline=workflow.is_main_process and not asks,
    )
    table_file = RESULTS.folder / name / table_cache.NAME
    checked("", RESULTS.fetch, metadata_file, table_file)
    setting = f"{setting_of(name)}: "
    source = SOURCES[name]
    if not is_address(source.location):
        checked(setting, check_not_own, Path(source.location), RESULTS.folder)
    found = None
    try:
        found = checked(
            setting,
            summarise,
            source,
            config["images"]["follow_links"],
            name == "catalogue",
            metadata_cache,
            columns_of(name),
            map(Path, OWN_FOLDERS),
            Skipping(config["images"]["ignore"]),
            table_cache.TableCache(table_file),
            product_of(name),
        )
    except NotAskedError:
        pass
    if asks:
        checked("", RESULTS.put, metadata_file)
    elif workflow.is_main_process and (found is None or metadata_file.exists()):
        logger.info(
            f"{setting}no address was checked for changes, since no job will run"
        )
    if found and name == "catalogue" and workflow.is_main_process:
        possible = decisions.at_most(found, decided)
        checked(
            "",
            check_catalogue,
            possible,
            config["search"]["neighbours"],
            SOURCES[name].location,
        )
    return found


def fingerprint_of(name):
    """Return a text that changes with the photos of a collection, and with failed reads.

    None in a job that shares no folder: it cannot compare it.
    """
    if STORED and not workflow.is_main_process:
        return None
    found = summary(name)
    again = RESULTS.folder / name / retries.NAME
    checked("", RESULTS.fetch, again)
    return found and f"{found.fingerprint} {retried(again)}"


# Cached, so that failed reads of this run count only in the next one.
retried = cache(retries.count)


def classes_of(*names):
    """Return the classes of collections, as far as they are known, before any decision."""
    return frozenset().union(*(found.classes for found in map(summary, names) if found))


@cache
def warn_of_similar_classes():
    """Warn, once in a run, of classes that look like one."""
    if workflow.is_main_process:
        decided_labels = {one.label for one in decided if one.label is not None}
        for names in alike(decided_labels | classes_of(*COLLECTIONS)):
            logger.warning(
                "These names count as different classes, but differ only in case, in spaces "
                f"around them or in invisible characters: {', '.join(map(repr, names))}. If they "
                "are one class, give it one name."
            )


@cache
def warn_of_deeper_classes():
    """Warn, once in a run, of collections whose classes are called train and test."""
    if not workflow.is_main_process:
        return
    for name, found in zip(COLLECTIONS, map(summary, COLLECTIONS)):
        advice = found and depth.of_divisions(
            SOURCES[name].location,
            setting_of(name),
            found.subfolders,
            len(found.classes),
        )
        if advice:
            logger.warning(advice)


@cache
def warn_of_unused_columns():
    """Warn, once in a run, of settings that name columns of lists where there is no list."""
    if not workflow.is_main_process:
        return
    if QUERIES and config["columns"] and not any(map(is_list, QUERIES)):
        logger.warning(
            "columns has no effect: it names columns of lists, and no query set is a list. Name a "
            "list under queries, or set columns: []."
        )
    if QUERIES and config["product"] and not any(map(is_list, COLLECTIONS)):
        logger.warning(
            "product has no effect: it names a column of lists, and no collection is a list. Name "
            "a list under catalogue or queries, or set product: null."
        )


if STORED and workflow.is_main_process:
    for name in COLLECTIONS:
        checked(f"{setting_of(name)}: ", lists.check_remote, SOURCES[name])


# Snakemake sends rules, scripts, all that is beside these, and config files to jobs that share no
# folder. This adds the other files that they read.
if STORED and workflow.is_main_process:
    listed = [
        path
        for name in COLLECTIONS
        if is_list(name)
        for path in lists.files_of(SOURCES[name])
    ]
    for path in [*DECISIONS, *VIEWS, *listed]:
        checked("", check_sent, path)
    workflow.configfiles += [*map(str, [*DECISIONS, *VIEWS, *listed])]


def planned():
    """Return the content of the plan's output `shards`, once it is made."""
    path = Path(checkpoints.plan.get().output.shards)
    RESULTS.fetch(path)
    try:
        return file_formats.read_json(path)
    except DamagedFileError as error:
        sys.exit(f"Error: {files.discard(error)}")


def shards_of(*collections):
    """Return the shards that `collections` need."""
    plan = planned()
    names = {name for collection in collections for name in plan["shards"][collection]}
    return [
        f"results/features/{plan['model']}/{name}.parquet" for name in sorted(names)
    ]


def in_results(collections, *names):
    """Return the files `names` in the results of each of `collections`.

    Snakemake refuses `expand` of a rule's output if results are in a store.
    """
    return [
        f"results/{collection}/{name}" for collection in collections for name in names
    ]


def features_of(*collections):
    """Return the files that a target lists to request the features of `collections`."""
    return [
        *rules.model.output,
        *in_results(COLLECTIONS, "manifest.parquet"),
        *rules.plan.output,
        lambda wildcards: shards_of(*collections),
        *in_results(collections, "images.parquet", "rejected.csv", "members.csv"),
        *in_results(collections, "duplicates.csv", "timing.json"),
        *in_results(collections if PICKLED else [], "features.pkl"),
    ]


def size_of(path):
    """Return the size of a file in bytes, or 0 if it does not exist yet."""
    return Path(path).stat().st_size if Path(path).exists() else 0


def part_of(table):
    """Return the path of a part of `table`, if several jobs share the search."""
    return f"results/{{queries}}/{table}/{{part}}-of-{PARTS}.parquet"


def parts_of(table):
    return expand(part_of(table), part=range(PARTS), allow_missing=True)


def search_output(table):
    """Return the path to which the search writes `table`; parts of it are temporary."""
    if PARTS == 1:
        return f"results/{{queries}}/{table}.parquet"
    return temp(part_of(table))
