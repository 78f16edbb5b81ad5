rule predict:
    input:
        catalogue="results/catalogue/features.pkl",
        queries="results/{queries}/features.pkl",
        rejected="results/{queries}/rejected.csv",
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
    threads: 2
    resources:
        mem_mb=room_for(copies=2),
        runtime=growing(60),
    params:
        neighbours=config["search"]["neighbours"],
        code=code("predictions", "search", "vote", "index"),
    message:
        "Searching the catalogue for {wildcards.queries}"
    script:
        "../scripts/predict.py"
