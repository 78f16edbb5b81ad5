"""Put the outcomes of all settings that were compared into a table and a plot."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.file_formats import read_json
from similar_images.core.job import logged
from similar_images.evaluation import settings_comparison
from similar_images.report import plots
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0], "compare"):
    entries = {Path(path).stem: read_json(Path(path)) for path in snakemake.input.entries}
    results = Path(snakemake.input.quality).parents[1]
    results_of(snakemake.config).fetch(results / "model" / "backbone")
    current = settings_comparison.outcome(results)
    outcomes = settings_comparison.ordered(current, entries)
    settings_comparison.TABLE.write(
        Path(snakemake.output.table), settings_comparison.rows(outcomes)
    )
    plots.write(plots.comparison(outcomes), Path(snakemake.output.plot))
    for line in settings_comparison.lines(outcomes):
        logging.info("%s", line)
