"""What catalogues of millions would take, worked out from what was measured."""

from statistics import median
from typing import Any

from pages import table
from stored import FEATURES

# The cluster that is planned for: images, machines, cores of each, parts of the search.
PLANS = ((10_000_000, 8, 16, 16), (1_000_000_000, 100, 32, 1000))


def page(scale: dict[str, Any], images_per_second: float) -> str:
    """Return benchmarks/results/scale.md.

    Args:
        scale: what `scale.py` measured.
        images_per_second: of EfficientNetB3 in an extraction job with two threads.
    """
    files = scale["files"]
    return "\n".join(
        [
            "# Scale",
            "",
            "Written by `make scale`; the rate of the extraction is that of `make bench`.",
            "",
            f"## {files:,} files",
            "",
            "Files of a few bytes in 100 folders, their features drawn by chance: what is measured",
            "is what the workflow itself costs, the files' names and times in the system's cache.",
            "",
            *table(("machine", ""), scale["machine"].items()),
            *table(("step", "seconds", "of processors", "MB"), measured_rows(scale)),
            *search_lines(scale["search"]),
            "## Plans",
            "",
            f"Each figure is one of the above, or the {images_per_second:.1f} images/s that two",
            "cores extract ([performance.md](performance.md), perhaps of another machine), times",
            "what there is more of it.",
            "EfficientNetB3, exact search of 256 queries, `features_pkl: false`. The room that the",
            "photos take, and the time that a file system needs to bring them, are not counted.",
            "",
            *table(
                ("", *(f"{images:,} images" for images, *_ in PLANS)),
                zip(NAMES, *(plan(scale, images_per_second, *size) for size in PLANS), strict=True),
            ),
            *limits(scale),
        ]
    )


def measured_rows(scale: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return what each step cost."""
    steps = {
        "looking through the files, at each start": scale["summarise"],
        "the manifest, first": [scale["manifest_first"]],
        "the manifest, no file changed": [scale["manifest_again"]],
        "the manifest, one file added": [scale["manifest_one_added"]],
        "the plan": [scale["plan"]],
        "the merge": [scale["merge"]],
        "a dry run with all extraction ahead": scale["dry_run_extraction_ahead"],
        "a dry run with nothing to do": scale["dry_run_nothing_to_do"],
    }
    return [
        (
            name,
            f"{median(one['seconds'] for one in costs):.1f}",
            f"{median(one['cpu_seconds'] for one in costs):.1f}",
            f"{max(one['peak_mb'] for one in costs):,.0f}" if "peak_mb" in costs[0] else "",
        )
        for name, costs in steps.items()
    ]


def search_lines(search: dict[str, Any]) -> list[str]:
    """Return how the search's memory depends on the catalogue."""
    return [
        f"The exact search of {search['queries']} queries reads shards of 1,024 x {FEATURES} "
        "features and takes, with one thread:",
        "",
        *table(
            ("catalogue", "seconds", "MB"),
            [
                (f"{int(rows):,}", f"{cost['seconds']:.1f}", f"{cost['peak_mb']:.0f}")
                for rows, cost in search["rows"].items()
            ],
        ),
    ]


NAMES = (
    "machines x cores",
    "extraction, once (hours)",
    "shards (GB)",
    "looking through the files, at each start (minutes)",
    "the manifest, first (hours)",
    "the plan, memory (GB)",
    "the merge (minutes)",
    "the search, one job (hours)",
    "the search, `search.parts`",
    "the search, each part (minutes)",
)


def plan(
    scale: dict[str, Any], rate: float, images: int, machines: int, cores: int, parts: int
) -> tuple[str, ...]:
    """Return the values of `NAMES` for a catalogue and a cluster."""
    times = images / scale["files"]
    rows, search = max((int(rows), cost) for rows, cost in scale["search"]["rows"].items())
    searched = images / rows * search["seconds"]
    values = (
        images / (rate / 2 * machines * cores) / 3600,
        images * scale["search"]["bytes_per_image"] / 1e9,
        times * median(one["seconds"] for one in scale["summarise"]) / 60,
        times * scale["manifest_first"]["seconds"] / 3600,
        times * scale["plan"]["peak_mb"] / 1e3,
        times * scale["merge"]["seconds"] / 60,
        searched / 3600,
    )
    return (
        f"{machines} x {cores}",
        *(f"{value:,.1f}" for value in values),
        f"{parts:,}",
        f"{searched / parts / 60:.1f}",
    )


def limits(scale: dict[str, Any]) -> list[str]:
    """Return the limits, in words."""
    memory = scale["plan"]["peak_mb"] * 1e3 / scale["files"]
    return [
        "Limits:",
        "",
        "- **10 million**: the extraction, once. Then what a run pays each time: looking through",
        "  the files before Snakemake begins, and the manifest, the plan and the merge, each one",
        f"  process that goes through all rows. The plan holds some {memory:.1f} KB of each file:",
        "  give it that with `set-resources` ([cluster.md](cluster.md)). With",
        "  `extraction.shard_size: 8192` there are some 1,200 shards.",
        "- **1 billion**: manifest and plan. One process lists all files and holds all rows. They",
        "  would have to be divided, as the extraction and the search are, and the pipeline does",
        "  not do that: a catalogue of this size has to be a hundred projects of 10 million, by",
        "  classes, each as above.",
        "",
    ]
