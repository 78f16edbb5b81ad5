"""Write the predictions as a workbook."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.files import checked, replacing
from similar_images.core.job import logged
from similar_images.report import workbook
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

name = snakemake.wildcards.queries
page, output = Path(snakemake.input.page), Path(snakemake.output[0])
folder = page.with_name("report_files")

with logged(snakemake.log[0], f"workbook {name}"):
    results_of(snakemake.config).fetch(folder)
    with checked(page):
        html = page.read_text("utf-8")
    if aside := workbook.set_aside(output):
        logging.warning(
            "%s was changed after it was written, and is now %s. To use decisions in it, copy it "
            "beside config.yaml, and name it under decisions.",
            output,
            aside,
        )
    made = datetime.now(UTC)
    with replacing(output) as temporary:
        workbook.write(temporary, html, folder, made, snakemake.resources.decoders)
