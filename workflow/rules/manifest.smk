# The images are no inputs: with thousands of them Snakemake would spend seconds on every run.
# The fingerprint of the folder, a parameter, runs the rule when one of them changes.
checkpoint manifest:
    input:
        model="results/model/model.json",
    output:
        manifest="results/{collection}/manifest.parquet",
        shards="results/{collection}/shards.txt",
    log:
        "logs/{collection}/manifest.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
        # A profile sets it for a cluster. A resource, since a parameter would run the rule
        # again when the number changes.
        jobs=extraction_jobs(),
    params:
        fingerprint=lambda wildcards: summary(wildcards.collection).fingerprint,
        path=lambda wildcards: path_of(wildcards.collection),
        follow_links=config["images"]["follow_links"],
        max_pixels=config["images"]["max_pixels"],
        code=CODE,
    message:
        "Looking through the images of {wildcards.collection}"
    script:
        "../scripts/manifest.py"
