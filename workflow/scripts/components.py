"""Find the principal components of the catalogue's features, and reduce the features to them."""

import logging
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from similar_images.base.job import logged
from similar_images.features import images, index
from similar_images.features.images import Stream
from similar_images.remote.results import results_of
from similar_images.search import choice, components

path = Path(snakemake.input.catalogue)

# With one thread the last bits are the same on any number of cores.
with logged(snakemake.log[0], "components"), threadpool_limits(1):
    comparison = choice.read(snakemake.input.comparison)
    with_levels = choice.chosen(snakemake.params.metric, comparison) == choice.ADAPTED
    catalogue = Stream(path, results=results_of(snakemake.config), with_levels=with_levels)
    some = replace(catalogue, only=components.sample(catalogue.images()))
    found = components.fit(index.join(list(some)), with_levels)
    components.write(Path(snakemake.output.components), found)
    reduced = (components.apply(found, part.features) for part in catalogue)
    dimension = found.directions.shape[1]
    images.write_reduced(Path(snakemake.output.reduced), reduced, dimension)
    logging.info("%d features reduced to %d", *found.directions.shape)
