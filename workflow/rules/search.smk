rule search:
    input:
        catalogue="results/catalogue/features.pkl",
        queries="results/{queries}/features.pkl",
        adaptation=ADAPTATION,
    output:
        "results/{queries}/neighbours.parquet",
    log:
        "logs/{queries}/search.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=room_for(copies=2),
        runtime=growing(60),
    params:
        # The three most similar images are shown, whatever the number of votes.
        neighbours=max(config["search"]["neighbours"], 3),
        code=code("neighbours", "search", "index", "adaptation"),
    message:
        "Searching the catalogue for {wildcards.queries}"
    script:
        "../scripts/search.py"
