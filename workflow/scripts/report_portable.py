"""Write the report as one file to send."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.files import checked, replacing
from similar_images.core.job import logged
from similar_images.report import portable
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

name = snakemake.wildcards.queries
page, output = Path(snakemake.input.page), Path(snakemake.output[0])
folder = page.with_name("report_files")
results = results_of(snakemake.config)

with logged(snakemake.log[0], f"portable report {name}"):
    results.fetch(folder)
    with checked(page):
        html = page.read_text("utf-8")
    address = f"{results.place}/{name}/{page.name}"
    view = snakemake.params.view and portable.read_view(Path(snakemake.params.view))
    with replacing(output) as temporary:
        temporary.write_text(portable.portable(html, folder, address, view), "utf-8")
