# The last file of the catalogue: only if it is there, single photos can be asked about. So it names
# the settings and the files that the answers are made from.
rule describe_catalogue:
    input:
        plan=PLAN,
        model="results/model/model.json",
        images="results/catalogue/images.parquet",
        quality="results/catalogue/quality.json",
        learned=LEARNED,
        approximate=APPROXIMATE,
    output:
        "results/catalogue/description.json",
    log:
        "logs/catalogue/describe.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        settings={
            # Without links: `..` after one leads elsewhere.
            "project": os.path.relpath(
                Path.cwd().resolve(), Path(placed("results/")).resolve()
            ),
            "threads": EXTRACTION_THREADS,
            "max_pixels": config["images"]["max_pixels"],
            "voters": config["search"]["neighbours"],
            "vote": config["search"]["vote"],
            "reject": config["search"]["reject"],
            "neighbours": NEIGHBOURS,
            "products": PRODUCT,
            "decisions": [*map(str, DECISIONS)],
            "folders": {
                name: path for name, path in NAMED.items() if is_local_folder(path)
            },
            "queries": QUERIES,
        },
        code=CODE,
    message:
        "Describing the catalogue"
    script:
        "../scripts/describe_catalogue.py"
