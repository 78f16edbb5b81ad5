# Once for all collections: equal contents are extracted once, wherever they stand. It looks for
# the shards of earlier runs beside its output.
checkpoint plan:
    input:
        before_jobs(lambda wildcards: warn_of_similar_classes()),
        manifests=in_results(COLLECTIONS, "manifest.parquet"),
        model="results/model/model.json",
    output:
        contents="results/plan/contents.parquet",
        shards="results/plan/shards.json",
        overrides="results/plan/overrides.parquet",
    log:
        "logs/plan.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        # A profile sets it for a cluster. A resource, since a parameter would run the rule
        # again when the number changes.
        jobs=max(1, (workflow.resource_settings.cores or 1) // EXTRACTION_THREADS),
    params:
        collections=COLLECTIONS,
        decisions=lambda wildcards: decided_digests(),
        max_pixels=config["images"]["max_pixels"],
        code=CODE,
    message:
        "Looking for images without features"
    script:
        "../scripts/plan.py"


# Shards never change: their name tells their images and the model. That is why the inputs are
# `ancient`, and why nothing that changes may be a parameter here.
rule extract:
    input:
        plan=ancient("results/plan/contents.parquet"),
        model=ancient("results/model/model.json"),
        backbone=[] if STORED else ancient("results/model/backbone"),
    output:
        "results/features/{model}/{shard}.parquet",
    log:
        "logs/features/{model}/{shard}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: EXTRACTION_THREADS
    message:
        "Extracting the features of shard {wildcards.shard}"
    script:
        "../scripts/extract.py"


# The plan is `ancient`, since it is made anew with every new image of any collection and with every
# decision. Where a collection's shards change by it, so do the inputs here, and where its overrides
# do, the parameter.
rule merge:
    input:
        manifest="results/{collection}/manifest.parquet",
        plan=ancient("results/plan/contents.parquet"),
        overrides=ancient("results/plan/overrides.parquet"),
        model="results/model/model.json",
        shards=lambda wildcards: shards_of(wildcards.collection),
    output:
        images="results/{collection}/images.parquet",
        index="results/{collection}/features.pkl" if PICKLED else [],
        rejected="results/{collection}/rejected.csv",
        members="results/{collection}/members.csv",
        duplicates="results/{collection}/duplicates.csv",
        timing="results/{collection}/timing.json",
    log:
        "logs/{collection}/merge.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        max_pixels=config["images"]["max_pixels"],
        on_error=config["images"]["on_error"],
        label_from=lambda wildcards: (
            "list" if is_list(wildcards.collection) else "folder"
        ),
        overrides=lambda wildcards: planned()["overrides"][wildcards.collection],
        code=CODE,
    message:
        "Listing the readable images of {wildcards.collection}"
    script:
        "../scripts/merge.py"


# Asked for by name, `snakemake --cores 1 tidy`: no other rule removes features.
rule tidy:
    input:
        rules.plan.output.shards,
    log:
        "logs/tidy.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    message:
        "Removing the features that nobody needs any more"
    script:
        "../scripts/tidy.py"
