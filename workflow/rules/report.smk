# The thumbnails stand outside the outputs: they are kept from run to run, and only new ones made.
rule report:
    input:
        predictions="results/{queries}/predictions.csv",
        votes="results/{queries}/votes.csv",
        metrics="results/{queries}/metrics.json",
        confusion="results/{queries}/confusion.csv",
        rejected="results/{queries}/rejected.csv",
        catalogue_rejected="results/catalogue/rejected.csv",
        manifest="results/{queries}/manifest.parquet",
        catalogue_manifest="results/catalogue/manifest.parquet",
        quality="results/catalogue/quality.json",
        model="results/model/model.json",
    output:
        page="results/{queries}/report.html",
        portable=report(
            "results/{queries}/report_portable.html",
            caption="../report/page.rst",
            category="Report",
            subcategory="{queries}",
        ),
    log:
        "logs/{queries}/report.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        neighbours=config["search"]["neighbours"],
        code=CODE,
    message:
        "Writing the report of {wildcards.queries}"
    script:
        "../scripts/report.py"
