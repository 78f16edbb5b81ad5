"""Run the workflow on the catalogue with other settings, in a folder of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.evaluation import settings_comparison

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

output = Path(snakemake.output[0])

with logged(snakemake.log[0], f"compare {snakemake.wildcards.entry}"):
    folder = output.with_suffix("")
    settings_comparison.lay_out(folder, snakemake.params.settings, output.parents[1] / "features")
    settings_comparison.run(folder, snakemake.config["snakefile"], snakemake.threads)
    write_json(output, settings_comparison.outcome(folder / "results"))
