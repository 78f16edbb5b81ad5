# The images are no inputs: with thousands of them Snakemake would spend seconds on every run.
# The fingerprint of the folder, a parameter, runs the rule when one of them changes.
rule manifest:
    input:
        before_jobs(lambda wildcards: fingerprint_of(wildcards.collection)),
    output:
        "results/{collection}/manifest.parquet",
    log:
        "logs/{collection}/manifest.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    params:
        fingerprint=lambda wildcards: fingerprint_of(wildcards.collection),
        location=lambda wildcards: location_of(wildcards.collection),
        follow_links=config["images"]["follow_links"],
        extra_columns=lambda wildcards: columns_of(wildcards.collection),
        product=lambda wildcards: PRODUCT,
        most_failed=config["remote"]["most_failed"],
        code=CODE,
    message:
        "Looking through the images of {wildcards.collection}"
    script:
        "../scripts/manifest.py"
