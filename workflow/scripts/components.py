"""Find the principal components of the catalogue's features, and reduce the features to them."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from similar_images.core.job import logged
from similar_images.features import feature_table, sharded_features
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import metric_choice, principal_components
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

path = Path(snakemake.input.catalogue)

# With one thread the last bits are the same on any number of cores.
with logged(snakemake.log[0], "components"), threadpool_limits(1):
    comparison = metric_choice.read(snakemake.input.comparison)
    with_levels = metric_choice.chosen(snakemake.params.metric, comparison) == metric_choice.ADAPTED
    catalogue = ShardedFeatures(path, results=results_of(snakemake.config), with_levels=with_levels)
    some = replace(catalogue, only=principal_components.sample(catalogue.images()))
    found = principal_components.fit(feature_table.join(list(some)), with_levels)
    principal_components.write(Path(snakemake.output.components), found)
    reduced = (principal_components.apply(found, part.features) for part in catalogue)
    dimension = found.directions.shape[1]
    sharded_features.write_reduced(Path(snakemake.output.reduced), reduced, dimension)
    logging.info("%d features reduced to %d", *found.directions.shape)
