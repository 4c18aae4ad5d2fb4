"""Recurrent networks: `RNNLayer`, `Sequences` and `Network`, checked when they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import groupby, pairwise
from typing import Any

from sharp.checks import check_flag, check_integer, check_items, check_kind, check_text, refuse
from sharp.provenance import Provenance
from sharp.workload.cell import LAYER_FIELDS, SIZES, Cell, CellOptions, Elementwise, Options, OptionValue, Phase
from sharp.workload.cells import CELLS, check_cell, find_cell


@dataclass(frozen=True, kw_only=True)
class RNNLayer:
    """One recurrent layer: its cell, its sizes, its options.

    In every time step a layer multiplies a matrix of ``len(gates) * hidden_size`` rows and ``input_size + R`` columns
    by the input x_t and the hidden state h_{t-1}; R is the projection size where there is one, else the hidden size.
    Only sizes count for cycles and energy, so a layer holds no weights. A value that makes no sense is refused with a
    `SpecificationError` when the layer is made.

    Examples
    --------
    A bidirectional LSTM layer, such as the lower ones of a speech recogniser, puts out both of its directions:

    >>> import sharp
    >>> layer = sharp.RNNLayer(cell="lstm", input_size=340, hidden_size=340, bidirectional=True)
    >>> layer.gates, layer.output_size
    ('ifgo', 680)
    >>> layer.num_weights  # 2 directions * 4 gates * 340 rows * (340 + 340) columns
    1849600
    """

    cell: str | Cell = field(default="lstm", compare=False)
    """Name of a cell (one of `sharp.CELLS`, an installed package's, or "mine.py:CELL"), or a `sharp.Cell` of one's own.

    A name is loaded when the layer is made, and the layer then holds the cell; ours are always held by name.
    """
    input_size: int
    """Elements of x_t."""
    hidden_size: int
    """Cells of one direction."""
    bidirectional: bool = False
    """Two directions, each with its own weights; the layer puts out both."""
    projection_size: int | None = None
    """Rows of the projection P, which makes h_t smaller than the number of cells; None: no projection."""
    peephole: bool = False
    """Diagonal weights from the cell state to the gates (LSTM); they cost no cycle of the array."""
    linear_before_reset: bool = True
    """GRU: the reset gate multiplies U_n h (cuDNN, PyTorch), not h (the original form), as in ONNX."""
    residual: bool = False
    """The layer's input is added to its output, which has to be as wide."""

    options: Mapping[str, OptionValue] = field(default_factory=Options)
    """Options that the cell declares itself, such as ``{"heads": 4}``; those not given are as by default."""

    cell_name: str = field(init=False, repr=False)
    """Name of the cell, as printed in reports."""
    gates: str = field(init=False, repr=False)
    """Gates of the cell, one letter each, in the order of its rows: "ifgo" of an LSTM, "rzn" of a GRU."""
    phases: tuple[Phase, ...] = field(init=False, repr=False)
    """The matrix products of a time step, in the order in which they depend on each other.

    An LSTM has one phase: all gates over x_t and h_{t-1}. A projection, or a GRU's reset before the product, is a
    second one, which waits for what the first gives.
    """
    elementwise: Elementwise = field(init=False, repr=False)
    """What a step is for each cell besides matrix products: multiplications, additions, activations."""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "input_size"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        for name in ("bidirectional", "peephole", "linear_before_reset", "residual"):
            check_flag(name, getattr(self, name))
        if self.projection_size is not None:
            object.__setattr__(self, "projection_size", check_integer("projection_size", self.projection_size))
        self._set_up(check_cell(self.cell) if isinstance(self.cell, Cell) else find_cell(self.cell))
        if self.residual and self.input_size != self.output_size:
            raise refuse("input_size", f"{self.output_size} (a residual layer puts out what it reads)", self.input_size)

    def _set_up(self, cell: Cell) -> None:
        """Keep what the cell is with the options of this layer."""
        for name in LAYER_FIELDS:
            if name not in cell.fields and getattr(self, name) != getattr(RNNLayer, name):
                owners = " or ".join(known for known in CELLS if name in CELLS[known].fields)
                raise refuse("cell", f"{owners} ({name} belongs to it)", cell.name)
        options = cell.complete(self.options)
        phases, elementwise = cell.form(
            CellOptions(
                projected=self.projection_size is not None,
                linear_before_reset=self.linear_before_reset,
                peephole=self.peephole,
                own=options,
            )
        )
        held = {"cell": cell.name if cell.name in CELLS else cell, "cell_name": cell.name, "gates": cell.gates}
        for name, value in {**held, "options": options, "phases": phases, "elementwise": elementwise}.items():
            object.__setattr__(self, name, value)
        for phase in phases:
            for name in (phase.size, phase.operand_size):
                if self.size(name) % phase.parts:
                    expected = f"a multiple of {phase.parts}, the parts of gates {phase.gates}"
                    raise refuse(name, expected, self.size(name))

    def __getstate__(self) -> dict[str, Any]:
        """A layer is kept with what its cell is, and a cell that was found by a name is named."""
        source = self.cell.source if isinstance(self.cell, Cell) else ""
        return {**vars(self), "cell": source or self.cell}

    def size(self, name: str) -> int:
        """One of `sharp.workload.cell.SIZES`, or a whole-number option of the cell, by name."""
        return int(getattr(self, name) if name in SIZES else self.options[name])

    def num_operands(self, phase: Phase) -> int:
        """Elements of the vector waited for that a row of a phase multiplies: those of its part, or none."""
        return self.size(phase.operand_size) // phase.parts if phase.operand else 0

    @property
    def num_directions(self) -> int:
        """1, or 2 for a bidirectional layer, which reads the sequence forwards and backwards."""
        return 2 if self.bidirectional else 1

    @property
    def recurrent_size(self) -> int:
        """Elements of h_t in one direction: the projection size where there is one, else the hidden size."""
        return self.projection_size or self.hidden_size

    @property
    def output_size(self) -> int:
        """Elements that the layer puts out a step, both directions together; what the layer above has to take in."""
        return self.recurrent_size * self.num_directions

    @property
    def num_weights(self) -> int:
        """Weights of all matrices and directions, biases and peepholes left out.

        A step of a sequence uses each weight once, so this is also its number of multiply-accumulates.
        """
        return self.num_directions * sum(rows * columns for rows, columns in self.matrices)

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of what one direction multiplies in a step: the gates over x and h, then what follows.

        Of a cell in parts the columns are those that a row multiplies.
        """
        phases = self.phases
        rows = [len(phase.gates) * self.size(phase.size) for phase in phases]
        columns = [self.input_size * phase.reads_x + self.num_operands(phase) for phase in phases]
        return tuple(zip(rows, columns, strict=True))

    @property
    def num_elementwise(self) -> int:
        """Element-wise operations of a step of the whole layer: biases, gates, residual; they cost energy, no cycle."""
        residual = self.output_size if self.residual else 0
        each = self.elementwise.multiplications + self.elementwise.additions
        return self.num_directions * self.hidden_size * each + residual

    def as_dict(self) -> dict[str, Any]:
        """The fields that a layer is made from, JSON-ready."""
        known = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}
        return {**known, "cell": self.cell_name, "options": dict(self.options)}


def check_chain(layers: Sequence[tuple[str, RNNLayer]]) -> None:
    """Refuse layers, each with what it is called, of which one does not take what the one below puts out."""
    for (name_below, below), (name, layer) in pairwise(layers):
        if layer.input_size != below.output_size:
            reason = f"what {name_below} puts out" if name != name_below else "what it puts out, as it is repeated"
            raise refuse(f"{name}.input_size", f"{below.output_size} ({reason})", layer.input_size)


@dataclass(frozen=True)
class Sequences:
    """The sequences of a batch: how many time steps each has.

    A batch of B sequences runs through a layer together, so that a weight is read once for all of them. Sequences may
    be unequally long; they are kept as spans of steps in which equally many still run, the longest sequence first.

    Examples
    --------
    Three sequences run for 12 steps, then the two longer ones for another 18:

    >>> import sharp
    >>> batch = sharp.Sequences.of([30, 12, 30])
    >>> batch.spans
    ((3, 12), (2, 18))
    >>> batch.num_steps, batch.total_steps
    (30, 72)
    >>> sharp.Sequences.equal(seq_len=25, batch_size=4).total_steps
    100
    """

    spans: tuple[tuple[int, int], ...]
    """(sequences, steps): the first span runs all sequences, each later one fewer."""

    def __post_init__(self) -> None:
        spans = self.spans
        if not (
            isinstance(spans, tuple) and spans and all(isinstance(span, tuple) and len(span) == 2 for span in spans)
        ):
            raise refuse("spans", "pairs (sequences, steps), at least one", spans)
        for place, numbers in enumerate(spans):
            for name, number in zip(("sequences", "steps"), numbers, strict=True):
                check_integer(f"spans[{place}].{name}", number)
            if place and numbers[0] >= spans[place - 1][0]:
                raise refuse(f"spans[{place}].sequences", "fewer than in the span before", numbers[0])

    @classmethod
    def equal(cls, seq_len: int, batch_size: int = 1) -> Sequences:
        """A batch of equally long sequences.

        Parameters
        ----------
        seq_len : int
            Time steps of each.
        batch_size : int
            Sequences.
        """
        return cls(((check_integer("batch_size", batch_size), check_integer("seq_len", seq_len)),))

    @classmethod
    def of(cls, lengths: Iterable[int]) -> Sequences:
        """A batch of sequences of some lengths, in any order.

        Parameters
        ----------
        lengths : iterable of int
            Time steps of each sequence, at least one.

        Raises
        ------
        SpecificationError
            Where there is none, or a length is not a positive integer.
        """
        given = check_items("seq_len", lengths, "the length of each sequence")
        ordered = sorted((check_integer("seq_len", length) for length in given), reverse=True)
        if not ordered:
            raise refuse("seq_len", "the length of at least one sequence", ordered)
        spans, running, done = [], len(ordered), 0
        for length, group in groupby(reversed(ordered)):
            spans.append((running, length - done))
            running, done = running - len(list(group)), length
        return cls(tuple(spans))

    @property
    def batch_size(self) -> int:
        """Sequences that run at the start: all of them."""
        return self.spans[0][0]

    @property
    def num_steps(self) -> int:
        """Time steps of the longest sequence; the layer takes as many."""
        return sum(steps for _, steps in self.spans)

    @property
    def total_steps(self) -> int:
        """Time steps of all sequences together; the layer computes as many."""
        return sum(sequences * steps for sequences, steps in self.spans)

    @property
    def are_equal(self) -> bool:
        """Whether all sequences are equally long."""
        return len(self.spans) == 1


@dataclass(frozen=True, kw_only=True)
class Network:
    """A stack of recurrent layers, run over the time steps of one sequence or of a batch.

    Each layer reads what the layer below puts out, so their sizes have to chain: the `input_size` of a layer is the
    `output_size` of the one below. What does not chain is refused with a `SpecificationError`. `find_network` has those
    of the paper; a file of your own is read by `load_networks`.

    Examples
    --------
    >>> import sharp
    >>> lower = sharp.RNNLayer(input_size=300, hidden_size=512, bidirectional=True)
    >>> upper = sharp.RNNLayer(input_size=1024, hidden_size=512)
    >>> network = sharp.Network(name="my-tagger", layers=(lower, upper), seq_len=40)
    >>> network.num_macs  # a multiply-accumulate for each weight and time step
    258867200
    >>> network.with_lengths([40, 35, 12]).batch_size
    3
    """

    name: str
    """Short name, as given to ``--network``."""
    layers: tuple[RNNLayer, ...]
    """From the bottom up."""
    seq_len: int
    """Time steps, of the longest sequence where they differ."""
    batch_size: int = 1
    """Sequences that share the weights."""
    lengths: tuple[int, ...] = ()
    """Length of each sequence of the batch, where they differ."""
    title: str = ""
    """What the network is for, in a line."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Source and status of each number, by field name."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name in ("seq_len", "batch_size"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        if self.title != "":
            check_text("title", self.title)
        lengths = check_items("lengths", self.lengths, "the length of each sequence")
        object.__setattr__(self, "lengths", tuple(check_integer("lengths", length) for length in lengths))
        if self.lengths and (max(self.lengths), len(self.lengths)) != (self.seq_len, self.batch_size):
            raise refuse("lengths", f"{self.batch_size} lengths, the greatest {self.seq_len}", self.lengths)
        object.__setattr__(self, "layers", check_items("layers", self.layers, "layers"))
        if not self.layers:
            raise refuse("layers", "at least one layer", self.layers)
        for layer in self.layers:
            check_kind("layers", layer, RNNLayer)
        check_chain([(f"layers[{index}]", layer) for index, layer in enumerate(self.layers)])

    @property
    def num_weights(self) -> int:
        """Weights of all layers, biases and peepholes left out."""
        return sum(layer.num_weights for layer in self.layers)

    @property
    def sequences(self) -> Sequences:
        """The sequences of the batch, equally long or not, as the cycle model takes them."""
        return Sequences.of(self.lengths) if self.lengths else Sequences.equal(self.seq_len, self.batch_size)

    @property
    def num_macs(self) -> int:
        """Multiply-accumulates of the whole run: every weight in every step of every sequence of the batch."""
        return self.num_weights * self.sequences.total_steps

    def with_lengths(self, lengths: Sequence[int]) -> Network:
        """The same network on a batch of sequences of other lengths.

        Parameters
        ----------
        lengths : sequence of int
            Time steps of each sequence.

        Raises
        ------
        SpecificationError
            Where there is none, or a length is not a positive integer.
        """
        sequences = Sequences.of(lengths)
        return replace(
            self,
            seq_len=sequences.num_steps,
            batch_size=sequences.batch_size,
            lengths=() if sequences.are_equal else tuple(lengths),
        )


def square_lstm(hidden_size: int, seq_len: int = 25) -> Network:
    """One LSTM layer whose input is as wide as its hidden state (X = H), the paper's synthetic workload.

    Parameters
    ----------
    hidden_size : int
        Cells of the layer, and elements of its input x_t.
    seq_len : int
        Time steps; the paper's sweeps use 25.

    Returns
    -------
    Network
        Of this one layer, named after its sizes.

    Raises
    ------
    SpecificationError
        Where a size is not a positive integer.

    Examples
    --------
    >>> import sharp
    >>> sharp.square_lstm(512).name
    'lstm-512x512-t25'
    """
    return single_layer(RNNLayer(input_size=hidden_size, hidden_size=hidden_size), seq_len)


def single_layer(layer: RNNLayer, seq_len: int, batch_size: int = 1) -> Network:
    """One layer as a network, named after its sizes.

    Parameters
    ----------
    layer : RNNLayer
    seq_len : int
        Time steps.
    batch_size : int
        Sequences, equally long.
    """
    name = f"{layer.cell_name}-{layer.input_size}x{layer.hidden_size}-t{seq_len}" + f"-b{batch_size}" * (batch_size > 1)
    return Network(name=name, layers=(layer,), seq_len=seq_len, batch_size=batch_size)
