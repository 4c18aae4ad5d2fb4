"""Recurrent networks: `RNNLayer` and `Network`, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sharp.checks import (
    check_flag,
    check_integer,
    check_items,
    check_kind,
    check_mapping,
    check_name,
    check_text,
    refuse,
)
from sharp.provenance import Provenance
from sharp.readonly import ReadOnly
from sharp.workload.cell import LAYER_FIELDS, SIZES, Cell, CellOptions, Elementwise, Options, OptionValue, Phase
from sharp.workload.cells import CELLS, check_cell, find_cell
from sharp.workload.graph import JOINS, Graph, NotModelled, Place, make_graph
from sharp.workload.sequences import Sequences


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
    merge: str = "concat"
    """What a bidirectional layer makes of its directions: "concat", one behind the other, or "sum"."""

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
        if check_name("merge", self.merge, JOINS) != "concat" and not self.bidirectional:
            raise refuse("merge", "concat where there is one direction", self.merge)
        if self.projection_size is not None:
            object.__setattr__(self, "projection_size", check_integer("projection_size", self.projection_size))
        self._set_up(check_cell(self.cell) if isinstance(self.cell, Cell) else find_cell(self.cell))
        if self.bidirectional and not self.is_recurrent:
            raise refuse("bidirectional", f"false ({self.cell_name} has no state that a direction carries on)", True)
        if self.residual and self.input_size != self.output_size:
            raise refuse("input_size", f"{self.output_size} (a residual layer puts out what it reads)", self.input_size)

    def _set_up(self, cell: Cell) -> None:
        """Keep what the cell is with the options of this layer."""
        for name in LAYER_FIELDS:
            if name not in cell.fields and getattr(self, name) != getattr(RNNLayer, name):
                owners = " or ".join(known for known in CELLS if name in CELLS[known].fields)
                raise refuse("cell", f"{owners} ({name} belongs to it)", cell.name)
        options = cell.complete(self.options)
        phases, elementwise = cell.form(CellOptions.of(self, options))
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
    def is_recurrent(self) -> bool:
        """Whether a step follows from the step before, by h or by a state of the cells."""
        return any(phase.operand or phase.update for phase in self.phases)

    @property
    def recurrent_size(self) -> int:
        """Elements of h_t in one direction: the projection size where there is one, else the hidden size."""
        return self.projection_size or self.hidden_size

    @property
    def output_size(self) -> int:
        """Elements that the layer puts out a step, both directions together; what the layer above has to take in."""
        return self.recurrent_size * (self.num_directions if self.merge == "concat" else 1)

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
        """Element-wise operations of a step of the whole layer: biases, gates, sums; they cost energy, no cycle."""
        each = self.elementwise.multiplications + self.elementwise.additions
        return self.num_directions * self.hidden_size * each + self.added_size

    @property
    def added_size(self) -> int:
        """Elements that are added to what the cells give in a step: the input, or the other direction."""
        return self.output_size * (self.residual + (self.merge == "sum"))

    def as_dict(self) -> dict[str, Any]:
        """The fields that a layer is made from, JSON-ready."""
        known = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}
        return {**known, "cell": self.cell_name, "options": dict(self.options)}


@dataclass(frozen=True, kw_only=True)
class Network:
    """A stack or a graph of recurrent and dense layers, run over the time steps of one sequence or of a batch.

    Each layer reads what the layer before it puts out, or what its `Place` says, so their sizes have to fit: the
    `input_size` of a layer is the `output_size` of the one that it reads. What does not fit is refused with a
    `SpecificationError`. `find_network` has those of the paper; a file of your own is read by `load_networks`.

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
    """From the bottom up; each after those that it reads."""
    seq_len: int
    """Time steps, of the longest sequence where they differ."""
    batch_size: int = 1
    """Sequences that share the weights."""
    lengths: tuple[int, ...] = ()
    """Length of each sequence of the batch, where they differ."""
    places: tuple[Place, ...] = ()
    """Where each layer stands; where none is given, each layer reads the one before."""
    not_modelled: Mapping[str, NotModelled] = ReadOnly({})
    """What else the network does and the machine does not, by operator."""
    title: str = ""
    """What the network is for, in a line."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Source and status of each number, by field name."""
    graph: Graph = field(init=False, compare=False, repr=False)
    """What each layer reads and how many steps it has, worked out."""

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
        self._set_graph()
        others = check_mapping("not_modelled", self.not_modelled, self.not_modelled)
        for operator, entry in others.items():
            check_kind(f"not_modelled.{operator}", entry, NotModelled)
        object.__setattr__(self, "not_modelled", ReadOnly(others))

    def _set_graph(self) -> None:
        places = check_items("places", self.places, "a sharp.Place for each layer") or (Place(),) * len(self.layers)
        object.__setattr__(self, "places", places)
        for place in places:
            check_kind("places", place, Place)
        if len(places) != len(self.layers):
            raise refuse("places", f"{len(self.layers)}, one for each layer", len(places))
        object.__setattr__(self, "graph", make_graph(self.layers, places, self.sequences))

    @property
    def layer_sequences(self) -> tuple[Sequences, ...]:
        """Steps and sequences of each layer: those of the network, or what follows from what a layer reads."""
        return self.graph.sequences

    @property
    def num_weights(self) -> int:
        """Weights of all layers, biases and peepholes left out."""
        return sum(layer.num_weights for layer in self.layers)

    def label(self, index: int) -> str:
        """What errors and reports call a layer: its name, or its place."""
        return self.graph.labels[index]

    @property
    def is_chain(self) -> bool:
        """Whether each layer reads the one before and nothing else, in as many steps."""
        return all(replace(place, name="") == Place() for place in self.places)

    def elements_read(self, index: int) -> tuple[dict[int, int], int]:
        """Elements that a layer reads in a run: those that each layer puts out, and those from outside.

        From outside come the network's inputs, and whatever passes an operator that is not modelled.
        """
        place, layer, own = self.places[index], self.layers[index], self.layer_sequences[index]
        if place.through:
            return {}, layer.input_size * own.total_steps
        sources = [source for source in self.graph.reads[index] if isinstance(source, int)]
        each = {source: self.layers[source].output_size for source in sources}
        summed = place.join == "sum" and len(each) < len(self.graph.reads[index])
        inside = (
            0
            if summed
            else place.stack_frames * (max(each.values(), default=0) if place.join == "sum" else sum(each.values()))
        )
        steps = {s: own.batch_size if place.last_step else self.layer_sequences[s].total_steps for s in sources}
        outside = (layer.input_size - inside) * own.total_steps
        return {source: each[source] * steps[source] for source in sources}, outside

    def joined_additions(self, index: int) -> int:
        """Additions of a run that make one vector of those that a layer reads, where it reads their sum."""
        place, layer = self.places[index], self.layers[index]
        if place.join == "concat":
            return 0
        each = layer.input_size - place.context_size
        return (len(self.graph.reads[index]) - 1) * each * self.layer_sequences[index].total_steps

    @property
    def io_elements(self) -> tuple[int, int]:
        """Elements of all inputs of a run, and of all outputs: what layers read of the inputs, and what none reads."""
        given = sum(self.elements_read(index)[1] for index in range(len(self.layers)))
        return given, sum(self.elements_put_out(index) for index in self.unread)

    def elements_put_out(self, index: int) -> int:
        """Elements that a layer puts out in a run."""
        return self.layers[index].output_size * self.layer_sequences[index].total_steps

    @property
    def unread(self) -> tuple[int, ...]:
        """Layers that no layer reads: what they put out leaves the machine."""
        indices = range(len(self.layers))
        read = {source for index in indices for source in self.elements_read(index)[0]}
        return tuple(index for index in indices if index not in read)

    def layer_as_dict(self, index: int) -> dict[str, Any]:
        """A layer with its place, its steps and its work, JSON-ready."""
        layer, place, sequences = self.layers[index], self.places[index], self.layer_sequences[index]
        sources = [self.label(each) if isinstance(each, int) else each for each in self.graph.reads[index]]
        kept = ("join", "stack_frames", "last_step", "context_size", "feedback", "feedback_ns")
        given = self.lengths if sequences == self.sequences else sequences.lengths
        return {
            "name": self.label(index),
            **layer.as_dict(),
            "reads": sources,
            **{name: getattr(place, name) for name in kept},
            "through": list(place.through),
            "seq_len": sequences.num_steps,
            "batch_size": sequences.batch_size,
            "lengths": [] if sequences.are_equal else list(given),
            "num_weights": layer.num_weights,
            "macs": layer.num_weights * sequences.total_steps,
        }

    @property
    def sequences(self) -> Sequences:
        """The sequences of the network's input, equally long or not, as the cycle model takes them."""
        return Sequences.of(self.lengths) if self.lengths else Sequences.equal(self.seq_len, self.batch_size)

    @property
    def num_macs(self) -> int:
        """Multiply-accumulates of the whole run: every weight in every step of every sequence of the batch."""
        pairs = zip(self.layers, self.layer_sequences, strict=True)
        return sum(layer.num_weights * sequences.total_steps for layer, sequences in pairs)

    @property
    def modelled_share(self) -> float:
        """Share of the network's multiply-accumulates that its layers do, 0 to 1; the rest is in `not_modelled`."""
        return self.num_macs / (self.num_macs + sum(entry.macs for entry in self.not_modelled.values()))

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
