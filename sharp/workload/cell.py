"""What a cell is to the cycle model: the matrix products of a time step, what each waits for, and what else it does.

All of it is checked when it is made, so that what runs it later need not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sharp.checks import (
    check_flag,
    check_integer,
    check_letters,
    check_mapping,
    check_name,
    check_number,
    check_text,
    refuse,
    within,
)
from sharp.errors import SpecificationError
from sharp.plugins import broken
from sharp.workload.equation import Equations

OptionValue = bool | int | float | str
"""What an option of a cell of one's own can be."""

LAYER_FIELDS = ("projection_size", "peephole", "linear_before_reset")
"""Fields of `RNNLayer` that only cells with a use for them take (`Cell.fields`)."""

SIZES = ("input_size", "hidden_size", "recurrent_size", "projection_size")
"""Sizes of a layer that a phase can name; whole-number options of the cell's own are others."""

UPDATES = ("update_ns", "multiply_ns", "add_ns", "accumulate_ns", "activation_ns")
"""Latencies of a machine that an update can take, by their fields of `sharp.Accelerator`."""


class Options(Mapping[str, OptionValue]):
    """Values by name that do not change, so that a layer that holds them can be compared and hashed."""

    def __init__(self, values: Mapping[str, OptionValue] | Iterable[tuple[str, OptionValue]] = ()) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> OptionValue:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)


@dataclass(frozen=True, kw_only=True)
class CellOptions:
    """What the functions of a cell are told of a layer: options, not sizes, as a cell is the same at every size.

    The options of a cell's own are attributes, too.

    Examples
    --------
    >>> import sharp
    >>> from sharp.workload.cell import Options
    >>> options = sharp.CellOptions(peephole=True, own=Options({"heads": 4}))
    >>> options.peephole, options.heads
    (True, 4)
    """

    projected: bool = False
    """Whether a projection makes h of other elements than the cells."""
    linear_before_reset: bool = True
    """Whether the reset gate multiplies after the matrix product."""
    peephole: bool = False
    """Whether the gates see the cell state."""
    own: Options = field(default_factory=Options)
    """Those that the cell declares itself."""

    @classmethod
    def of(cls, layer: Any, own: Options) -> CellOptions:
        """Those of a layer, with its options of the cell's own."""
        fields = {name: getattr(layer, name) for name in ("linear_before_reset", "peephole")}
        return cls(projected=layer.projection_size is not None, own=own, **fields)

    def __getattr__(self, name: str) -> Any:
        own: Mapping[str, OptionValue] = vars(self).get("own", {})
        if name not in own:
            raise AttributeError(f"a cell's options have no {name!r}")
        return own[name]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Products of a time step that wait for the same vector: the rows of some gates over x_t and that vector.

    A phase may wait for nothing (``operand=""``): its gates multiply x_t alone. Its cells may fall into parts that
    know nothing of each other (`parts`), so that the matrix that multiplies the vector is block-diagonal. What makes
    no sense is refused with a `SpecificationError` when the phase is made, and when a layer is made of it.

    Examples
    --------
    A GRU that resets before the product has two: r and z give s = r * h, which n then waits for.

    >>> import sharp
    >>> layer = sharp.RNNLayer(cell="gru", input_size=8, hidden_size=8, linear_before_reset=False)
    >>> [(phase.gates, phase.operand, phase.gives) for phase in layer.phases]
    [('rz', 'h', 's'), ('n', 's', 'h')]
    """

    gates: str
    """Gates, one letter each, no letter in two phases of a cell; rows of each: `size`."""
    size: str = "hidden_size"
    """Rows of each gate, one of `SIZES` or a whole-number option of the cell."""
    reads_x: bool = True
    """Whether the gates multiply x_t too, which waits for nothing."""
    operand: str = "h"
    """Vector waited for, one letter: h of the step before, or what an earlier phase of the step gives; "": none."""
    operand_size: str = "recurrent_size"
    """Elements of that vector, named as `size`."""
    parts: int = 1
    """Equal parts of the cells and of the vector: the rows of a part multiply x_t and that part of the vector."""
    separate_sums: bool = False
    """Whether no column tile straddles x_t and the operand, as the last gate's sums over the two stay apart."""
    activation_passes: int = 1
    """Times that a value goes through the activation unit, one after the other; 0: not at all."""
    update: str | None = "update_ns"
    """Latency of the machine that the cell updater takes, one of `UPDATES`; None: the values do not pass it."""
    gives: str = "h"
    """Vector that the phase completes, one letter; the last phase of a cell gives h."""
    tanh_gates: str = ""
    """Those of its gates that go through tanh; the others go through a sigmoid."""
    linear_gates: str = ""
    """Those of its gates that pass the activation unit as they are."""
    diagonal_gates: str = ""
    """Those of its gates for which each cell has a weight of its own, such as an LSTM's peepholes; no product."""

    def __post_init__(self) -> None:
        check_letters("gates", self.gates)
        check_text("size", self.size)
        check_text("operand_size", self.operand_size)
        for name in ("reads_x", "separate_sums"):
            check_flag(name, getattr(self, name))
        for name in ("operand", "gives") if self.operand != "" else ("gives",):
            if len(check_letters(name, getattr(self, name))) > 1 or getattr(self, name) == "x":
                raise refuse(name, "one letter other than x", getattr(self, name))
        if not self.reads_x and not self.operand:
            raise refuse("reads_x", "true where no vector is multiplied", self.reads_x)
        object.__setattr__(self, "parts", check_integer("parts", self.parts))
        if not self.operand and self.parts > 1:
            raise refuse("parts", "1 where no vector is multiplied", self.parts)
        if self.separate_sums and len(self.columns) < 2:
            raise refuse("separate_sums", "false where the gates do not multiply x and a vector", self.separate_sums)
        self._check_activations()

    def _check_activations(self) -> None:
        passes = check_integer("activation_passes", self.activation_passes, minimum=0)
        object.__setattr__(self, "activation_passes", passes)
        if self.update is not None:
            check_name("update", self.update, UPDATES)
        for name in ("tanh_gates", "linear_gates"):
            gates = check_letters(name, getattr(self, name), of=self.gates)
            if gates and not self.activation_passes:
                raise refuse(name, "none where no value passes the activation unit", gates)
        check_letters("diagonal_gates", self.diagonal_gates, of=self.gates)
        if set(self.tanh_gates) & set(self.linear_gates):
            raise refuse(
                "linear_gates", f"other gates than {self.tanh_gates}, which go through tanh", self.linear_gates
            )

    @property
    def columns(self) -> str:
        """What the gates multiply, one letter each: "xh", "h", or "x" where they wait for nothing."""
        return "x" * self.reads_x + self.operand

    @property
    def gate_apart(self) -> str:
        """The gate whose sums over x_t and over the operand are two until its equation joins them; "" where none is."""
        return self.gates[-1] if self.separate_sums else ""

    @property
    def runs_ahead(self) -> bool:
        """Whether products with x can be done before the others, their sums kept meanwhile."""
        return self.reads_x and bool(self.operand)

    @property
    def sums_per_cell(self) -> int:
        """Sums that a cell keeps when its products with x_t run ahead."""
        return len(self.gates) + self.separate_sums


class Elementwise(NamedTuple):
    """Work of a time step for one cell, besides products and the gates' own activations; it costs no array cycle.

    Examples
    --------
    An LSTM's cell computes f * c + i * g and o * tanh(c), with four biases:

    >>> import sharp
    >>> sharp.RNNLayer(input_size=8, hidden_size=8).elementwise
    Elementwise(multiplications=3, additions=5, tanhs=1, vector_reads=0, state_updates=1)
    """

    multiplications: int
    """Element-wise multiplications."""
    additions: int
    """Element-wise additions, biases included."""
    tanhs: int = 0
    """Values through tanh, such as an LSTM's c."""
    vector_reads: int = 0
    """Elements of h that the cell updater reads."""
    state_updates: int = 0
    """Elements of c read and written."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A recurrent cell: its gates, its products, its options (book, page "Your own cell").

    Examples
    --------
    The simplest gated cell, f = sigmoid(W x_t + U h_{t-1} + b) and h_t = f * h_{t-1} + (1 - f) * tanh(V x_t + ...):

    >>> import sharp
    >>> mine = sharp.Cell(
    ...     name="mine",
    ...     gates="fn",
    ...     phases=lambda options: (sharp.Phase(gates="fn", tanh_gates="n"),),
    ...     elementwise=lambda options: sharp.Elementwise(multiplications=2, additions=4, vector_reads=1),
    ... )
    >>> sharp.RNNLayer(cell=mine, input_size=8, hidden_size=8).num_weights  # 2 gates * 8 rows * 16 columns
    256
    """

    name: str
    """As printed in reports; ours as written in files and on the command line."""
    gates: str
    """Gates of the stacked gate matrix, in the order of its rows."""
    phases: Callable[[CellOptions], tuple[Phase, ...]]
    """Products of a step in the order in which they depend on each other; the last gives h."""
    elementwise: Callable[[CellOptions], Elementwise]
    """What else a step is for each cell."""
    equations: Callable[[CellOptions], Equations] | None = None
    """What the cells compute, an equation for each phase; only who asks for values needs it, not cycles or energy."""
    fields: tuple[str, ...] = ()
    """Those of `LAYER_FIELDS` that a layer of this cell may set."""
    options: Mapping[str, OptionValue] = field(default_factory=Options)
    """Options of its own with their defaults: true or false, a positive whole number, a positive number, or a text."""
    source: str = field(default="", compare=False, repr=False)
    """Name that it is loaded by, where that is not its own: that of an entry point, or FILE.py:NAME."""
    _forms: dict[CellOptions, tuple[tuple[Phase, ...], Elementwise]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        check_text("name", self.name)
        check_letters("gates", self.gates)
        for name in ("phases", "elementwise"):
            if not callable(getattr(self, name)):
                raise refuse(name, "a function of the options", getattr(self, name))
        if not isinstance(self.fields, tuple):
            raise refuse("fields", f"some of {', '.join(LAYER_FIELDS)}", self.fields)
        for name in self.fields:
            check_name("fields", name, LAYER_FIELDS)
        if not isinstance(self.options, Mapping):
            raise refuse("options", "a mapping of names to defaults", self.options)
        for name, default in self.options.items():
            if not isinstance(name, str) or not name.isidentifier() or name in (*SIZES, *vars(CellOptions())):
                raise refuse("options", "names that a layer has no other use for, such as heads", name)
            _check_option(f"options.{name}", default, default)
        object.__setattr__(self, "options", Options(self.options))

    def complete(self, options: object) -> Options:
        """The options of a layer of this cell, those that are not given as they are by default.

        Raises
        ------
        SpecificationError
            Where the cell has no such option (with the nearest names), or a value is not of its default's kind.
        """
        if not self.options and isinstance(options, Mapping) and options:
            raise refuse("options", f"none, as {self.name} has none of its own", dict(options))
        given = check_mapping("options", options, self.options)
        return Options(
            {
                name: _check_option(f"options.{name}", given.get(name, default), default)
                for name, default in self.options.items()
            }
        )

    def form(self, options: CellOptions) -> tuple[tuple[Phase, ...], Elementwise]:
        """The products of a step and what else it is, for some options.

        Raises
        ------
        SpecificationError
            Where a function of the cell raises, or what it returns makes no sense.
        """
        if options not in self._forms:
            with within(f"cell {self.name}: "):
                self._forms[options] = self._check(options)
        return self._forms[options]

    def computes(self, options: CellOptions, phases: tuple[Phase, ...]) -> Equations:
        """The equations of its phases, for some options.

        Raises
        ------
        SpecificationError
            Where the cell has none and a phase has several gates, or its function fails.
        """
        with within(f"cell {self.name}: "):
            given = (None,) * len(phases) if self.equations is None else _called(self, "equations", options)
            if not isinstance(given, tuple) or len(given) != len(phases):
                raise refuse("equations", f"a tuple of {len(phases)}, one for each phase", given)
            for index, (equation, phase) in enumerate(zip(given, phases, strict=True)):
                if not (callable(equation) or (equation is None and len(phase.gates) == 1)):
                    raise refuse(f"equations[{index}]", f"what gates {phase.gates} give {phase.gives} by", equation)
            return given

    def _check(self, options: CellOptions) -> tuple[tuple[Phase, ...], Elementwise]:
        phases = _check_phases(self, options, _called(self, "phases", options))
        elementwise = _called(self, "elementwise", options)
        if not isinstance(elementwise, Elementwise):
            raise refuse("elementwise", "a sharp.Elementwise", elementwise)
        counts = zip(Elementwise._fields, elementwise, strict=True)
        return phases, Elementwise(*(check_integer(f"elementwise.{name}", count, minimum=0) for name, count in counts))


def _check_option(where: str, value: object, default: OptionValue) -> OptionValue:
    """Return a value if it is of the kind of a default."""
    if isinstance(default, bool):
        return check_flag(where, value)
    if isinstance(default, int):
        return check_integer(where, value)
    return check_number(where, value) if isinstance(default, float) else check_text(where, value)


def _called(cell: Cell, name: str, options: CellOptions) -> Any:
    """What a function of a cell returns."""
    function = getattr(cell, name)
    try:
        return function(options)
    except SpecificationError:
        raise
    except (Exception, SystemExit) as error:
        raise broken(name, error, getattr(getattr(function, "__code__", None), "co_filename", None)) from None


def _check_phases(cell: Cell, options: CellOptions, phases: object) -> tuple[Phase, ...]:
    """Return what `phases` gave if each product waits for something that is there, and every gate has one."""
    if not isinstance(phases, tuple | list) or not phases or not all(isinstance(phase, Phase) for phase in phases):
        raise refuse("phases", "at least one sharp.Phase in a tuple", phases)
    whole = [name for name, default in cell.options.items() if type(default) is int]
    last, size = len(phases) - 1, "projection_size" if options.projected else "hidden_size"
    given, gates = {"h": size}, ""
    for index, phase in enumerate(phases):
        with within(f"phases[{index}]"):
            for name in ("size", "operand_size"):
                if not options.projected and getattr(phase, name) == "projection_size":
                    raise refuse(name, "a size of a layer without a projection (options.projected)", "projection_size")
                check_name(name, getattr(phase, name), [*SIZES, *whole])
            if set(gates) & set(phase.gates):
                raise refuse("gates", f"other gates than {gates}, which the phases before have", phase.gates)
            gates += phase.gates
            if phase.operand:
                check_name("operand", phase.operand, given)
            if phase.operand and _same(phase.operand_size, size) != given[phase.operand]:
                raise refuse("operand_size", f"{given[phase.operand]}, as {phase.operand} has", phase.operand_size)
            if (phase.gives == "h") != (index == last) or (index < last and phase.gives in given):
                raise refuse("gives", "h" if index == last else "a vector that no other phase gives", phase.gives)
            given[phase.gives] = _same(phase.size, size)
    for vector in given:
        if vector != "h" and all(phase.operand != vector for phase in phases):
            raise refuse("phases", f"a phase that waits for {vector}, or h would be out before it", phases)
    if given["h"] != size:
        raise refuse(f"phases[{last}].size", f"{size}, as h has", phases[last].size)
    for gate in cell.gates:
        if gate not in gates:
            raise refuse("phases", f"products of every gate of {cell.gates}", f"{gates}, without {gate}")
    return tuple(phases)


def _same(name: str, size: str) -> str:
    """The size that a name stands for; h is as long as the projection, or as there are cells."""
    return size if name == "recurrent_size" else name
