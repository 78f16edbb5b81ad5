"""Put the outcomes of all settings that were compared into a table and a plot."""

import logging
from pathlib import Path

from similar_images.base.formats import read_json, write_csv
from similar_images.base.job import logged
from similar_images.catalogue import comparison
from similar_images.pages import plots

with logged(snakemake.log[0], "compare"):
    outcomes = {Path(path).stem: read_json(Path(path)) for path in snakemake.input}
    rows = comparison.rows(outcomes)
    write_csv(Path(snakemake.output.table), comparison.HEADER, rows)
    plots.write(plots.comparison(outcomes), Path(snakemake.output.plot))
    for name, outcome in outcomes.items():
        logging.info("%s", comparison.sentence(name, outcome))
