rule quality:
    input:
        catalogue=CATALOGUE,
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
        reliability=report(
            "results/catalogue/reliability.png",
            caption="../report/reliability.rst",
            category="Catalogue",
        ),
    log:
        "logs/catalogue/quality.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=room_for_features(copies=3),
        runtime=growing(60),
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        metric=config["search"]["metric"],
        code=CODE,
    message:
        "Asking the catalogue's images as if they were new"
    script:
        "../scripts/quality.py"
