"""The page with the figures of `asking`."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from asking_load import CLIENTS, SECONDS
from networks import THREADS
from pages import table


def page(results: dict[str, Any]) -> str:
    """Return benchmarks/results/asking.md."""
    shell, load = results["shell"], results["load"]
    outcomes = load["outcomes"]
    return "\n".join(
        [
            "# Asking",
            "",
            "Written by `make asking DATA=folder`. Real photos (clothing) are asked about by",
            "EfficientNetLite2, with its features projected to 1,536, as many as EfficientNetB3",
            "gives, whose weights could not be had here. To the 600 photos of the catalogue images",
            "are added whose features lie in 4,000 clusters around those of real photos.",
            "Medians; a question includes decoding, the network, the search, and the comparison",
            "with similar photos. What else the machine does hardly changes seconds of processors.",
            "",
            *table(("machine", ""), results["machine"].items()),
            "## In the shell",
            "",
            "`python -m similar_images ask photo.jpg` with 20,000 images:",
            "",
            *table(
                ("", "seconds", "of processors"),
                [
                    ("the first after a run", *_medians(shell["first"], 2)),
                    ("later ones", *_medians(shell["later"], 2)),
                ],
            ),
            "## In one process",
            "",
            *table(
                ("", "20,000 images", "1,000,000 images", "1,000,000, approximate"),
                zip(*(_column(results, name) for name in COLUMNS), strict=True),
            ),
            "The first time after a run, 1,000,000 images are opened in",
            f"{results['large_first']['opened'].seconds:.0f} s: the features are written as one "
            "file to map (6.1 GB).",
            f"The approximate index takes {results['index_seconds']:.0f} s in the run, and finds",
            f"{results['recall']:.1%} of the 50 nearest.",
            "",
            "The exact search of one query, beside a product and a partition by NumPy:",
            "",
            *table(
                ("images", "search, ms", "NumPy, ms", "ratio"),
                [
                    ("20,000", *_beside(results["small_search"])),
                    ("1,000,000", *_beside(results["large_search"])),
                ],
            ),
            "## Through the server, under load",
            "",
            f"{CLIENTS} clients for {SECONDS} s, 20,000 images, 5 % of the uploads are no photos.",
            "Each answer is compared with the row of predictions.csv.",
            "",
            *table(("answers", "number"), outcomes.items()),
            *table(
                ("", ""),
                [
                    ("questions a second", f"{load['per_second']:.1f}"),
                    ("seconds, median", f"{load['median']:.2f}"),
                    ("seconds, 95 % are faster", f"{load['percentile_95']:.2f}"),
                    (
                        "memory of the server, MB: at the start, after 1/4, 1/2, all of the time",
                        ", ".join(f"{memory:.0f}" for memory in load["memory_mb"]),
                    ),
                    (
                        "seconds of processors, of an answer",
                        f"{load['server_cpu'] / sum(outcomes.values()):.3f}",
                    ),
                    ("exit code after SIGTERM", load["exit_code"]),
                ],
            ),
        ]
    )


COLUMNS = ("", "small", "large", "approximate")


def _column(results: dict[str, Any], name: str) -> list[str]:
    """Return the cells of a column; that without a name says what each row is."""
    if not name:
        return [
            "seconds to open",
            "seconds of a question",
            "of processors",
            "seconds, for neighbours of one class",
            "of processors",
            f"questions a second, {2 * THREADS} threads",
            "memory, MB",
            "mapped, MB",
        ]
    found = results[name]
    return [
        f"{found['opened'].seconds:.1f}",
        *_medians(found["costs"]["all"], 3),
        *_medians(found["costs"]["of_a_class"], 3),
        f"{median(found['rates']):.1f}",
        *(f"{found['memory_mb'][what]:,.0f}" for what in ("own", "mapped")),
    ]


def _medians(costs: Sequence[Any], digits: int) -> tuple[str, ...]:
    """Return the median of each kind of seconds of some `Costs`."""
    return tuple(f"{median(kind):.{digits}f}" for kind in zip(*costs, strict=True))


def _beside(seconds: dict[str, float]) -> tuple[str, ...]:
    search, numpy = seconds["search"], seconds["NumPy"]
    return f"{search * 1000:.1f}", f"{numpy * 1000:.1f}", f"{search / numpy:.2f}"
