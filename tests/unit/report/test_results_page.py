"""Tests of what the page of the results lists."""

from pathlib import Path

from report_factory import made_cards, write_page
from similar_images.features.rejected import Rejected
from similar_images.lists.lists import PRODUCT_HAS_IMAGE


def test_the_page_lists_and_counts_the_files_that_were_left_out_as_the_console_does(
    tmp_path: Path,
) -> None:
    variant = Rejected("shop.csv, line 3", "boots", PRODUCT_HAS_IMAGE)
    lost = [Rejected(name, None, "no image") for name in ("a.jpg", "price.pdf")]
    classes = [f"class {n}" for n in range(12)]
    cards = made_cards(12, classes)
    page = write_page(tmp_path / "a", cards, classes, rejected={"catalogue": [variant]})
    assert "Rejected files" not in page.read_text()
    rejected = {"catalogue": [variant, *lost]}
    shown = write_page(tmp_path / "b", cards, classes, rejected=rejected).read_text()
    assert "<h3>1 file left out, 1 file of another kind in the catalogue</h3>" in shown
    assert "price.pdf" in shown
    assert "line 3" not in shown
