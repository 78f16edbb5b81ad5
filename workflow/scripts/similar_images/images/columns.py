"""The columns that several tables have. The Snakefile reads them: this imports nothing slow."""

from ..core.tables import Column

IMAGE = Column("image", str, "path in the collection")
LABEL = Column("label", str, "the class, if known")
CONTENT_ID = Column("content_id", str, "SHA-256 of the file")
FILE = Column("file", bytes, "path to open, or address")
PRODUCT = Column("product", str, "the product, by the list")
ORIGINAL_LABEL = Column("original_label", str, "the label before any decision")
DECISION = Column("decision", str, "what a person decided")
SET = Column("set", str, "the collection of the file")
SHARED = (IMAGE, LABEL, CONTENT_ID, FILE, PRODUCT, ORIGINAL_LABEL, DECISION, SET)
