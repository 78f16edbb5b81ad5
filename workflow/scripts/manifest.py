"""List the photos of a collection, and fetch those that are new at their addresses."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.job import logged
from similar_images.core.names import as_text
from similar_images.core.wording import counted
from similar_images.images import collection, listing, manifest, retries
from similar_images.images.photos import Photos
from similar_images.lists import table_cache
from similar_images.lists.lists import is_list
from similar_images.lists.sources import Source
from similar_images.storage.addresses import is_address
from similar_images.storage.metadata import MetadataCache
from similar_images.storage.results import results_of
from similar_images.storage.skipping import Skipping

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

name = snakemake.wildcards.collection
params = snakemake.params
output = Path(snakemake.output[0])
looked, hashes = output.with_name("looks.json"), output.with_name("hashes.parquet")
again = output.with_name(retries.NAME)
listed, changed = output.with_name(listing.NAME), output.with_name(listing.CHANGES_NAME)
table_file = output.with_name(table_cache.NAME)
kept = results_of(snakemake.config).keeping(looked, hashes, again, listed, changed, table_file)
now = datetime.now(UTC)

with logged(snakemake.log[0], f"manifest {name}"), kept:
    photos = Photos.of(snakemake.config)
    metadata_cache = MetadataCache(looked, photos.access, params.most_failed)
    source = Source.of(params.location, needs_label=name == "catalogue")
    skipped: set[bytes] = set()
    entries = collection.scan(
        source,
        params.follow_links,
        metadata_cache,
        params.extra_columns,
        map(Path, params.own_folders),
        Skipping(params.ignore),
        skipped,
        table_cache.TableCache(table_file, is_written=True),
        params.product,
    )
    # Threads that wait for a server take no core.
    local = not is_address(source.location) and not is_list(source)
    table = manifest.build(
        collection.with_class(entries) if name == "catalogue" else entries,
        hashes,
        snakemake.threads if local else photos.access.limits.connections,
        photos,
        params.extra_columns,
        params.product,
    )
    metadata_cache.failed({name: why for name, why in photos.unread.items() if is_address(name)})
    denied = {
        name
        for name, why in photos.unread.items()
        if why == retries.DENIED and not is_address(name)
    }
    unread = {name: why for name, why in photos.unread.items() if name not in denied}
    retries.record(again, manifest.transient_faults(table) | unread, denied)
    former = listing.read(listed)
    table = listing.dated(table, former, now)
    manifest.TABLE.write(output, table)
    current = listing.of(table, former)
    listing.CHANGES.write(changed, listing.changes(former, current))
    # Last: a run after a fault compares with the same listing again.
    listing.write(listed, current)
    logging.info("%s", counted(len(table), "file"))
    if skipped:
        logging.info(
            "skipped %s of systems and programs, or named in images.ignore, such as %s",
            counted(len(skipped), "file or folder", "files and folders"),
            as_text(min(skipped)),
        )
