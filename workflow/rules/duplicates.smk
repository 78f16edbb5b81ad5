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
    params:
        code=code("duplicates", "perceptual", "thumbnails", "preparation"),
    message:
        "Looking for images of {wildcards.queries} that stand in the catalogue"
    script:
        "../scripts/duplicates.py"
