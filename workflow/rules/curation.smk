# `differences.parquet` is kept between runs, so it is not an output.
rule audit_catalogue:
    input:
        plan=PLAN,
        catalogue=CATALOGUE,
        images="results/catalogue/images.parquet",
    output:
        audit=report(
            "results/catalogue/audit.csv",
            caption="../report/audit.rst",
            category="Catalogue",
            labels={"result": "Audit"},
        ),
        classes="results/catalogue/classes.csv",
    log:
        "logs/catalogue/audit.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        voters=config["search"]["neighbours"],
        photo_faults=config["photo_faults"],
        code=CODE,
    message:
        "Auditing the catalogue"
    script:
        "../scripts/audit_catalogue.py"


# Only on request: `snakemake --cores 8 export`. The folder is not an output, since Snakemake would
# remove what is in it.
rule export:
    input:
        plan=PLAN,
        images="results/catalogue/images.parquet",
    log:
        "logs/catalogue/export.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=lambda wildcards: config["export"]["folder"],
        how=config["export"]["as"],
        product=lambda wildcards: product_of("catalogue"),
    message:
        "Writing the corrected catalogue to {params.folder}"
    script:
        "../scripts/export.py"
