PARTS = config["search"]["parts"]


# The shards are no inputs: the merge has read them, and naming thousands would cost each run time.
rule search:
    input:
        catalogue="results/catalogue/images.parquet",
        queries="results/{queries}/images.parquet",
        adaptation=ADAPTATION,
        approximate=APPROXIMATE,
    output:
        (
            "results/{queries}/neighbours.parquet"
            if PARTS == 1
            else temp(f"results/{{queries}}/neighbours/{{part}}-of-{PARTS}.parquet")
        ),
    log:
        "logs/{queries}/search.log"
        if PARTS == 1
        else "logs/{queries}/search-{part}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        # A block of the catalogue, three shards and 4,096 queries, whatever there is of them.
        mem_mb=growing(1500 + config["extraction"]["shard_size"] // 30),
        runtime=growing(60),
    params:
        neighbours=NEIGHBOURS,
        parts=PARTS,
        code=CODE,
    message:
        "Searching the catalogue for {wildcards.queries}"
    script:
        "../scripts/search.py"


if PARTS > 1:

    rule gather:
        input:
            expand(
                "results/{{queries}}/neighbours/{part}-of-{parts}.parquet",
                part=range(PARTS),
                parts=PARTS,
            ),
        output:
            "results/{queries}/neighbours.parquet",
        log:
            "logs/{queries}/gather.log",
        conda:
            "../envs/pipeline.yaml"
        resources:
            # Unpacked, the neighbours take many times the room of their file.
            mem_mb=room_for(copies=20),
            runtime=growing(60),
        params:
            neighbours=NEIGHBOURS,
            code=CODE,
        message:
            "Gathering the neighbours of {wildcards.queries}"
        script:
            "../scripts/gather.py"
