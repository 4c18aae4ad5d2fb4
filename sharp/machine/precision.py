"""Precision: the formats of the numbers that the array multiplies and adds."""

from __future__ import annotations

import re

from sharp.checks import refuse

ARITHMETIC = {"float": "fp", "integer": "int"}
"""Kinds of numbers that the array multiplies and adds, each with the prefix of its formats ("fp16", "int8")."""


def precision_settings(label: str) -> dict[str, object]:
    """The parameters that a precision ("int8/int32") sets: arithmetic, weight_bits, partial_sum_bits.

    Raises
    ------
    SpecificationError
        Where the label does not name two formats of one kind.
    """
    formats = re.fullmatch(r"(fp|int)([1-9]\d{0,2})/(fp|int)([1-9]\d{0,2})", label)
    if not formats or formats[1] != formats[3]:
        raise refuse("precision", "formats of multiplier and sums such as fp16/fp32 or int8/int32", label)
    kind = next(kind for kind, prefix in ARITHMETIC.items() if prefix == formats[1])
    return {"arithmetic": kind, "weight_bits": int(formats[2]), "partial_sum_bits": int(formats[4])}
