"""What a built machine has: how many of each unit, how deep its memories, how long its units take."""

from __future__ import annotations

from dataclasses import dataclass

from sharp.checks import refuse
from sharp.machine.accelerator import Accelerator


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes that a machine is generated with; what it runs is set by a program.

    Examples
    --------
    >>> import sharp
    >>> from sharp.rtl.generator.sizes import Sizes
    >>> sizes = Sizes.of(sharp.find_accelerator("sharp").with_macs("1K"))
    >>> sizes.num_units, sizes.shapes, sizes.levels, sizes.update_lanes
    (32, 4, 5, 64)
    """

    num_units: int
    """Vector-scalar units: the columns of the flattest tile."""
    lanes: int
    """Multipliers of a vector-scalar unit: the smallest tile height."""
    shapes: int
    """Tile heights: `lanes`, twice that, and so on, so many."""
    activation_lanes: int
    """Values that enter the activation unit a cycle (W_a)."""
    update_lanes: int
    """Cells that enter the updater a cycle (W_c) at the greatest tile height."""
    multiply: int
    """Cycles of a multiplier (L_mul)."""
    add: int
    """Cycles of a level of the tree (L_add)."""
    activation: int
    """Cycles of the activation unit (L_a)."""
    update: int
    """Cycles of the updater (L_c)."""
    sequences: int = 4
    """Sequences of a batch, at most."""
    hidden: int = 256
    """Elements of h of a sequence, at most; a power of two."""
    inputs: int = 8192
    """Elements of x of all steps and sequences, at most."""
    weights: int = 2048
    """Tiles of weights, at most."""
    segments: int = 512
    """Words of a program, at most."""
    waiting: int = 64
    """Segments that wait for the activation unit, or for the updater, at most."""

    @classmethod
    def of(cls, accelerator: Accelerator, **depths: int) -> Sizes:
        """The sizes of one of our machines.

        Raises
        ------
        SpecificationError
            Where it is none that the generator can build, with what it can.
        """
        heights, macs = accelerator.tile_rows, accelerator.num_macs
        lanes = heights[0]
        if heights != tuple(lanes << place for place in range(len(heights))) or lanes & (lanes - 1):
            raise refuse(
                "tile_rows", "powers of two, each twice the one before (what the generator can build)", heights
            )
        if macs & (macs - 1) or macs < 2 * heights[-1]:
            raise refuse(
                "num_macs",
                f"a power of two of at least {2 * heights[-1]}, two columns of the greatest tile "
                "(what the generator can build)",
                macs,
            )
        if accelerator.levels_per_cycle != 1:
            raise refuse("chained_levels", "1 (a register after every level)", accelerator.levels_per_cycle)
        if accelerator.cycles("accumulate_ns") != 1:
            raise refuse("accumulate_ns", "one cycle (an accumulation a cycle)", accelerator.accumulate_ns)
        if accelerator.precision != "fp16/fp32":
            raise refuse("arithmetic", "fp16/fp32 (what the generator can build)", accelerator.precision)
        return cls(
            num_units=accelerator.columns(lanes),
            lanes=lanes,
            shapes=len(heights),
            activation_lanes=accelerator.activation_lanes,
            update_lanes=accelerator.update_lanes(heights[-1]),
            multiply=accelerator.cycles("multiply_ns"),
            add=accelerator.cycles("add_ns"),
            activation=accelerator.cycles("activation_ns"),
            update=accelerator.cycles("update_ns"),
            **depths,
        )

    @property
    def num_macs(self) -> int:
        """Multipliers (M)."""
        return self.num_units * self.lanes

    @property
    def rows(self) -> int:
        """Rows of the highest tile, each with an accumulator."""
        return self.lanes << (self.shapes - 1)

    @property
    def levels(self) -> int:
        """Levels of the tree under the flattest tile."""
        return (self.num_units - 1).bit_length()

    @property
    def gate_words(self) -> int:
        """Gate values that wait for the updater, at most: four gates of all cells."""
        return 4 * self.hidden * self.sequences

    @property
    def queue_words(self) -> int:
        """Sums that wait for the activation unit, at most: all that a step has."""
        return self.gate_words

    @property
    def buffer_words(self) -> int:
        """Words of the intermediate buffer, each a sum for every row."""
        return self.hidden * self.sequences
