rule plot:
    input:
        plan=PLAN,
        predictions="results/{queries}/predictions.csv",
        confusion="results/{queries}/confusion.csv",
    output:
        confusion=report(
            "results/{queries}/confusion.png",
            caption="../report/confusion.rst",
            category="Plots",
            subcategory="{queries}",
            labels={"result": "Confusion matrix"},
        ),
        confusion_svg="results/{queries}/confusion.svg",
        similarity=report(
            "results/{queries}/similarity.png",
            caption="../report/similarity.rst",
            category="Plots",
            subcategory="{queries}",
            labels={"result": "Similarity"},
        ),
    log:
        "logs/{queries}/plot.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        extra_columns=lambda wildcards: columns_of(wildcards.queries),
        code=CODE,
    message:
        "Plotting the figures of {wildcards.queries}"
    script:
        "../scripts/plot.py"


rule plot_catalogue:
    input:
        plan=PLAN,
        quality="results/catalogue/quality.json",
    output:
        curve=report(
            "results/catalogue/quality.png",
            caption="../report/quality.rst",
            category="Catalogue",
            labels={"result": "Accuracy by neighbours"},
        ),
        reliability=report(
            "results/catalogue/reliability.png",
            caption="../report/reliability.rst",
            category="Catalogue",
            labels={"result": "Reliability of the confidence"},
        ),
    log:
        "logs/catalogue/plot.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        code=CODE,
    message:
        "Plotting the figures of the catalogue"
    script:
        "../scripts/plot_catalogue.py"


# The thumbnails, history.csv, changed.csv and answers.parquet are kept between runs, so they are
# not outputs.
rule report:
    input:
        plan=PLAN,
        predictions="results/{queries}/predictions.csv",
        votes="results/{queries}/votes.csv",
        groups="results/{queries}/groups.csv",
        products="results/{queries}/products.csv" if PRODUCT else [],
        neighbours="results/{queries}/neighbours.parquet",
        metrics="results/{queries}/metrics.json",
        confusion="results/{queries}/confusion.csv",
        rejected="results/{queries}/rejected.csv",
        catalogue_rejected="results/catalogue/rejected.csv",
        manifest="results/{queries}/manifest.parquet",
        catalogue="results/catalogue/images.parquet",
        quality="results/catalogue/quality.json",
        advice=ADVICE,
        model="results/model/model.json",
    output:
        "results/{queries}/report.html",
    log:
        "logs/{queries}/report.log",
    priority: 1
    conda:
        "../envs/pipeline.yaml"
    resources:
        # Threads that make thumbnails. The job takes only one core: without new photos it needs no
        # more, and for two it would have to wait for jobs that are less urgent.
        decoders=min(2, workflow.resource_settings.cores or 1),
    params:
        neighbours=config["search"]["neighbours"],
        extra_columns=lambda wildcards: columns_of(wildcards.queries),
        product=lambda wildcards: product_of(wildcards.queries),
        decisions=lambda wildcards: config["decisions"],
        decisions_digests=lambda wildcards: decisions_digests(),
        code=CODE,
    message:
        "Writing the report of {wildcards.queries}"
    script:
        "../scripts/report.py"


# Made from the page alone.
rule report_portable:
    input:
        plan=PLAN,
        page="results/{queries}/report.html",
    output:
        report(
            "results/{queries}/report_portable.html",
            caption="../report/page.rst",
            category="Report",
            subcategory="{queries}",
            labels={"result": "Report"},
        ),
    log:
        "logs/{queries}/report_portable.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        view=config["portable"],
        view_digest=lambda wildcards: digests_of("portable", VIEWS),
        code=CODE,
    message:
        "Writing the report of {wildcards.queries} as one file to send"
    script:
        "../scripts/report_portable.py"


# Made from the page alone. People may have decided in the former workbook, so it is not deleted
# before the job starts.
rule report_workbook:
    input:
        plan=PLAN,
        page="results/{queries}/report.html",
    output:
        update("results/{queries}/predictions.xlsx"),
    log:
        "logs/{queries}/report_workbook.log",
    conda:
        "../envs/pipeline.yaml"
    resources:
        # As in `report`.
        decoders=min(2, workflow.resource_settings.cores or 1),
    params:
        code=CODE,
    message:
        "Writing the workbook of {wildcards.queries}"
    script:
        "../scripts/report_workbook.py"


rule audit_report:
    input:
        plan=PLAN,
        audit="results/catalogue/audit.csv",
        classes="results/catalogue/classes.csv",
        rotated=in_results(COLLECTIONS, "rotated.csv"),
        members=in_results(COLLECTIONS, "images.parquet"),
        advice="results/catalogue/advice.csv",
        images="results/catalogue/images.parquet",
        manifest="results/catalogue/manifest.parquet",
        model="results/model/model.json",
    output:
        "results/catalogue/report.html",
    log:
        "logs/catalogue/audit_report.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        collections=COLLECTIONS,
        decisions=lambda wildcards: config["decisions"],
        decisions_digests=lambda wildcards: decisions_digests(),
        code=CODE,
    message:
        "Writing the page of the catalogue's audit"
    script:
        "../scripts/audit_report.py"


# The thumbnails are kept between runs, so they are not an output.
rule map_page:
    input:
        plan=PLAN,
        map="results/catalogue/map.parquet",
        images="results/catalogue/images.parquet",
        model="results/model/model.json",
    output:
        "results/catalogue/map.html",
    log:
        "logs/catalogue/map_page.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        decisions=lambda wildcards: config["decisions"],
        decisions_digests=lambda wildcards: decisions_digests(),
        code=CODE,
    message:
        "Writing the page with the map of the catalogue"
    script:
        "../scripts/map_page.py"
