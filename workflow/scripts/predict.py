"""Give each query its class, by the vote of its neighbours."""

from pathlib import Path

from similar_images.answers import confidence, duplicates, predictions
from similar_images.answers.vote import VOTES
from similar_images.base.formats import read_json, read_parquet, write_csv
from similar_images.base.job import logged
from similar_images.features.merge import read_rejected

with logged(snakemake.log[0], f"predict {snakemake.wildcards.queries}"):
    quality = read_json(Path(snakemake.input.quality))
    predicted = predictions.predict(
        read_parquet(Path(snakemake.input.neighbours)),
        read_rejected(Path(snakemake.input.rejected)),
        duplicates.read(Path(snakemake.input.duplicates)),
        predictions.Judge(
            voters=snakemake.params.voters,
            vote=VOTES[snakemake.params.vote],
            metric=snakemake.params.metric,
            calibration=confidence.read(quality["confidence"]),
            reject=snakemake.params.reject,
        ),
    )
    write_csv(Path(snakemake.output.predictions), predictions.HEADER, predicted.rows)
    write_csv(Path(snakemake.output.votes), predictions.VOTES_HEADER, predicted.votes)
