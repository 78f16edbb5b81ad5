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
