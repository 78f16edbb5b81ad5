rule plot:
    input:
        predictions="results/{queries}/predictions.csv",
        confusion="results/{queries}/confusion.csv",
    output:
        confusion=report(
            "results/{queries}/confusion.png",
            caption="../report/confusion.rst",
            category="Plots",
            subcategory="{queries}",
        ),
        confusion_svg="results/{queries}/confusion.svg",
        similarity=report(
            "results/{queries}/similarity.png",
            caption="../report/similarity.rst",
            category="Plots",
            subcategory="{queries}",
        ),
    log:
        "logs/{queries}/plot.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        code=CODE,
    message:
        "Plotting the figures of {wildcards.queries}"
    script:
        "../scripts/plot.py"
