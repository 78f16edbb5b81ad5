# One plan for all collections: equal contents are extracted once, wherever the photos are. It uses
# the shards of earlier runs in results/features/.
checkpoint plan:
    input:
        before_jobs(lambda wildcards: warn_of_similar_classes()),
        before_jobs(lambda wildcards: warn_of_deeper_classes()),
        before_jobs(lambda wildcards: warn_of_unused_columns()),
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
        # A cluster's profile sets it. As a parameter, it would run the rule again when it changes.
        jobs=max(1, (workflow.resource_settings.cores or 1) // EXTRACTION_THREADS),
    params:
        collections=COLLECTIONS,
        decisions=lambda wildcards: config["decisions"],
        decisions_digests=lambda wildcards: decisions_digests(),
        max_pixels=config["images"]["max_pixels"],
        shard_size=config["extraction"]["shard_size"],
        code=CODE,
    message:
        "Looking for photos without features"
    script:
        "../scripts/plan.py"


# Shards never change: their names depend on their photos and the model. So the inputs are
# `ancient`, and there are no parameters.
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


# The plan is `ancient`, since every new photo of any collection and every decision changes it. If a
# collection's shards change, the inputs here do too; if its label overrides change, the parameter.
rule merge:
    input:
        manifest="results/{collection}/manifest.parquet",
        plan=ancient("results/plan/contents.parquet"),
        overrides=ancient("results/plan/overrides.parquet"),
        model="results/model/model.json",
        shards=lambda wildcards: shards_of(wildcards.collection),
    output:
        images="results/{collection}/images.parquet",
        features="results/{collection}/features.pkl" if PICKLED else [],
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
        photo_faults=lambda wildcards: (
            config["photo_faults"] if wildcards.collection == "catalogue" else None
        ),
        overrides=lambda wildcards: planned()["overrides"][wildcards.collection],
        code=CODE,
    message:
        "Listing the readable photos of {wildcards.collection}"
    script:
        "../scripts/merge.py"


# Only on request: `snakemake --cores 1 tidy`. No other rule removes features.
rule tidy:
    input:
        rules.plan.output.shards,
    log:
        "logs/tidy.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    message:
        "Removing unused features"
    script:
        "../scripts/tidy.py"
