"""The program of a layer: its segments as words of the machine, its weights as the banks hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sharp.cycles.mapping import LayerMapping
from sharp.cycles.task import Segment
from sharp.rtl.generator.sizes import Sizes
from sharp.values.weights import DirectionWeights, rows_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint32]

Fields = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is loaded into the machine before a direction of a layer runs; `make_program` writes it."""

    segments: tuple[Fields, ...]
    """Words of `sharp.rtl.generator.words.SEGMENT`: the first round, then any other, then the last one."""
    registers: Fields
    """Of `sharp.rtl.generator.words.REGISTERS`."""
    tiles: NDArray[np.float16]
    """Weights as the banks hold them: (tiles, units, lanes)."""
    biases: NDArray[np.uint32]
    """Bits of the bias of each gate value, and whether its gate is tanh: (values, 2)."""
    places: NDArray[np.int64]
    """Where h of each cell that updates goes: (cells of all sequences,)."""


def issued(mapping: LayerMapping) -> Iterator[Segment]:
    """The segments of a round one by one."""
    for run in mapping.runs:
        for repeat in range(run.repeats):
            yield from (segment.moved(repeat) for segment in run.segments)


def make_program(mapping: LayerMapping, weights: DirectionWeights, sizes: Sizes) -> Program:
    """Write the program of one direction of a layer.

    Rows of a segment stand cell after cell, the gates of a cell next to each other; so do its values where they wait
    for the updater, those of one sequence after those of another.

    Parameters
    ----------
    mapping : LayerMapping
        One that `sharp.rtl.support` takes.
    weights : DirectionWeights
        Checked.
    sizes : Sizes
        Of the machine.
    """
    import numpy as np

    segments = list(issued(mapping))
    (phase,) = mapping.task.phases
    matrix = rows_of(mapping.task.layer, phase, weights).astype(np.float16)
    writer = _Writer(mapping, sizes, segments)
    words: list[Fields] = []
    tiles: list[NDArray[np.float16]] = []
    for segment in segments:
        word, blocks = writer.word(segment, len(tiles), matrix)
        words.append(word)
        tiles += blocks
    updating = [place for place, word in enumerate(words) if word["cells"] and not word["ahead"]]
    words[updating[-1]]["final"] = 1
    early = [word for word in words if word["ahead"]]
    late = [word for word in words if not word["ahead"]]
    return Program(
        segments=(*early, *words, *late),
        registers=writer.registers(len(early), len(words), len(late)),
        tiles=np.array(tiles),
        biases=writer.biases(segments, weights),
        places=writer.places(segments),
    )


class _Writer:
    """Places and shapes of one layer's segments."""

    def __init__(self, mapping: LayerMapping, sizes: Sizes, segments: Iterable[Segment]) -> None:
        self.task, self.sizes = mapping.task, sizes
        (self.phase,) = mapping.task.phases
        self.size, self.batch = self.task.size_of(self.phase), mapping.sequences.batch_size
        self.steps = mapping.sequences.num_steps
        self.fused = any(len(segment.gates) > 1 for segment in segments)
        self.least = min(self.doublings(segment) for segment in segments)
        waiting = dict.fromkeys(segment.first_cell for segment in segments if not segment.completes)
        self.slots = {cell: place * self.batch for place, cell in enumerate(waiting)}

    def doublings(self, segment: Segment) -> int:
        """How often the smallest tile height is doubled for a segment."""
        return (self.task.tile_height(segment.rows) // self.sizes.lanes).bit_length() - 1

    def first_value(self, segment: Segment) -> int:
        """Where the values of its gates start."""
        if self.fused:
            return len(self.phase.gates) * segment.first_cell * self.batch
        return (self.phase.gates.index(segment.gates) * self.size + segment.first_cell) * self.batch

    def rows(self, segment: Segment) -> list[int]:
        """Its rows of the gate matrix, in the order of the tile."""
        gates = [self.phase.gates.index(gate) for gate in segment.gates]
        cells = range(segment.first_cell, segment.first_cell + segment.cells)
        return [gate * self.size + cell for cell in cells for gate in gates]

    def word(
        self, segment: Segment, first_tile: int, matrix: NDArray[np.float16]
    ) -> tuple[Fields, list[NDArray[np.float16]]]:
        """The word of a segment, and its tiles of weights."""
        inputs, whole = self.task.layer.input_size, matrix.shape[1]
        begin = 0 if segment.operand[0] == "x" else inputs
        end = whole if segment.waits_for else inputs
        blocks = self._tiles(matrix[self.rows(segment), begin:end], self.task.tile_height(segment.rows))
        fields = {
            "tiles": len(blocks),
            "weights": first_tile,
            "column": begin,
            "doublings": self.doublings(segment),
            "rows": segment.rows,
            "waits": int(bool(segment.waits_for)),
            "ahead": segment.lookahead,
            "starts": int(begin == 0),
            "completes": int(segment.completes),
            "sums": self.slots.get(segment.first_cell, 0),
            "values": self.first_value(segment),
            "cells": segment.updated_cells,
            "state": segment.first_updated * self.batch,
        }
        return fields, blocks

    def _tiles(self, rows: NDArray[np.float16], height: int) -> list[NDArray[np.float16]]:
        """Cut rows into tiles: unit u has column ``u % N`` of the rows of its group ``u // N``."""
        import numpy as np

        sizes, width = self.sizes, self.task.accelerator.columns(height)
        count = -(-rows.shape[1] // width)
        padded = np.zeros((height, count * width), np.float16)
        padded[: rows.shape[0], : rows.shape[1]] = rows
        blocks = padded.reshape(height // sizes.lanes, sizes.lanes, count, width)
        return list(blocks.transpose(2, 0, 3, 1).reshape(count, sizes.num_units, sizes.lanes))

    def registers(self, early: int, every: int, late: int) -> Fields:
        """The registers of the layer."""
        layer, gates = self.task.layer, len(self.phase.gates)
        return {
            "first": 0,
            "round": early,
            "last": early + every,
            "end": early + every + late,
            "steps": self.steps,
            "sequences": self.batch,
            "inputs": layer.input_size,
            "columns": layer.input_size + layer.num_operands(self.phase),
            "levels": self.sizes.levels - self.least,
            "update_lanes": self.task.accelerator.update_lanes(self.task.tile_rows),
            "cell_stride": gates if self.fused else 1,
            "gate_stride": 1 if self.fused else self.size * self.batch,
        }

    def biases(self, segments: Iterable[Segment], weights: DirectionWeights) -> NDArray[np.uint32]:
        """The bias of each value, where the value is, once for each sequence."""
        import numpy as np

        gates = self.phase.gates
        bias = np.concatenate([weights.bias[gate] for gate in gates]).astype(np.float32).view(np.uint32)
        tanh = np.repeat([gate in self.phase.tanh_gates for gate in gates], self.size)
        table = np.zeros((len(gates) * self.size * self.batch, 2), np.uint32)
        for segment in segments:
            if segment.completes:
                rows, first = self.rows(segment) * self.batch, self.first_value(segment)
                table[first : first + len(rows)] = np.stack([bias[rows], tanh[rows]], axis=1)
        return table

    def places(self, segments: Iterable[Segment]) -> NDArray[np.int64]:
        """Where h of each cell goes, in the order in which cells update: block after block, sequence after sequence."""
        import numpy as np

        places = np.zeros(self.size * self.batch, np.int64)
        for segment in segments:
            if segment.completes:
                cells = np.arange(segment.first_cell, segment.first_cell + segment.cells)
                here = cells + np.arange(self.batch)[:, None] * self.sizes.hidden
                first = segment.first_cell * self.batch
                places[first : first + here.size] = here.ravel()
        return places
