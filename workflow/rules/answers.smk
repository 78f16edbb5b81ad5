# The perceptual hashes stand outside the outputs: they are kept from run to run.
rule duplicates:
    input:
        neighbours="results/{queries}/neighbours.parquet",
        manifest="results/{queries}/manifest.parquet",
        catalogue_manifest="results/catalogue/manifest.parquet",
    output:
        "results/{queries}/in_catalogue.csv",
    log:
        "logs/{queries}/duplicates.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        code=CODE,
    message:
        "Looking for images of {wildcards.queries} that stand in the catalogue"
    script:
        "../scripts/duplicates.py"


rule predict:
    input:
        neighbours="results/{queries}/neighbours.parquet",
        rejected="results/{queries}/rejected.csv",
        quality="results/catalogue/quality.json",
        duplicates="results/{queries}/in_catalogue.csv",
    output:
        predictions=report(
            "results/{queries}/predictions.csv",
            caption="../report/predictions.rst",
            category="Predictions",
            subcategory="{queries}",
        ),
        votes="results/{queries}/votes.csv",
    log:
        "logs/{queries}/predict.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        metric=config["search"]["metric"],
        reject=config["search"]["reject"],
        code=CODE,
    message:
        "Predicting the classes of {wildcards.queries}"
    script:
        "../scripts/predict.py"


rule evaluate:
    input:
        predictions="results/{queries}/predictions.csv",
        model="results/model/model.json",
    output:
        metrics=report(
            "results/{queries}/metrics.json",
            caption="../report/metrics.rst",
            category="Metrics",
            subcategory="{queries}",
        ),
        confusion=report(
            "results/{queries}/confusion.csv",
            caption="../report/confusion.rst",
            category="Metrics",
            subcategory="{queries}",
        ),
    log:
        "logs/{queries}/evaluate.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        code=CODE,
    message:
        "Evaluating {wildcards.queries}"
    script:
        "../scripts/evaluate.py"
