# The perceptual hashes and the thumbnails stand outside the outputs: they are kept.
rule audit_catalogue:
    input:
        catalogue=CATALOGUE,
        manifest="results/catalogue/manifest.parquet",
    output:
        audit=report(
            "results/catalogue/audit.csv",
            caption="../report/audit.rst",
            category="Catalogue",
        ),
        classes="results/catalogue/classes.csv",
    log:
        "logs/catalogue/audit.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=room_for_features(copies=3),
        runtime=growing(120),
    params:
        voters=config["search"]["neighbours"],
        code=CODE,
    message:
        "Looking for what deserves a look in the catalogue"
    script:
        "../scripts/audit_catalogue.py"


rule audit_report:
    input:
        audit="results/catalogue/audit.csv",
        classes="results/catalogue/classes.csv",
        manifest="results/catalogue/manifest.parquet",
        model="results/model/model.json",
    output:
        "results/catalogue/report.html",
    log:
        "logs/catalogue/audit_report.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=CODE,
    message:
        "Writing the page of the catalogue's audit"
    script:
        "../scripts/audit_report.py"
