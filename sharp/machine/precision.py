"""Precision: the formats of the numbers that the array multiplies and adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sharp.checks import check_kind, check_name, refuse


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """A kind of numbers, and what its formats are called."""

    weights: str
    """Format of weights, x and h, with ``{}`` for its bits: ``"fp{}"``."""
    sums: str
    """Format of sums."""
    weight_bits: int | None = None
    """Bits of a weight, where the format has one width only."""


ARITHMETIC: Mapping[str, Arithmetic] = MappingProxyType(
    {
        "float": Arithmetic(weights="fp{}", sums="fp{}"),
        "bfloat": Arithmetic(weights="bf16", sums="fp{}", weight_bits=16),
        "e4m3": Arithmetic(weights="e4m3", sums="fp{}", weight_bits=8),
        "e5m2": Arithmetic(weights="e5m2", sums="fp{}", weight_bits=8),
        "integer": Arithmetic(weights="int{}", sums="int{}"),
    }
)
"""Kinds of numbers that the array multiplies and adds: IEEE 754, bfloat16, the two 8-bit formats of OCP, integers."""

LABELS = ("fp16/fp32", "bf16/fp32", "e4m3/fp32", "e5m2/fp32", "int16/int32", "int8/int32", "int4/int32")
"""Precisions as examples of what `precision_settings` takes."""

_BITS = r"([1-9]\d{0,2})"
_ALIASES = {"fp8": "e4m3", "bfloat16": "bf16"}


def format_names(arithmetic: str, weight_bits: int, partial_sum_bits: int) -> tuple[str, str]:
    """Names of the formats of weights and of sums: "fp16" and "fp32", "bf16" and "fp32", "int8" and "int32".

    Raises
    ------
    SpecificationError
        Where there are no such numbers, or their format has another width.
    """
    kind = ARITHMETIC[check_name("arithmetic", arithmetic, ARITHMETIC)]
    if kind.weight_bits not in (None, weight_bits):
        raise refuse("weight_bits", f"{kind.weight_bits} (the only width of {arithmetic})", weight_bits)
    return kind.weights.format(weight_bits), kind.sums.format(partial_sum_bits)


def precision_settings(label: str) -> dict[str, object]:
    """The parameters that a precision ("int8/int32") sets: arithmetic, weight_bits, partial_sum_bits.

    Parameters
    ----------
    label : str
        Formats of the multiplier and of the sums: ``fp`` or ``int`` with their bits, ``bf16``, ``e4m3`` or ``e5m2``
        (also ``fp8_e4m3`` and so on; ``fp8`` is e4m3, the one of the two for weights). Sums of all but integers are
        ``fp`` with their bits.

    Raises
    ------
    SpecificationError
        Where the label does not name two formats that go together.

    Examples
    --------
    >>> from sharp.machine.precision import precision_settings
    >>> precision_settings("bf16/fp32")
    {'arithmetic': 'bfloat', 'weight_bits': 16, 'partial_sum_bits': 32}
    """
    weights, _, sums = check_kind("precision", label, str).lower().partition("/")
    weights = re.sub(r"^fp8[-_]?(?=e\dm\d$)", "", weights)
    weights = _ALIASES.get(weights, weights)
    for name, kind in ARITHMETIC.items():
        found, added = (_bits(template, text) for template, text in ((kind.weights, weights), (kind.sums, sums)))
        if found and added:
            bits = kind.weight_bits or int(found[1])
            return {"arithmetic": name, "weight_bits": bits, "partial_sum_bits": int(added[1])}
    near = [known for known in LABELS if known.partition("/")[0] == weights]
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise refuse("precision", f"formats of multiplier and sums such as {', '.join(LABELS)}", label, hint)


def _bits(template: str, text: str) -> re.Match[str] | None:
    """A format's name taken apart, where it is one of a template."""
    return re.fullmatch(template.replace("{}", _BITS), text)
