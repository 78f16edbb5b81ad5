"""Put the outcomes of all settings that were compared into a table and a plot."""

import json
import logging
from pathlib import Path

from similar_images import comparison, plots
from similar_images.files import write_csv
from similar_images.job import logged

with logged(snakemake.log[0], "compare"):
    outcomes = {
        Path(path).stem: json.loads(Path(path).read_text("utf-8")) for path in snakemake.input
    }
    rows = comparison.rows(outcomes)
    write_csv(Path(snakemake.output.table), comparison.HEADER, rows)
    plots.write(plots.comparison(outcomes), Path(snakemake.output.plot))
    for name, outcome in outcomes.items():
        logging.info("%s: %.1f%% right", name, 100 * outcome["accuracy"])
