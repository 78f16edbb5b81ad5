from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/manifest.smk"
include: "workflow/rules/extract.smk"
include: "workflow/rules/merge.smk"
include: "workflow/rules/adapt.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/duplicates.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/plot.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/audit.smk"


# All that persists is listed: after a job has failed, Snakemake makes anew only what is asked for.
rule all:
    default_target: True
    input:
        "results/model/model.json",
        expand("results/{collection}/manifest.parquet", collection=COLLECTIONS),
        lambda wildcards: [shard for name in COLLECTIONS for shard in shards(name)],
        expand("results/{collection}/features.pkl", collection=COLLECTIONS),
        "results/catalogue/quality.json",
        "results/catalogue/quality.png",
        "results/catalogue/reliability.png",
        ADAPTATION,
        expand("results/{queries}/neighbours.parquet", queries=QUERIES),
        expand("results/{queries}/in_catalogue.csv", queries=QUERIES),
        expand("results/{queries}/predictions.csv", queries=QUERIES),
        expand("results/{queries}/metrics.json", queries=QUERIES),
        expand("results/{queries}/confusion.png", queries=QUERIES),
        expand("results/{queries}/report.html", queries=QUERIES),


# Asked for by name, `snakemake --cores 8 audit`: it compares all images of the catalogue.
rule audit:
    input:
        "results/catalogue/audit.csv",
        "results/catalogue/report.html",
