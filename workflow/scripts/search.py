"""Find for each query the most similar images of the catalogue, or of a part of it.

Beside them the candidates for copies, which are the nearest by plain cosine whatever the metric.
What earlier runs have found stands outside the outputs: it is kept from run to run.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from similar_images.base.files import digest
from similar_images.base.formats import write_parquet
from similar_images.base.job import logged
from similar_images.features.images import Stream, from_queries, model_of
from similar_images.remote.results import results_of
from similar_images.search import adaptation, choice, memory, neighbours

if snakemake.input.approximate:
    from similar_images.search import approximate

params = snakemake.params
name = snakemake.wildcards.queries
part = int(snakemake.wildcards.get("part", 0))
results = results_of(snakemake.config)
folder = results.folder / name / "searched" / f"{part}-of-{params.parts}"


def finder(count: int, fitted: str, index: Sequence[str]) -> memory.Find:
    """Return what finds the `count` nearest images, exactly or with the index."""
    shared = {"count": count, "adaptation": adaptation.read(Path(fitted)) if fitted else None}
    if not index:
        return partial(neighbours.find, **shared)
    table = approximate.read(*map(Path, index))
    return lambda asked, searched: approximate.find(
        asked, table, catalogue.images(), only=searched.only, **shared
    )


def nearest(count: int, folder: Path, fitted: str = "", index: Sequence[str] = ()) -> pa.Table:
    """Return the `count` nearest images of each query, its own left out; remember them."""
    # A query that was taken into the catalogue finds itself, and the others of its product that
    # were: they are dropped afterwards.
    wanted = count + max(map(len, own.values()), default=0)
    files = [fitted, *index] if fitted else index
    key = repr([wanted, params.code, *model_of(asked.schema), *map(digest, files)])
    find = finder(wanted, fitted, index)
    found = memory.search(queries, catalogue, wanted, find, folder, key)
    return neighbours.without_own(found, own, count) if own else found


with logged(snakemake.log[0], f"search {name}"), results.keeping(folder):
    queries = Stream(Path(snakemake.input.queries), results=results)
    catalogue = Stream(Path(snakemake.input.catalogue), part, params.parts, results=results)
    asked = queries.images()
    own = neighbours.own_members(asked, from_queries(catalogue.path))
    comparison = choice.read(snakemake.input.comparison)
    adapted = choice.chosen(params.metric, comparison) == "adapted"
    fitted = snakemake.input.adaptation if adapted else ""
    found = nearest(params.neighbours, folder, fitted, snakemake.input.approximate)
    candidates = (
        nearest(neighbours.CANDIDATES, folder / "candidates")
        if adapted
        else neighbours.first(found, neighbours.CANDIDATES)
    )
    write_parquet(Path(snakemake.output.neighbours), found)
    write_parquet(Path(snakemake.output.candidates), candidates)
