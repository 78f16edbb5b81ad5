from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


# In the order of the data flow.
include: "workflow/rules/common.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/backbones.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/classification.smk"
include: "workflow/rules/curation.smk"
include: "workflow/rules/report.smk"


# By now, Snakemake has set its signal handlers and has a scheduler.
onstart:
    handle_sigterm_in_a_thread()
    lift_limit_over_no_time()
    files.remove_temporaries(Path("results"))


onsuccess:
    show_outcome()


onerror:
    mark_unfinished()


# Each target lists all lasting files: after a failed job, Snakemake makes only the files that are
# requested, and files made from its former output would stay. The message is shown instead of the
# list.
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
        "All results are complete"


# Only on request: `snakemake --cores 8 portable` writes each report as one file to send.
rule portable:
    input:
        rules.all.input,
        in_results(QUERIES, "report_portable.html"),
    message:
        "The reports to send: results/<set>/report_portable.html"


# The target of each entry of `compare`.
rule catalogue:
    input:
        *features_of("catalogue"),
        COMPARISON,
        rules.quality.output,
    message:
        "The figures of the catalogue: results/catalogue/quality.json"


# Only on request: `snakemake --cores 8 compare`. Every entry is a separate run.
rule compare:
    input:
        expand("results/compare/{entry}.json", entry=ENTRIES),
        rules.compare_table.output,
    message:
        "The comparison: results/compare.csv"


# Only on request: `snakemake --cores 8 audit` compares all photos of the catalogue.
rule audit:
    input:
        *features_of("catalogue"),
        rules.audit_catalogue.output,
        rules.audit_report.output,
    message:
        "The audit: results/catalogue/report.html"
