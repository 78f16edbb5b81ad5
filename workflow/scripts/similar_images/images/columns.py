"""The columns that several tables have. The Snakefile reads them: this imports nothing slow."""

from ..core.tables import Column

IMAGE = Column("image", str, "path in the collection")
LABEL = Column("label", str, "the class, if known")
CONTENT_ID = Column("content_id", str, "SHA-256 of the file")
FILE = Column(
    "file", bytes, "path to open, address, `zip:<zip>!/<path>`, or `parquet:<file>!/<row>/<column>`"
)
PRODUCT = Column("product", str, "the product, by the list")
ORIGINAL_LABEL = Column("original_label", str, "the label before any decision")
DECISION = Column("decision", str, "what a person decided")
ADDED = Column(
    "added",
    str,
    "when its bytes were first listed in this collection, such as `2026-11-27T11:02:33Z`; moved, "
    "renamed or copied photos keep it",
)
ROW = Column(
    "row",
    int,
    "the row of the list that names it, as a spreadsheet numbers rows; empty without a list",
)
NOTE = Column(
    "note",
    str,
    "what of a readable photo was lost or ignored, such as the end of its file",
)
SET = Column("set", str, "the collection of the file")
SHARED = (IMAGE, LABEL, CONTENT_ID, FILE, PRODUCT, ORIGINAL_LABEL, DECISION, SET, ADDED, ROW, NOTE)
# Named after the fields of `photo_quality.Measures`. Empty if a photo was not measured.
QUALITY = (
    Column("width", int, "of the photo in its file, upright, in pixels"),
    Column("height", int, "of the photo in its file, upright, in pixels"),
    Column("blur", float, "0 (sharp) to 1, by Crete et al. 2007"),
    Column("light_5", float, "the 5th percentile of light, 0 (black) to 1 (white), by Rec. 601"),
    Column("light_99", float, "the 99th percentile of light"),
    Column("contrast", float, "the standard deviation of light (RMS contrast)"),
    Column("entropy", float, "of the histogram of light in 256 steps, in bits"),
    Column("border_change", float, "the share of the border in another colour than most of it"),
    Column("border_l", float, "the colour of most of the border in CIELAB: L*"),
    Column("border_a", float, "likewise, a*"),
    Column("border_b", float, "likewise, b*"),
)
PHOTO_FAULTS = Column(
    "photo_faults",
    str,
    "what is unusual of the picture as a photo, such as `blurred|dark`; empty if nothing",
)
