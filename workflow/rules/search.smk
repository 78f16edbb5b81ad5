rule components:
    input:
        plan=PLAN,
        catalogue="results/catalogue/images.parquet",
        comparison=COMPARISON,
    output:
        components="results/catalogue/components.npz",
        reduced="results/catalogue/reduced.parquet",
    log:
        "logs/catalogue/components.log",
    priority: 1
    conda:
        "../envs/pipeline.yaml"
    # With one thread, the result is the same to the last bit on any number of cores.
    threads: 1
    params:
        metric=METRIC,
        code=CODE,
    message:
        "Reducing the features of the catalogue to their principal components"
    script:
        "../scripts/components.py"


rule adapt:
    input:
        plan=PLAN,
        catalogue="results/catalogue/images.parquet",
        reduced="results/catalogue/reduced.parquet",
    output:
        "results/catalogue/adaptation.npz",
    log:
        "logs/catalogue/adapt.log",
    priority: 1
    conda:
        "../envs/pipeline.yaml"
    # With one thread, the result is the same to the last bit on any number of cores.
    threads: 1
    params:
        code=CODE,
    message:
        "Fitting the similarity to the catalogue's classes"
    script:
        "../scripts/adapt.py"


rule approximate:
    input:
        plan=PLAN,
        catalogue="results/catalogue/images.parquet",
        learned=LEARNED,
        comparison=COMPARISON,
    output:
        INDEX,
    log:
        "logs/catalogue/approximate.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        neighbours=NEIGHBOURS,
        metric=METRIC,
        code=CODE,
    message:
        "Building the index for the approximate search"
    script:
        "../scripts/approximate.py"


# The shards are not inputs: planning with thousands of them would take time in every run.
rule search:
    input:
        plan=PLAN,
        catalogue="results/catalogue/images.parquet",
        queries="results/{queries}/images.parquet",
        learned=LEARNED,
        approximate=APPROXIMATE,
        comparison=COMPARISON,
    output:
        neighbours=search_output("neighbours"),
        candidates=search_output("candidates"),
    log:
        "logs/{queries}/search.log"
        if PARTS == 1
        else "logs/{queries}/search-{part}.log",
    priority: 1
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    params:
        neighbours=NEIGHBOURS,
        metric=METRIC,
        parts=PARTS,
        code=CODE,
    message:
        "Searching the catalogue for {wildcards.queries}"
    script:
        "../scripts/search.py"


if PARTS > 1:

    rule join_search:
        input:
            plan=PLAN,
            neighbours=parts_of("neighbours"),
            candidates=parts_of("candidates"),
        output:
            neighbours="results/{queries}/neighbours.parquet",
            candidates="results/{queries}/candidates.parquet",
        log:
            "logs/{queries}/join_search.log",
        conda:
            "../envs/pipeline.yaml"
        params:
            neighbours=NEIGHBOURS,
            code=CODE,
        message:
            "Joining the neighbours of {wildcards.queries}"
        script:
            "../scripts/join_search.py"
