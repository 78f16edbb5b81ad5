# Run `snakemake` here. The workflow itself is in workflow/, where Snakemake's tools expect it.
include: "workflow/Snakefile"


# The default target of an included file does not count.
rule default:
    default_target: True
    input:
        rules.all.input,
    message:
        "All results are complete"
