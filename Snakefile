from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


# In the order in which the data flows.
include: "workflow/rules/common.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/backbones.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/catalogue.smk"
include: "workflow/rules/classification.smk"
include: "workflow/rules/report.smk"


# Snakemake has set its own handlers, and its scheduler is there.
onstart:
    handle_sigterm_in_a_thread()
    lift_limit_over_no_time()
    files.remove_temporaries(Path("results"))


onsuccess:
    tell_outcome()


onerror:
    mark_unfinished()


# Each target lists all that persists: after a job has failed, Snakemake makes anew only what is
# asked for, and what was made of its old output would stand. A target's message stands in place
# of the list.
rule all:
    default_target: True
    input:
        *features_of(*COLLECTIONS),
        LEARNED,
        APPROXIMATE,
        rules.quality.output,
        rules.compare_metrics.output,
        rules.plot_catalogue.output,
        in_results(
            QUERIES,
            *("neighbours.parquet", "candidates.parquet"),
            *("predictions.csv", "votes.csv", "metrics.json", "confusion.csv"),
            *("confusion.png", "confusion.svg", "similarity.png"),
            "report.html",
            *(["products.csv"] if PRODUCT else []),
        ),
    message:
        "All that was asked for is there"


# Asked for by name, `snakemake --cores 8 portable`: the reports as single files, to be sent.
rule portable:
    input:
        rules.all.input,
        in_results(QUERIES, "report_portable.html"),
    message:
        "The reports to send are there: results/<set>/report_portable.html"


# What each entry of `compare` asks for.
rule catalogue:
    input:
        *features_of("catalogue"),
        COMPARISON,
        rules.quality.output,
    message:
        "The catalogue is there: results/catalogue/quality.json"


# Asked for by name, `snakemake --cores 8 compare`: every entry is a run of its own.
rule compare:
    input:
        expand("results/compare/{entry}.json", entry=ENTRIES),
        rules.compare_table.output,
    message:
        "The comparison is there: results/compare.csv"


# Asked for by name, `snakemake --cores 8 audit`: it compares all images of the catalogue.
rule audit:
    input:
        *features_of("catalogue"),
        rules.audit_catalogue.output,
        rules.audit_report.output,
    message:
        "The audit is there: results/catalogue/report.html"
