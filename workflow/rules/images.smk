# Photos are not inputs: with thousands of them, planning would take seconds in every run. The
# collection's fingerprint is a parameter instead, which changes when a photo does.
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
        ignore=config["images"]["ignore"],
        extra_columns=lambda wildcards: columns_of(wildcards.collection),
        product=lambda wildcards: product_of(wildcards.collection),
        own_folders=OWN_FOLDERS,
        most_failed=config["remote"]["most_failed"],
        code=CODE,
    message:
        "Listing the files of {wildcards.collection}"
    script:
        "../scripts/manifest.py"
