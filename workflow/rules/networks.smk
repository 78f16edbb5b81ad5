rule model:
    input:
        weights=config["weights"] or [],
    output:
        description="results/model/model.json",
        backbone=directory("results/model/backbone"),
    log:
        "logs/model.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        backbone=config["backbone"],
        fallback=config["fallback"],
        engine=config["engine"],
        resample=config["images"]["resample"],
        code=NETWORKS_CODE,
    message:
        "Building the backbone {params.backbone}"
    script:
        "../scripts/model.py"
