"""Tests of tables whose rows are made by name."""

from pathlib import Path

import pytest

from similar_images.core.tables import Table

TABLE = Table("image", "label", "votes")


def test_a_row_has_every_column_and_what_is_not_given_is_empty() -> None:
    assert TABLE.row(votes=3, image="a") == {"image": "a", "label": None, "votes": 3}
    assert list(TABLE.row()) == ["image", "label", "votes"]


def test_a_value_without_a_column_is_refused() -> None:
    with pytest.raises(KeyError, match="no such column: price, sku"):
        TABLE.row(image="a", sku=1, price=2)


def test_rows_are_written_by_the_names_of_their_columns(tmp_path: Path) -> None:
    rows = [{**TABLE.row(votes=3, image="a"), "sku": "1"}]
    TABLE.write(tmp_path / "table.csv", rows, ["sku"])
    assert (tmp_path / "table.csv").read_text("utf-8") == "image,label,votes,sku\na,,3,1\n"


def test_a_row_that_lacks_a_column_is_no_row_of_the_table(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="label"):
        TABLE.write(tmp_path / "table.csv", [{"image": "a", "votes": 3}])
