"""Give each query its class, by the vote of its neighbours."""

import json
from pathlib import Path

from similar_images import confidence, duplicates, predictions
from similar_images.files import read_parquet, write_csv
from similar_images.job import logged
from similar_images.merge import read_rejected
from similar_images.vote import VOTES

with logged(snakemake.log[0], f"predict {snakemake.wildcards.queries}"):
    quality = json.loads(Path(snakemake.input.quality).read_text("utf-8"))
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
