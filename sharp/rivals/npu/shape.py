"""The NPU as its RTL builds it: a number of tiles and of lanes, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

from sharp.checks import check_integer, refuse

CORES = 2
"""Cores that run the same program in lock step."""
SEQUENCES = 3
"""Sequences that a core has in flight: every word of a vector is there three times."""
_MOST_TILES = 1024
"""Fifty times what the vendor's compiler takes: a step has instructions for each."""
_LANES_A_BLOCK = 10
"""Lanes of a tensor block: a dot product engine is a chain of ``lanes / 10`` of them."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Size of the array: each of the tiles has as many dot product engines as lanes, one multiplier a lane and engine.

    Source of all numbers: RTL of github.com/intel/fpga-npu (BSD-3-Clause), as Boutros et al., FPT 2020, describe it.
    """

    tiles: int = 7
    """Parts of the array, each with its own columns of the matrix; at most 1024."""
    lanes: int = 40
    """Elements of a word; also engines a tile. A multiple of 10, at least 20."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiles", check_integer("tiles", self.tiles))
        object.__setattr__(self, "lanes", check_integer("lanes", self.lanes))
        if self.tiles > _MOST_TILES:
            raise refuse("tiles", f"at most {_MOST_TILES}", self.tiles)
        if self.lanes % _LANES_A_BLOCK or self.lanes == _LANES_A_BLOCK:
            raise refuse("lanes", "a multiple of 10, at least 20", self.lanes)

    @property
    def num_macs(self) -> int:
        """Multiply-accumulates a cycle, both cores and all sequences in flight together.

        A micro-operation multiplies the ``lanes * lanes`` weights of each tile with the words of three sequences.
        """
        return CORES * SEQUENCES * self.tiles * self.lanes**2

    @property
    def blocks(self) -> int:
        """Tensor blocks of an engine."""
        return self.lanes // _LANES_A_BLOCK

    @property
    def block_rows(self) -> int:
        """Rows of words that the accumulators hold while a product passes over its columns."""
        return SEQUENCES * self.blocks

    @property
    def product_latency(self) -> int:
        """Cycles from the issue of a row's last micro-operation to the width converter's fetch of its result."""
        return 2 * self.tiles + 5 * self.blocks + 26

    def passes(self, size: int) -> int:
        """Passes that a product makes over its rows to take in a vector of `size` elements."""
        return -(-size // (self.tiles * self.lanes))

    def rows(self, size: int) -> int:
        """Words that a product puts out, and an element-wise chain reads, for a vector of `size` elements."""
        return max(self.block_rows, -(-size // self.lanes))

    def row_groups(self, rows: int) -> list[int]:
        """Rows of a product that stay in the accumulators together: as many as fit while two groups remain."""
        groups = [self.block_rows] * (rows // self.block_rows - 1)
        return [*groups, rows - sum(groups)]

    def check_size(self, where: str, size: int) -> None:
        """Refuse a vector whose words, filled up to a group of rows, are more than the tiles hold for it.

        Such a program flushes the rest, and what the RTL puts out is wrong; no cycle of it was checked.
        """
        if self.rows(size) > self.tiles * self.passes(size):
            least = self._least_size()
            raise refuse(
                where,
                f"at least {least} (a product of {self.tiles} tiles and {self.lanes} lanes puts out {self.block_rows} "
                f"words and flushes what the tiles do not hold: the RTL's results are then wrong)",
                size,
            )

    def _least_size(self) -> int:
        """Size from which on no program flushes."""
        return (-(-self.block_rows // self.tiles) - 1) * self.tiles * self.lanes + 1
