"""Find for each query the most similar images of the catalogue, or of a part of it."""

from pathlib import Path

from similar_images.base.formats import read_parquet, write_parquet
from similar_images.base.job import logged
from similar_images.features.images import Stream, from_queries
from similar_images.search import adaptation, neighbours

if snakemake.input.approximate:
    from similar_images.search import approximate

catalogue = Path(snakemake.input.catalogue)

with logged(snakemake.log[0], f"search {snakemake.wildcards.queries}"):
    queries = Stream(Path(snakemake.input.queries))
    asked = read_parquet(Path(snakemake.input.queries), ["image", "content_id"])
    own = neighbours.own_members(asked, from_queries(catalogue))
    # A query that was taken into the catalogue finds itself: it is dropped afterwards.
    count = snakemake.params.neighbours + bool(own)
    fitted = adaptation.read(Path(path)) if (path := snakemake.input.adaptation) else None
    if snakemake.input.approximate:
        index = approximate.read(*map(Path, snakemake.input.approximate))
        table = read_parquet(catalogue, ["image", "label"])
        found = approximate.find(queries, index, table, count, fitted)
    else:
        part = Stream(catalogue, int(snakemake.wildcards.get("part", 0)), snakemake.params.parts)
        found = neighbours.find(queries, part, count, fitted)
    if own:
        found = neighbours.without_own(found, own, snakemake.params.neighbours)
    write_parquet(Path(snakemake.output[0]), found)
