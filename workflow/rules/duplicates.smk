# The perceptual hashes stand outside the outputs: they are kept from run to run.
rule duplicates:
    input:
        neighbours="results/{queries}/neighbours.parquet",
        manifest="results/{queries}/manifest.parquet",
        catalogue_manifest="results/catalogue/manifest.parquet",
    output:
        "results/{queries}/in_catalogue.csv",
    log:
        "logs/{queries}/duplicates.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=CODE,
    message:
        "Looking for images of {wildcards.queries} that stand in the catalogue"
    script:
        "../scripts/duplicates.py"
