"""The machine that the figures hold for."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

PACKAGES = (
    *("snakemake", "tensorflow", "keras", "openvino", "ai-edge-litert", "onnxruntime"),
    *("numpy", "scikit-learn", "faiss-cpu"),
)


def describe() -> dict[str, object]:
    """Return what the figures depend on: processor, cores, memory and versions."""
    return {
        "processor": _processor(),
        "matrix_kernels": matrix_kernels(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def take_turns(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each, over rounds in which they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - started)
    return {name: median(times) for name, times in seconds.items()}


def matmul_gflops(threads: int) -> float:
    """Return the speed of a float32 matrix product with `threads` threads, in GFLOP/s."""
    size, rounds = 3000, 3
    matrix = np.random.default_rng(0).random((size, size), dtype=np.float32)
    with threadpool_limits(threads):
        matrix @ matrix
        started = time.perf_counter()
        for _ in range(rounds):
            matrix @ matrix
        seconds = time.perf_counter() - started
    return rounds * 2 * size**3 / seconds / 1e9


def matrix_kernels() -> str:
    """Return what NumPy's OpenBLAS takes the processor for: SkylakeX has AVX-512."""
    return next(
        str(library["architecture"])
        for library in threadpool_info()
        if library["user_api"] == "blas" and "numpy" in library["filepath"]
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")
