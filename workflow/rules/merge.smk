rule merge:
    input:
        manifest="results/{collection}/manifest.parquet",
        model="results/model/model.json",
        shards=lambda wildcards: shards(wildcards.collection),
    output:
        index="results/{collection}/features.pkl",
        rejected="results/{collection}/rejected.csv",
        duplicates="results/{collection}/duplicates.csv",
        timing="results/{collection}/timing.json",
    log:
        "logs/{collection}/merge.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        mem_mb=room_for(copies=2),
        runtime=growing(60),
    params:
        on_error=config["images"]["on_error"],
        code=code("merge", "index", "shards", "files"),
    message:
        "Merging the features of {wildcards.collection}"
    script:
        "../scripts/merge.py"
