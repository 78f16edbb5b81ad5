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
    resources:
        # Unpacked, the neighbours take many times the room of their file.
        mem_mb=room_for(copies=20),
        runtime=growing(60),
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
