rule evaluate:
    input:
        predictions="results/{queries}/predictions.csv",
        model="results/model/model.json",
    output:
        metrics="results/{queries}/metrics.json",
        confusion="results/{queries}/confusion.csv",
    log:
        "logs/{queries}/evaluate.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        code=code("metrics"),
    message:
        "Evaluating {wildcards.queries}"
    script:
        "../scripts/evaluate.py"
