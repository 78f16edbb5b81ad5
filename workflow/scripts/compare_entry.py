"""Run the workflow on the catalogue with other settings, in a folder of its own."""

from pathlib import Path

from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.evaluation import settings_comparison

output = Path(snakemake.output[0])

with logged(snakemake.log[0], f"compare {snakemake.wildcards.entry}"):
    folder = output.with_suffix("")
    settings_comparison.lay_out(folder, snakemake.params.settings, output.parents[1] / "features")
    settings_comparison.run(folder, snakemake.config["snakefile"], snakemake.threads)
    write_json(output, settings_comparison.outcome(folder / "results"))
