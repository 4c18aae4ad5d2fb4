"""The machine as hardware beside the model, as a table for the book."""

from __future__ import annotations

import pandas as pd

from sharp.shipped import DATA

EQUALITY = DATA / "rtl" / "equality.csv"
"""Written by ``benchmarks/rtl_equality.py``, which needs Verilator."""


def equality_table() -> pd.DataFrame:
    """A row for each machine: how many layers were compared, and how many have equal cycles and equal bits."""
    return pd.read_csv(EQUALITY, dtype={"equal_bits": "Int64", "values": "Int64"})


def equality_headline(table: pd.DataFrame) -> dict[str, int]:
    """How many layers there are in all, and how many are equal; bits are those of layers with real arithmetic."""
    whole = table[table["what"] == "whole"]
    return {
        "layers": int(table["layers"].sum()),
        "equal_cycles": int(table["equal_cycles"].sum()),
        "computed_layers": int(whole["layers"].sum()),
        "equal_bits": int(whole["equal_bits"].sum()),
        "values": int(whole["values"].sum()),
    }
