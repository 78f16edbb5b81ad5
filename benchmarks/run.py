"""Measure all and write benchmarks/results.json and docs/performance.md: `make bench`.

Contestants take turns within one run, and what counts is the ratio of their medians: the seconds
of a machine change from hour to hour.
"""

import json
from datetime import date
from pathlib import Path
from statistics import median, median_low
from typing import Any

import pages
import timeline
from pages import table

import machine
import networks
import pipeline
import searching

ROOT = Path(__file__).resolve().parents[1]
GFLOP_PER_IMAGE = 3.66


def main() -> None:
    """Run the whole suite; it takes some fifteen minutes on two cores."""
    details = {
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
        "details": details,
    }
    (ROOT / "benchmarks/results.json").write_text(json.dumps(results, indent=2) + "\n")
    pages.write("performance.md", page(results))
    traces = {
        f"{what.replace('_', ' ')}, {n:,} catalogue images": median_low(
            details[f"growth_{n}"][what]
        )
        for what in pipeline.NEW
        for n in (1000, 20000)
    }
    timeline.draw(traces, ROOT / "docs/trace.svg")


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
        "extraction_vs_keras_predict": rate["extraction"] / rate["keras_predict"],
        "extraction_vs_tf_function": rate["extraction"] / rate["tf_function"],
        "extraction_vs_network": rate["extraction"] / rate["network"],
        "extraction_of_matmul_limit": rate["extraction"] * GFLOP_PER_IMAGE / rate["matmul"],
        "run_1000_vs_network": median(whole["run"]) / median(whole["network"]),
        "new_query_20000_vs_1000": growth[20000] / growth[1000],
        "search_13000_vs_sklearn": search[13000]["sklearn"] / search[13000]["search"],
        "search_13000_vs_faiss": search[13000]["faiss"] / search[13000]["search"],
        "search_100000_vs_sklearn": search[100000]["sklearn"] / search[100000]["search"],
        "search_100000_vs_faiss": search[100000]["faiss"] / search[100000]["search"],
        "search_100000_with_reading_vs_faiss": search[100000]["faiss"] / few,
    }


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


def page(results: dict[str, Any]) -> str:
    """Return docs/performance.md."""
    rates = {name: median(values) for name, values in results["details"]["networks"].items()}
    matmul = rates.pop("matmul")
    return "\n".join(
        [
            "# Performance",
            "",
            "Written by `make bench`. Contestants take turns in one run; the figures are medians.",
            "What carries over to another machine are the ratios. Other libraries are measured in",
            "[peers.md](peers.md). What a GPU gains is in",
            "[networks.md](networks.md#what-a-gpu-gains).",
            "",
            *table(("machine", ""), results["machine"].items()),
            *table(("ratio", "times"), _rounded(results["ratios"], 2)),
            *table(("whole run", "seconds"), _rounded(results["seconds"], 1)),
            "Where it goes: each job of a run, from its start to its end.",
            "",
            "![The jobs of four runs, one below the other](trace.svg)",
            "",
            *table(("EfficientNetB3, 2 threads", "images/s"), _rounded(rates, 1)),
            f"The matrix product reached {matmul:.0f} GFLOP/s with 2 threads; an image takes "
            f"{GFLOP_PER_IMAGE} GFLOP.",
            "",
        ]
    )


def _rounded(values: dict[str, float], digits: int) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), f"{value:.{digits}f}") for name, value in values.items()]


if __name__ == "__main__":
    main()
