"""Write the report: the page with its thumbnails beside it, and the same as one file."""

from datetime import datetime
from pathlib import Path

from similar_images.base.files import replacing
from similar_images.base.formats import read_csv, read_json, read_parquet
from similar_images.base.job import Progress, logged
from similar_images.features.merge import read_rejected
from similar_images.networks import model
from similar_images.pages import cards, confusion, decided, report
from similar_images.photos import thumbnails

name = snakemake.wildcards.queries
page = Path(snakemake.output.page)
folder = page.with_name("report_files")

with logged(snakemake.log[0], f"report {name}"):
    predictions = read_csv(Path(snakemake.input.predictions))
    catalogue = read_parquet(Path(snakemake.input.catalogue))
    rejected = {
        name: read_rejected(Path(snakemake.input.rejected)),
        "catalogue": read_rejected(Path(snakemake.input.catalogue_rejected)),
    }
    queries = cards.files(
        read_parquet(Path(snakemake.input.manifest)), {row["image"] for row in predictions}
    )
    files = (
        catalogue
        if "file" in catalogue.column_names
        else read_parquet(Path(snakemake.input.catalogue_manifest))
    )
    similar = cards.files(files, cards.similar_images(predictions))
    contents = cards.contents(predictions, queries, similar)
    pictures = thumbnails.make(contents, folder, snakemake.threads, Progress(len(contents)))
    told = report.Report(
        name=name,
        made=datetime.now().astimezone(),
        model=model.read(Path(snakemake.input.model)),
        neighbours=snakemake.params.neighbours,
        catalogue=report.catalogue(catalogue),
        metrics=read_json(Path(snakemake.input.metrics)),
        quality=read_json(Path(snakemake.input.quality)),
        cards=cards.cards(
            predictions,
            read_csv(Path(snakemake.input.votes)),
            queries,
            similar,
            pictures,
        ),
        confusion=confusion.read(Path(snakemake.input.confusion)),
        rejected=rejected,
        decided=decided.read(map(Path, snakemake.input.decisions)),
    )
    for path, portable in ((page, False), (Path(snakemake.output.portable), True)):
        with replacing(path) as temporary:
            temporary.write_text(report.render(told, folder, portable), "utf-8")
