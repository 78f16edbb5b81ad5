"""The tables of the classification. The Snakefile reads them, so this imports nothing slow."""

from ..core.tables import Column, CsvTable, numbered
from ..images.columns import ADDED, DECISION, IMAGE, LABEL, NOTE, ORIGINAL_LABEL, PHOTO_FAULTS, ROW
from .nearest import SHOWN

PREDICTIONS = CsvTable(
    "results/<set>/predictions.csv",
    IMAGE,
    LABEL,
    Column(
        "prediction",
        str,
        "most votes. A tie goes to the larger sum of similarities. With `search.vote: weighted`, "
        "the largest sum of exp(similarity / 0.07) wins",
    ),
    Column("votes", int, "neighbours with that class"),
    Column("voters", int, "all neighbours that vote"),
    Column(
        "confidence",
        float,
        "the probability that the prediction is correct, for photos like those of the catalogue, "
        "empty if unknown",
    ),
    Column(
        "likely_classes",
        str,
        "classes that include the true one with the probability `search.coverage`, most likely "
        "first, such as `boots|sandals`. A bar or backslash in a name gets a backslash. It always "
        "has the prediction, others come from the 50 nearest images",
    ),
    Column("correct", bool, "`true` or `false`, empty without a label"),
    *numbered(
        SHOWN,
        Column("similar", str, "the nearest catalogue image (`_2`, `_3`: of other products)"),
        Column("class", str, "its class"),
        Column("similarity", float, "to the query"),
    ),
    Column("metric", str, "`cosine`, `adapted-top` or `adapted`"),
    Column(
        "refused",
        str,
        "why a readable photo has no prediction (`search.reject`). `votes`, `likely_classes` and "
        "`correct` are empty then; `confidence` stays",
    ),
    Column("duplicate", str, "`exact`, `near` or `mirrored`"),
    Column("duplicate_of", str, "that catalogue image"),
    ORIGINAL_LABEL,
    DECISION,
    ADDED,
    ROW,
    Column("error", str, "why it cannot be used"),
    NOTE,
    PHOTO_FAULTS,
)
VOTE_COUNTS = CsvTable(
    "results/<set>/votes.csv",
    IMAGE,
    Column("class", str, "the prediction first"),
    Column("votes", int, "unweighted"),
)
NEIGHBOURS = CsvTable(
    "results/<set>/neighbours.csv",
    IMAGE,
    LABEL,
    Column("rank", int, "1 is the most similar"),
    Column("similar", str, "a catalogue image (each of another product)"),
    Column("class", str, "its class"),
    Column("similarity", float, "to the query"),
    Column("metric", str, "as in `predictions.csv`"),
)
GROUPS = CsvTable(
    "results/<set>/groups.csv",
    Column("group", int, "its number; the group least like the catalogue is the first"),
    IMAGE,
    Column("typicality", float, "mean similarity to the other photos of the group, by cosine"),
    Column("photos", int, "of the group, with different bytes"),
    Column(
        "cohesion",
        float,
        "of the three photos most similar to each of the group, among the catalogue and the photos "
        "that are compared here, the share that is in the group, too",
    ),
    Column("score", float, "the mean in-distribution score of its photos, 0 to 1"),
    Column("nearest_class", str, "the class of the catalogue that most of them are nearest to"),
)
PRODUCTS = CsvTable(
    "results/<set>/products.csv",
    Column("product", str, "its name, or the path of a photo without one"),
    Column("label", str, "of its readable photos, empty if they disagree"),
    Column("conflict", bool, "whether they do"),
    Column("prediction", str, "by all its photos"),
    Column("correct", bool, "empty without a label"),
    Column("images", int, "its photos"),
    Column("used", int, "those that vote (neither rejected nor refused)"),
    Column("votes", int, "for the prediction, by each photo's nearest products"),
    Column("voters", int, "all votes"),
    Column("share", float, "`votes` / `voters`"),
    *numbered(
        SHOWN,
        Column("product", str, "the nearest (`_2`, `_3`: the next)"),
        Column("similar", str, "its most similar image"),
        Column("class", str, "its class"),
        Column("similarity", float, "to a photo"),
    ),
)
