rule approximate:
    input:
        catalogue="results/catalogue/images.parquet",
        adaptation=ADAPTATION,
    output:
        INDEX,
    log:
        "logs/catalogue/approximate.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        # The table has 40 bytes for an image, the index two for each feature, twice while it grows.
        mem_mb=room_for(copies=150),
        runtime=growing(120),
    params:
        neighbours=NEIGHBOURS,
        code=CODE,
    message:
        "Making the index for the approximate search"
    script:
        "../scripts/approximate.py"
