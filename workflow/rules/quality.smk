rule quality:
    input:
        catalogue="results/catalogue/features.pkl",
    output:
        quality=report(
            "results/catalogue/quality.json",
            caption="../report/quality.rst",
            category="Catalogue",
        ),
        curve=report(
            "results/catalogue/quality.png",
            caption="../report/quality.rst",
            category="Catalogue",
        ),
    log:
        "logs/catalogue/quality.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        metric=config["search"]["metric"],
        code=code(
            "quality",
            "leave_one_out",
            "adaptation",
            "neighbours",
            "search",
            "vote",
            "plots",
        ),
    message:
        "Asking the catalogue's images as if they were new"
    script:
        "../scripts/quality.py"
