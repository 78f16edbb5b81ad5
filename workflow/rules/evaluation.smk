rule quality:
    input:
        plan=PLAN,
        catalogue=CATALOGUE,
        images="results/catalogue/images.parquet",
        reduced=REDUCED,
        comparison=COMPARISON,
    output:
        report(
            "results/catalogue/quality.json",
            caption="../report/quality.rst",
            category="Catalogue",
            labels={"result": "Quality"},
        ),
    log:
        "logs/catalogue/quality.log",
    priority: 1
    conda:
        "../envs/pipeline.yaml"
    # An adapted similarity is fitted many times.
    threads: 1 if METRIC == "cosine" else 2
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        metric=METRIC,
        coverage=config["search"]["coverage"],
        code=CODE,
    message:
        "Classifying the catalogue's photos as if they were new"
    script:
        "../scripts/quality.py"


# With an adapted similarity, no job waits for it. Its priority is then below that of all others:
# with its two threads, it would keep another job from starting on two cores.
rule compare_metrics:
    input:
        plan=PLAN,
        catalogue=CATALOGUE,
        images="results/catalogue/images.parquet",
    output:
        METRIC_COMPARISON,
    log:
        "logs/catalogue/compare_metrics.log",
    priority: 1 if COMPARISON or ADVICE else -1
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    params:
        voters=config["search"]["neighbours"],
        vote=config["search"]["vote"],
        metric=METRIC,
        code=CODE,
    message:
        "Comparing the metrics on the catalogue's photos"
    script:
        "../scripts/compare_metrics.py"


# Each entry is a run of this workflow in another folder, with other settings. It shares the shards,
# which never change.
rule compare_entry:
    input:
        before_jobs(lambda wildcards: network_digests(ENTRIES[wildcards.entry])),
    output:
        "results/compare/{entry}.json",
    log:
        "logs/compare/{entry}.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    # `workflow.cores` fails if another executor runs the jobs.
    threads: workflow.resource_settings.cores or 1
    params:
        settings=lambda wildcards: ENTRIES[wildcards.entry],
        network=lambda wildcards: network_digests(ENTRIES[wildcards.entry]),
        decisions=lambda wildcards: decisions_digests(),
        # Decisions can make queries members of the catalogue.
        fingerprints=lambda wildcards: [
            fingerprint_of(name)
            for name in (COLLECTIONS if DECISIONS else ["catalogue"])
        ],
        retried=lambda wildcards: retried(
            RESULTS.folder
            / f"compare/{wildcards.entry}/results/catalogue/{retries.NAME}"
        ),
        code=CODE,
    message:
        "Running the settings {wildcards.entry}"
    script:
        "../scripts/compare_entry.py"


# The first row has the current settings.
rule compare_table:
    input:
        before_jobs(lambda wildcards: checked("", settings_comparison.check, ENTRIES)),
        plan=PLAN,
        model="results/model/model.json",
        timing="results/catalogue/timing.json",
        quality="results/catalogue/quality.json",
        entries=expand("results/compare/{entry}.json", entry=ENTRIES),
    output:
        table=report(
            "results/compare.csv",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"result": "Comparison, table"},
        ),
        plot=report(
            "results/compare.png",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"result": "Comparison, figure"},
        ),
    log:
        "logs/compare_table.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        code=CODE,
    message:
        "Comparing settings"
    script:
        "../scripts/compare_table.py"
