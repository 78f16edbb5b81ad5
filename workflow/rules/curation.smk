# `differences.parquet` is kept between runs, so it is not an output.
rule audit_catalogue:
    input:
        plan=PLAN,
        catalogue=CATALOGUE,
        images="results/catalogue/images.parquet",
    output:
        audit=report(
            "results/catalogue/audit.csv",
            caption="../report/audit.rst",
            category="Catalogue",
            labels={"result": "Audit"},
        ),
        classes="results/catalogue/classes.csv",
    log:
        "logs/catalogue/audit.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        voters=config["search"]["neighbours"],
        photo_faults=config["photo_faults"],
        code=CODE,
    message:
        "Auditing the catalogue"
    script:
        "../scripts/audit_catalogue.py"


# How photos of the catalogue lie. `rotations.parquet` is kept between runs, so it is not an output.
rule learn_orientation:
    input:
        plan=PLAN,
        images="results/catalogue/images.parquet",
        model="results/model/model.json",
        backbone=[] if STORED else ancient("results/model/backbone"),
    output:
        "results/catalogue/orientation.npz",
    log:
        "logs/catalogue/learn_orientation.log",
    conda:
        "../envs/pipeline.yaml"
    threads: EXTRACTION_THREADS
    params:
        max_pixels=config["images"]["max_pixels"],
        code=CODE,
    message:
        "Learning how the photos of the catalogue lie"
    script:
        "../scripts/learn_orientation.py"


# `rotations.parquet` and `rotated_differences.parquet` are kept between runs, so they are not
# outputs.
rule find_rotated:
    input:
        plan=PLAN,
        images="results/{collection}/images.parquet",
        catalogue=CATALOGUE,
        catalogue_images="results/catalogue/images.parquet",
        orientation="results/catalogue/orientation.npz",
        model="results/model/model.json",
        backbone=[] if STORED else ancient("results/model/backbone"),
    output:
        "results/{collection}/rotated.csv",
    log:
        "logs/{collection}/find_rotated.log",
    conda:
        "../envs/pipeline.yaml"
    threads: EXTRACTION_THREADS
    params:
        max_pixels=config["images"]["max_pixels"],
        code=CODE,
    message:
        "Looking for rotated photos in {wildcards.collection}"
    script:
        "../scripts/find_rotated.py"


rule class_advice:
    input:
        plan=PLAN,
        catalogue=CATALOGUE,
        images="results/catalogue/images.parquet",
        reduced=REDUCED,
        comparison=COMPARISON,
    output:
        "results/catalogue/advice.csv",
    log:
        "logs/catalogue/class_advice.log",
    conda:
        "../envs/pipeline.yaml"
    # As in `quality`.
    threads: 1 if METRIC == "cosine" else 2
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        metric=METRIC,
        code=CODE,
    message:
        "Looking for classes to merge"
    script:
        "../scripts/class_advice.py"


rule map_catalogue:
    input:
        plan=PLAN,
        catalogue=CATALOGUE,
        images="results/catalogue/images.parquet",
    output:
        "results/catalogue/map.parquet",
    log:
        "logs/catalogue/map.log",
    conda:
        "../envs/pipeline.yaml"
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        code=CODE,
    message:
        "Placing the catalogue's photos on a map"
    script:
        "../scripts/map_catalogue.py"


# Only on request: `snakemake --cores 8 export`. The folder is not an output, since Snakemake would
# remove what is in it.
rule export:
    input:
        plan=PLAN,
        images="results/catalogue/images.parquet",
    log:
        "logs/catalogue/export.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        folder=lambda wildcards: config["export"]["folder"],
        how=config["export"]["as"],
        product=lambda wildcards: product_of("catalogue"),
    message:
        "Writing the corrected catalogue to {params.folder}"
    script:
        "../scripts/export.py"
