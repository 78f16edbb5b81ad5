rule model:
    input:
        before_jobs(lambda wildcards: network_digests(config)),
        # Photos that come or go later leave the network as it is.
        photos=ancient("results/catalogue/manifest.parquet") if QUANTISED else [],
    output:
        description="results/model/model.json",
        # The plugin for S3 does not find a folder that was not there when the run began.
        backbone=[] if STORED else directory("results/model/backbone"),
    log:
        "logs/model.log",
    # What the network is made of stands where Snakemake runs.
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
