# `differences.parquet` is kept between runs, so it is not an output.
rule predict:
    input:
        plan=PLAN,
        neighbours="results/{queries}/neighbours.parquet",
        candidates="results/{queries}/candidates.parquet",
        rejected="results/{queries}/rejected.csv",
        manifest="results/{queries}/manifest.parquet",
        queries="results/{queries}/images.parquet",
        catalogue="results/catalogue/images.parquet",
        quality="results/catalogue/quality.json",
        model="results/model/model.json",
    output:
        predictions=report(
            "results/{queries}/predictions.csv",
            caption="../report/predictions.rst",
            category="Predictions",
            subcategory="{queries}",
            labels={"result": "Predictions"},
        ),
        votes="results/{queries}/votes.csv",
        groups="results/{queries}/groups.csv",
        products=(
            report(
                "results/{queries}/products.csv",
                caption="../report/products.rst",
                category="Predictions",
                subcategory="{queries}",
                labels={"result": "Products"},
            )
            if PRODUCT
            else []
        ),
        metrics=report(
            "results/{queries}/metrics.json",
            caption="../report/metrics.rst",
            category="Metrics",
            subcategory="{queries}",
            labels={"result": "Metrics"},
        ),
        confusion=report(
            "results/{queries}/confusion.csv",
            caption="../report/confusion.rst",
            category="Metrics",
            subcategory="{queries}",
            labels={"result": "Confusion matrix, table"},
        ),
    log:
        "logs/{queries}/predict.log",
    priority: 1
    conda:
        "../envs/pipeline.yaml"
    # A second thread is useful from about 100 queries. Two smaller query sets run in parallel.
    threads: lambda wildcards, input: 2 if size_of(input.candidates) > 10_000 else 1
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        reject=config["search"]["reject"],
        photo_faults=config["photo_faults"],
        extra_columns=lambda wildcards: columns_of(wildcards.queries),
        listed=lambda wildcards: is_list(wildcards.queries),
        product=lambda wildcards: product_of(wildcards.queries),
        code=CODE,
    message:
        "Predicting the classes of {wildcards.queries}"
    script:
        "../scripts/predict.py"


# Only on request: `snakemake --cores 8 neighbours`.
rule list_neighbours:
    input:
        plan=PLAN,
        neighbours="results/{queries}/neighbours.parquet",
        catalogue="results/catalogue/images.parquet",
        quality="results/catalogue/quality.json",
    output:
        "results/{queries}/neighbours.csv",
    log:
        "logs/{queries}/list_neighbours.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        most=config["neighbours_csv"]["most"],
        least_similarity=config["neighbours_csv"]["least_similarity"],
        code=CODE,
    message:
        "Listing the neighbours of {wildcards.queries}"
    script:
        "../scripts/list_neighbours.py"
