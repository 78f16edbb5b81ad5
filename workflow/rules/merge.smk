rule merge:
    input:
        manifest="results/{collection}/manifest.parquet",
        model="results/model/model.json",
        shards=lambda wildcards: shards(wildcards.collection),
    output:
        images="results/{collection}/images.parquet",
        index="results/{collection}/features.pkl" if PICKLED else [],
        rejected="results/{collection}/rejected.csv",
        duplicates="results/{collection}/duplicates.csv",
        timing="results/{collection}/timing.json",
    log:
        "logs/{collection}/merge.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=room_for(copies=2 if PICKLED else 0.5),
        runtime=growing(60),
    params:
        on_error=config["images"]["on_error"],
        code=CODE,
    message:
        "Listing the readable images of {wildcards.collection}"
    script:
        "../scripts/merge.py"
