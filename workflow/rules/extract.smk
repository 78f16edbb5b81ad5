# Shards never change: their name tells their images and the model. That is why the inputs are
# `ancient`, and why nothing that changes may be a parameter here.
rule extract:
    input:
        manifest=ancient("results/{collection}/manifest.parquet"),
        model=ancient("results/model/model.json"),
        backbone=ancient("results/model/backbone"),
    output:
        "results/{collection}/features/{shard}.parquet",
    log:
        "logs/{collection}/extract-{shard}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: config["extraction"]["threads"]
    resources:
        mem_mb=growing(1000 + 500 * config["extraction"]["threads"]),
        # EfficientNetB7 takes about a second for an image.
        runtime=growing(10 + config["extraction"]["shard_size"] // 60),
        gpu=1 if config["engine"] == "tensorflow" else None,
    message:
        "Extracting the features of {wildcards.collection}, shard {wildcards.shard}"
    script:
        "../scripts/extract.py"
