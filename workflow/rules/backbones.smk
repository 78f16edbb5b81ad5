rule model:
    input:
        before_jobs(lambda wildcards: network_digests(config)),
        # Photos that are added or removed later do not change the network.
        photos=ancient("results/catalogue/manifest.parquet") if QUANTISED else [],
    output:
        description="results/model/model.json",
        # Snakemake's plugin for S3 does not find a folder that is created during the run.
        backbone=[] if STORED else directory("results/model/backbone"),
    log:
        "logs/model.log",
    # The files of weights or networks are where Snakemake runs.
    localrule: STORED and OWN_NETWORK
    conda:
        "../envs/pipeline.yaml"
    threads: 2 if QUANTISED else 1
    params:
        backbone=config["backbone"],
        weights=lambda wildcards: config["weights"],
        digests=lambda wildcards: network_digests(config),
        fallback=config["fallback"],
        engine=config["engine"],
        resample=config["images"]["resample"],
        precision=config["precision"],
        device=config["device"],
        max_pixels=config["images"]["max_pixels"] if QUANTISED else None,
        code=BACKBONES_CODE,
    message:
        "Building the backbone"
    script:
        "../scripts/model.py"
