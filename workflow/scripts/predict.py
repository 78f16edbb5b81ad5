"""Give each query its class, by the vote of its neighbours."""

from pathlib import Path

from similar_images import predictions
from similar_images.files import read_parquet, write_csv
from similar_images.job import logged
from similar_images.merge import read_rejected
from similar_images.vote import VOTES

with logged(snakemake.log[0], f"predict {snakemake.wildcards.queries}"):
    predicted = predictions.predict(
        read_parquet(Path(snakemake.input.neighbours)),
        read_rejected(Path(snakemake.input.rejected)),
        snakemake.params.voters,
        VOTES[snakemake.params.vote],
        snakemake.params.metric,
    )
    write_csv(Path(snakemake.output.predictions), predictions.HEADER, predicted.rows)
    write_csv(Path(snakemake.output.votes), predictions.VOTES_HEADER, predicted.votes)
