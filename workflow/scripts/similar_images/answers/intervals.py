"""The interval of a share. By itself, since what `metrics` needs beside it is slow to import."""

from scipy.stats import binomtest


def wilson_interval(successes: int, trials: int) -> list[float] | None:
    """Return Wilson's 95 % interval for a share, or None without trials."""
    if not trials:
        return None
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return [float(interval.low), float(interval.high)]
