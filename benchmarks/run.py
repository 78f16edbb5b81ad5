"""Measure all, write benchmarks/results.json and results/performance.md: `make bench`.

    PYTHONPATH=workflow/scripts python benchmarks/run.py [DATA]

DATA has a folder for each set of real photos, with the folders catalogue/<class>/ and
queries/<class>/ in it. Without it no real photos are measured, and the page says so.

Contestants take turns within one run, and what counts is the ratio of their medians: the seconds
of a machine change from hour to hour.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median, median_low
from typing import Any

import contestants
import machine
import networks
import pages
import pipeline
import real
import searching
from pages import table

ROOT = Path(__file__).resolve().parents[1]
GFLOP_PER_IMAGE = {"EfficientNetB3": 3.66, "EfficientNetLite2": 1.72}


def main() -> None:
    """Run the whole suite; it takes some twenty minutes on two cores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="a folder with a folder for each set")
    data = parser.parse_args().data
    if data and not pipeline.sets(data):
        parser.error(f"{data} has no folder with catalogue/<class>/ and queries/<class>/ in it")
    details: dict[str, Any] = {
        "real": real.measure(data) if data else {},
        "contestants": contestants.measure(),
        "networks": networks.measure(),
        "search_13000": searching.measure(13_000),
        "search_100000": searching.measure(100_000),
        "stored": searching.measure_stored(100_000, 20_000),
        "first_run": pipeline.measure_first_run(),
        "growth_1000": pipeline.measure_growth(1_000),
        "growth_20000": pipeline.measure_growth(20_000),
        "whole_1000": pipeline.measure_whole(1_000),
    }
    results = {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "ratios": ratios(details),
        "seconds": seconds(details),
        "images_per_second": {name: median(rates) for name, rates in details["networks"].items()},
    }
    (ROOT / "benchmarks/results.json").write_text(json.dumps(results, indent=2) + "\n")
    pages.write("performance.md", page(results, details))


def ratios(details: dict[str, Any]) -> dict[str, float]:
    """Return the ratios of medians, how many times as fast or as long."""
    rate = {name: median(values) for name, values in details["networks"].items()}
    search = {
        rows: {k: median(v) for k, v in details[f"search_{rows}"]["seconds"].items()}
        for rows in (13000, 100000)
    }
    growth = {n: _seconds(details[f"growth_{n}"]["new_query"]) for n in (1000, 20000)}
    whole = details["whole_1000"]
    few = median(details["stored"]["seconds"]["few"])
    return {
        **_contestant_ratios(details["contestants"]),
        "extraction_vs_network": rate["extraction"] / rate["network"],
        "extraction_vs_without_levels": rate["extraction"] / rate["extraction_without_levels"],
        "extraction_of_matmul_limit": rate["extraction"]
        * GFLOP_PER_IMAGE["EfficientNetB3"]
        / rate["matmul"],
        "run_1000_vs_network": median(whole["run"]) / median(whole["network"]),
        "new_query_20000_vs_1000": growth[20000] / growth[1000],
        "search_13000_vs_sklearn": search[13000]["sklearn"] / search[13000]["search"],
        "search_13000_vs_faiss": search[13000]["faiss"] / search[13000]["search"],
        "search_100000_vs_sklearn": search[100000]["sklearn"] / search[100000]["search"],
        "search_100000_vs_faiss": search[100000]["faiss"] / search[100000]["search"],
        "search_100000_with_reading_vs_faiss": search[100000]["faiss"] / few,
    }


def _contestant_ratios(measured: dict[str, Any]) -> dict[str, float]:
    """Return how fast the bare networks are beside the fastest contestant and the product."""
    found = {}
    for network, one in measured.items():
        _, own = contestants.best(one["rates"][contestants.OWN])
        _, other = contestants.fastest(one)
        found[f"{network}_vs_fastest_contestant"] = own / other
        found[f"{network}_of_matmul_limit"] = _of_limit(network, own, one)
    return found


def _of_limit(network: str, rate: float, measured: dict[str, Any]) -> float:
    return rate * GFLOP_PER_IMAGE[network] / float(median(measured["matmul"]))


def seconds(details: dict[str, Any]) -> dict[str, float]:
    """Return the medians of whole runs, in seconds."""
    whole = details["whole_1000"]
    return {
        **{
            f"{what}_{n}": _seconds(details[f"growth_{n}"][what])
            for n in (1000, 20000)
            for what in ("nothing_to_do", *pipeline.NEW)
        },
        **{
            f"new_catalogue_{n}_report": _report(details[f"growth_{n}"]["new_catalogue"])
            for n in (1000, 20000)
        },
        "first_run": median(details["first_run"]),
        "run_1000": median(whole["run"]),
        "run_1000_with_the_model_built": whole["first_run"],
        "network_1000": median(whole["network"]),
        **{
            f"search_20000_in_100000_{name}": median(values)
            for name, values in details["stored"]["seconds"].items()
            if name != "few"
        },
    }


def _seconds(runs: list[pipeline.Run]) -> float:
    return median(run.seconds for run in runs)


def _report(runs: list[pipeline.Run]) -> float:
    """Return when the report was there."""
    return median(end for run in runs for rule, _, end in run.jobs if rule == "report")


def page(results: dict[str, Any], details: dict[str, Any]) -> str:
    """Return benchmarks/results/performance.md."""
    rates = dict(results["images_per_second"])
    matmul = rates.pop("matmul")
    return "\n".join(
        [
            "# Performance",
            "",
            "Written by `make bench`. Contestants take turns in one run; the figures are medians.",
            "What carries over to another machine are the ratios. Other libraries are measured in",
            "[peers.md](peers.md).",
            "",
            *table(("machine", ""), results["machine"].items()),
            "A ratio says how many times as fast the first is as the second, or which share of the",
            "matrix product it reaches: more is better. Only those of `run` and `new query` say",
            "how many times as long it takes: less is better.",
            "",
            *table(("ratio", "times"), _rounded(results["ratios"], 2)),
            *table(("whole run", "seconds"), _rounded(results["seconds"], 1)),
            *table(("EfficientNetB3, 2 threads", "images/s"), _rounded(rates, 1)),
            f"The matrix product reached {matmul:.0f} GFLOP/s with 2 threads; an image takes "
            f"{GFLOP_PER_IMAGE['EfficientNetB3']} GFLOP.",
            "",
            *contestants_section(details["contestants"]),
            *real_section(details["real"]),
        ]
    )


def contestants_section(measured: dict[str, Any]) -> list[str]:
    """Return the lines about engines that run the bare networks."""
    lines = [
        "## Other engines",
        "",
        f"The bare network in float32 with {networks.THREADS} threads, in turn. The other engines",
        "convert the model of Keras by themselves. Of each the fastest of its ways is given. The",
        "difference is the largest between its features and the project's, as a share of the",
        "largest feature.",
        "",
    ]
    for network, one in measured.items():
        lines += table(
            (network, "images/s", "of the matrix product", "fastest with", "difference"),
            _contestant_rows(network, one),
        )
    return lines


def _contestant_rows(network: str, measured: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each contestant, and one for the fastest other."""
    for name, rates in measured["rates"].items():
        way, rate = contestants.best(rates)
        difference = measured["differences"][name]
        shown = f"{difference:.0e}" if difference <= contestants.TOLERANCE else "**TOO LARGE**"
        yield (
            name,
            f"{rate:.1f}",
            f"{_of_limit(network, rate, measured):.2f}",
            way,
            "" if name == contestants.OWN else shown,
        )
    name, rate = contestants.fastest(measured)
    limit = f"{_of_limit(network, rate, measured):.2f}"
    yield (f"fastest contestant: {name}", f"{rate:.1f}", limit, "", "")


def real_section(measured: dict[str, Any]) -> list[str]:
    """Return the lines about runs on real photos."""
    lines = ["## Real photos", ""]
    if not measured:
        return [*lines, "Not measured: `make bench DATA=folder` measures them.", ""]
    lines += [
        f"Whole runs with {real.BACKBONE} on labelled photos, from nothing but the model, and the",
        "bare network on the same photos, decoded before. The page is the report, the run ends",
        "when all else is there, too. The limit is 1.5 x the bare network + 6 s.",
        "",
        *table(
            ("photos", "similarity", "bare network, s", "limit, s", "page, s", "run, s"),
            _real_rows(measured),
        ),
        "Seconds of the jobs of each rule, one after the other or side by side:",
        "",
    ]
    for name, one in measured.items():
        jobs = {metric: real.job_seconds(median_low(runs)) for metric, runs in one["runs"].items()}
        rules = sorted({rule for rules in jobs.values() for rule in rules})
        rules.sort(key=lambda rule: -max(seconds.get(rule, 0.0) for seconds in jobs.values()))
        rows = [
            (
                rule,
                *(f"{seconds[rule]:.1f}" if rule in seconds else "" for seconds in jobs.values()),
            )
            for rule in rules
        ]
        lines += table((name, *jobs), rows)
    return lines


def _real_rows(measured: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each set and similarity."""
    for name, one in measured.items():
        network = median(one["network"])
        for metric, runs in one["runs"].items():
            times = (
                network,
                1.5 * network + 6,
                median(map(real.page_seconds, runs)),
                _seconds(runs),
            )
            yield (f"{name}, {one['photos']}", metric, *(f"{time:.1f}" for time in times))


def _rounded(values: dict[str, float], digits: int) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), f"{value:.{digits}f}") for name, value in values.items()]


if __name__ == "__main__":
    main()
