"""Tests of tables that are declared once."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from similar_images.core.errors import DamagedFileError
from similar_images.core.tables import Column, CsvTable, ParquetTable, numbered

COLUMNS = Column("image", str, "path"), Column("label", str, "class"), Column("votes", int, "all")
TABLE = CsvTable("votes.csv", *COLUMNS)
STORED = ParquetTable("votes.parquet", *COLUMNS, Column("similar", list[str], "images"))


class Vote(NamedTuple):
    image: str
    label: str | None
    votes: int


def test_a_row_has_every_column_and_what_is_not_given_is_empty() -> None:
    assert TABLE.row(votes=3, image="a") == {"image": "a", "label": None, "votes": 3}
    assert list(TABLE.row()) == ["image", "label", "votes"]


def test_a_value_without_a_column_is_refused() -> None:
    with pytest.raises(KeyError, match="no such column: price, sku"):
        TABLE.row(image="a", sku=1, price=2)


def test_rows_are_written_by_the_names_of_their_columns_and_read_again(tmp_path: Path) -> None:
    rows = [{**TABLE.row(votes=3, image="a"), "sku": "1"}]
    TABLE.write(tmp_path / "table.csv", rows, ["sku"])
    assert (tmp_path / "table.csv").read_text("utf-8") == "image,label,votes,sku\na,,3,1\n"
    found = TABLE.read(tmp_path / "table.csv", ["sku"])
    assert found == [{"image": "a", "label": "", "votes": "3", "sku": "1"}]


def test_a_named_tuple_is_a_row(tmp_path: Path) -> None:
    TABLE.write(tmp_path / "table.csv", [Vote(votes=3, label="boots", image="a")])
    assert (tmp_path / "table.csv").read_text("utf-8") == "image,label,votes\na,boots,3\n"
    assert STORED.from_rows([Vote("a", None, 3)]).to_pylist() == [
        {"image": "a", "label": None, "votes": 3, "similar": None}
    ]


def test_a_row_that_lacks_a_column_is_no_row_of_the_table(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="label"):
        TABLE.write(tmp_path / "table.csv", [{"image": "a", "votes": 3}])


@pytest.mark.parametrize("text", ["", "image,votes,label\n", "image,label,votes\na,b\n"])
def test_a_csv_file_with_other_columns_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(DamagedFileError):
        TABLE.read(tmp_path / "table.csv")


def test_a_parquet_table_is_written_with_its_schema_and_further_columns(tmp_path: Path) -> None:
    table = STORED.from_rows([{"image": "a", "votes": 3, "similar": ["b"]}])
    assert table.schema.equals(STORED.schema)
    STORED.write(tmp_path / "table.parquet", table.append_column("sku", pa.array(["1"])))
    assert STORED.read(tmp_path / "table.parquet", ["votes", "sku"]).to_pylist() == [
        {"votes": 3, "sku": "1"}
    ]


def test_a_parquet_table_with_other_columns_is_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    other = ParquetTable("other.parquet", *COLUMNS[:2], Column("votes", float, "all"))
    with pytest.raises(ValueError, match="its columns are"):
        STORED.write(path, other.schema.empty_table())
    other.write(path, other.schema.empty_table())
    with pytest.raises(DamagedFileError):
        STORED.read(path)


def test_no_column_is_declared_twice() -> None:
    assert [column.name for column in numbered(2, *COLUMNS[:2])] == [
        *("image_1", "label_1", "image_2", "label_2")
    ]
    with pytest.raises(ValueError, match=r"votes.csv: a column is declared twice"):
        CsvTable("votes.csv", *COLUMNS, COLUMNS[0])
