# Runs the workflow in a folder that has a config.yaml and the photos; results come there too:
#     docker build --tag finder .
#     docker run --rm --user "$(id -u)" --volume "$PWD:/project" finder --cores 8
# Also the image of cluster jobs (docs/cluster.md). `make test-container` tries the steps.
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/*

COPY requirements /finder/requirements
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --requirement /finder/requirements/cloud.txt
COPY . /finder

# For any user, known to the system or not: HOME gets the caches of Snakemake, Matplotlib and Keras,
# /project the files of cluster jobs, and Snakemake asks for a name.
RUN mkdir --mode=777 /project
WORKDIR /project
ENV HOME=/tmp USER=finder PATH=/opt/venv/bin:$PATH
USER 1000

# An option first: arguments of Snakemake. Anything else is a command, as clusters send it.
ENTRYPOINT ["sh", "-c", "case $1 in -*) set -- snakemake --snakefile /finder/workflow/Snakefile \"$@\";; esac; exec \"$@\"", "sh"]
CMD ["--cores", "all"]
