"""Write the catalogue as it was decided into a folder of classes, or a list of it."""

import logging
import signal
import sys
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.errors import UserError, reason
from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.curation import export
from similar_images.features import sharded_features
from similar_images.images.photos import Photos

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

folder = Path(snakemake.params.folder)
# To be ended like this leaves nothing behind, either.
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))

with logged(snakemake.log[0], "export"):
    table = sharded_features.TABLE.read(Path(snakemake.input.images), export.ExportedImage._fields)
    columns = (table[name].to_pylist() for name in export.ExportedImage._fields)
    try:
        renamed = export.export(
            folder,
            starmap(export.ExportedImage, zip(*columns, strict=True)),
            snakemake.params.how,
            Photos.of(snakemake.config),
            snakemake.params.product,
        )
    except OSError as error:
        raise UserError(
            f"export.folder: {folder} cannot be written: {reason(error)}. Name another folder."
        ) from error
    for label, name in renamed.items():
        logging.warning(
            "the class %r is in the folder %r: no folder can have its name", label, name
        )
    logging.info("%s in %s", counted(len(table), "image"), folder)
