"""Parquet: the table of a CSV file, with types; written chunk by chunk."""

import pandas as pd
import pyarrow.parquet
import pytest

from sharp import SpecificationError, find_accelerator, find_technology, grid
from sharp.space.sweep import single_layers, sweep_space, swept
from sharp.space.tables import write_table

POINTS = grid(
    hidden_size=range(1, 60),
    projection_size=[None, 16],
    macs=["1K", 2048],
    schedule=["batch", "unfolded", "tilewise"][:2],
    tile_rows=["best", 32],
)
SPACE = single_layers(POINTS, find_accelerator("sharp"), find_technology("32nm"))


def test_is_the_table_of_a_sweep(tmp_path):
    path = tmp_path / "table.parquet"
    written = write_table(path, SPACE)
    expected = sweep_space(SPACE)
    found = pyarrow.parquet.read_table(path).to_pandas()
    assert written.points == len(found) == len(expected)
    assert list(found) == list(expected)
    assert found["total_cycles"].tolist() == expected["total_cycles"].tolist()
    assert found["macs"].tolist() == [str(value) for value in expected["macs"]]
    assert found["schedule"].tolist() == expected["schedule"].tolist()
    pd.testing.assert_series_equal(found["energy_j"], expected["energy_j"])
    assert found["projection_size"].isna().sum() == len(found) // 2


def test_chunks_have_one_schema(tmp_path, monkeypatch):
    monkeypatch.setattr("sharp.space.tables.swept", lambda space, **options: swept(space, chunk_points=50, **options))
    path = tmp_path / "table.parquet"
    assert write_table(path, SPACE).points == len(SPACE)
    assert pyarrow.parquet.ParquetFile(path).num_row_groups > 5
    assert list(tmp_path.iterdir()) == [path]


def test_points_without_numbers_are_nulls(tmp_path):
    points = grid(hidden_size=[8], cell=["lstm"], schedule=["unfolded"], macs=["1K"], tile_rows=[32], weight_buffer=[1])
    path = tmp_path / "table.parquet"
    written = write_table(path, single_layers(points, find_accelerator("sharp"), find_technology("32nm")))
    row = pyarrow.parquet.read_table(path).to_pylist()[0]
    assert (written.points, written.refused) == (1, 1)
    assert row["total_cycles"] is None
    assert row["reason"]


def test_cannot_be_gone_on_with(tmp_path):
    with pytest.raises(SpecificationError, match="--resume: expected a CSV table"):
        write_table(tmp_path / "table.parquet", SPACE, resume=True)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(SpecificationError, match=r"sharp-rnn\[parquet\]"):
        write_table(tmp_path / "table.parquet", SPACE)
    assert not list(tmp_path.iterdir())
