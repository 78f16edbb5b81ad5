"""The tables of the classification. The Snakefile reads them, so this imports nothing slow."""

from ..core.tables import Column, CsvTable, numbered
from .nearest import SHOWN

PREDICTIONS = CsvTable(
    "results/<set>/predictions.csv",
    Column("image", str, "path in the query set"),
    Column("label", str, "its class, if known"),
    Column(
        "prediction",
        str,
        "the class with the most votes. A tie goes to the larger sum of similarities. With "
        "`search.vote: weighted`, the largest sum of exp(similarity / 0.07) wins",
    ),
    Column("votes", int, "neighbours with that class"),
    Column("voters", int, "neighbours that voted"),
    Column(
        "confidence",
        float,
        "the probability that the prediction is correct, for photos like those of the catalogue; "
        "empty if unknown",
    ),
    Column(
        "likely_classes",
        str,
        "classes that include the true one with the probability `search.coverage`, most likely "
        "first, such as `boots|sandals`. A bar or backslash in a name gets a backslash. It always "
        "has the prediction; others come from the 50 nearest images",
    ),
    Column("correct", bool, "empty without a label"),
    *numbered(
        SHOWN,
        Column("similar", str, "the nearest catalogue images, of different products"),
        Column("class", str, "their classes"),
        Column("similarity", float, "to the query"),
    ),
    Column("metric", str, "`cosine`, `adapted-top` or `adapted`"),
    Column(
        "refused",
        str,
        "why a readable photo has no prediction (`search.reject`); `prediction`, `votes`, "
        "`likely_classes` and `correct` are then empty",
    ),
    Column("duplicate", str, "`exact`, `near` or `mirrored`, if the catalogue has the photo"),
    Column("duplicate_of", str, "that catalogue image"),
    Column("original_label", str, "the label before any decision"),
    Column("decision", str, "the decision"),
    Column("error", str, "why the file could not be used"),
)
VOTES = CsvTable(
    "results/<set>/votes.csv",
    Column("image", str, "path in the query set"),
    Column("class", str, "the prediction first"),
    Column("votes", int, "unweighted"),
)
PRODUCTS = CsvTable(
    "results/<set>/products.csv",
    Column("product", str, "its name; a photo without one is a product under its path"),
    Column("label", str, "the class of its readable photos; empty if they disagree"),
    Column("conflict", bool, "whether they do"),
    Column("prediction", str, "by all its photos"),
    Column("correct", bool, "empty without a label"),
    Column("images", int, "its photos"),
    Column("used", int, "those that vote (neither rejected nor refused)"),
    Column("votes", int, "votes for the prediction; each photo's nearest products vote"),
    Column("voters", int, "all votes"),
    Column("share", float, "`votes` / `voters`"),
    *numbered(
        SHOWN,
        Column("product", str, "the nearest products"),
        Column("similar", str, "their most similar images"),
        Column("class", str, "their classes"),
        Column("similarity", float, "to the product's photos"),
    ),
)
