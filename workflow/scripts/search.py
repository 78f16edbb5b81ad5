"""Find for each query the most similar images of the catalogue, or of a part of it.

What earlier runs have found stands outside the outputs: it is kept from run to run.
"""

from functools import partial
from pathlib import Path

from similar_images.base.files import digest
from similar_images.base.formats import write_parquet
from similar_images.base.job import logged
from similar_images.features.images import Stream, from_queries, model_of
from similar_images.search import adaptation, memory, neighbours

if snakemake.input.approximate:
    from similar_images.search import approximate

params = snakemake.params
name = snakemake.wildcards.queries
part = int(snakemake.wildcards.get("part", 0))


def finder(catalogue: Stream, count: int) -> memory.Find:
    """Return what searches `catalogue`, exactly or with the index."""
    fitted = adaptation.read(Path(path)) if (path := snakemake.input.adaptation) else None
    shared = {"count": count, "adaptation": fitted}
    if not snakemake.input.approximate:
        return partial(neighbours.find, **shared)
    index = approximate.read(*map(Path, snakemake.input.approximate))
    return lambda asked, _: approximate.find(asked, index, catalogue.images(), **shared)


with logged(snakemake.log[0], f"search {name}"):
    queries = Stream(Path(snakemake.input.queries))
    catalogue = Stream(Path(snakemake.input.catalogue), part, params.parts)
    asked = queries.images()
    own = neighbours.own_members(asked, from_queries(catalogue.path))
    # A query that was taken into the catalogue finds itself: it is dropped afterwards.
    count = params.neighbours + bool(own)
    others = map(digest, snakemake.input[2:])  # all but the two tables of images
    found = memory.search(
        queries,
        catalogue,
        count,
        finder(catalogue, count),
        folder=Path("results", name, "searched", f"{part}-of-{params.parts}"),
        key=repr([count, params.code, *model_of(asked.schema), *others]),
    )
    if own:
        found = neighbours.without_own(found, own, params.neighbours)
    write_parquet(Path(snakemake.output[0]), found)
