rule adapt:
    input:
        catalogue=CATALOGUE,
    output:
        "results/catalogue/adaptation.npz",
    log:
        "logs/catalogue/adapt.log",
    conda:
        "../envs/pipeline.yaml"
    # With one thread the last bits are the same on any number of cores.
    threads: 1
    resources:
        mem_mb=room_for_features(copies=3),
        runtime=growing(60),
    params:
        code=CODE,
    message:
        "Fitting the similarity to the classes of the catalogue"
    script:
        "../scripts/adapt.py"
