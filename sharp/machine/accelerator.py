"""The accelerator: multipliers, tile heights, lanes, latencies and buffers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Self, TypeVar

from sharp.checks import (
    check_integer,
    check_items,
    check_kind,
    check_mapping,
    check_name,
    check_number,
    check_text,
    refuse,
    suggestion,
    within,
)
from sharp.errors import SpecificationError
from sharp.machine.budget import Budget
from sharp.machine.memories import BUFFERS, MemoryLevel, ping_pong_elements
from sharp.machine.plan import Plan
from sharp.machine.precision import format_names
from sharp.provenance import Provenance, given_instead, unusual
from sharp.quantities import in_unit
from sharp.units import (
    bytes_from_bits,
    cycles_from_ns,
    label_from_macs,
    macs_from_text,
    stages_per_cycle,
    words_from_bytes,
)

UNITS = MappingProxyType(
    {
        "num_macs": "multipliers",
        "tile_rows": "rows",
        "clock_hz": "Hz",
        "lanes_per_unit": "multipliers",
        "arithmetic": "1",
        "weight_bits": "bit",
        "partial_sum_bits": "bit",
        "activation_lanes": "values/cycle",
        "rows_per_update_lane": "rows/lane",
        "multiply_ns": "ns",
        "add_ns": "ns",
        "accumulate_ns": "ns",
        "activation_ns": "ns",
        "update_ns": "ns",
        "weight_buffer": "byte",
        "io_buffer": "byte",
        "cell_state_buffer": "byte",
        "intermediate_buffer": "byte",
        "dram_bytes_per_s": "byte/s",
        "chained_levels": "levels",
        "accumulators": "1",
    }
)
"""The parameters of an `Accelerator`, each with its unit."""

OPTIONAL = ("chained_levels", "accumulators")
"""Parameters that a machine's file may leave out, which then have the value that `Accelerator` gives them."""

ACCUMULATORS = ("single", "interleaved")
"""How a row accumulates: in one sum, or in as many as an addition takes cycles, merged at the end."""

LATENCIES = ("multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns")
"""The latencies, as fields of `Accelerator`."""


PRICED = ("lanes_per_unit", "arithmetic", "io_buffer", "cell_state_buffer")
"""Parameters that change energy and area alone."""
_FORMAT = ("arithmetic", "weight_bits", "partial_sum_bits")
"""Parameters that choose a format, which `sharp.machine.precision` has or has not."""
_INTEGERS = (
    "num_macs",
    "lanes_per_unit",
    "weight_bits",
    "partial_sum_bits",
    "activation_lanes",
    "rows_per_update_lane",
    "chained_levels",
)


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """A machine made of tiles, such as SHARP: multipliers, lanes, latencies, buffers, and how it is run.

    Its `num_macs` multipliers stand as a tile of K rows by N = num_macs / K columns, and one tile of the gate matrix
    issues a cycle. K is the tile height in use, one of `tile_rows`. Three units work in order: the array of multipliers
    with its reduction tree, the activation unit, and the cell updater. Latencies are in nanoseconds and become whole
    cycles at `clock_hz`. A value that makes no sense, or a tile height that does not divide the multipliers, is refused
    with a `SpecificationError`.

    Examples
    --------
    >>> import sharp
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> machine.num_macs, machine.tile_rows
    (65536, (32, 64, 128, 256))
    >>> machine.cycles("activation_ns")  # 29.14 ns at 500 MHz
    15

    A variant is the same machine with some fields replaced:

    >>> from dataclasses import replace
    >>> replace(machine, activation_lanes=128, tile_rows=(64, 128)).tile_rows
    (64, 128)
    """

    name: str
    """Short name, as given to ``--accelerator``."""
    num_macs: int
    """Multipliers of the array (M)."""
    tile_rows: tuple[int, ...]
    """Tile heights K the array can take at run time, ascending; each divides `num_macs`."""
    clock_hz: float
    """Hertz."""
    lanes_per_unit: int
    """Multipliers of a vector-scalar unit, beside which stands a bank of the weight buffer; energy and area only."""
    arithmetic: str
    """Kind of numbers, one of `sharp.machine.precision.ARITHMETIC`; energy and area only."""
    weight_bits: int
    """Bits of a weight, and of an element of x and h."""
    partial_sum_bits: int
    """Bits of a sum kept in the intermediate buffer."""
    activation_lanes: int
    """Values that enter the activation unit a cycle (W_a)."""
    rows_per_update_lane: int
    """Tile rows that share a lane of the cell updater: W_c = max(1, K // rows_per_update_lane)."""
    multiply_ns: float
    """Latency of a multiplier in ns (L_mul)."""
    add_ns: float
    """Latency of a level of the reduction tree in ns (L_add)."""
    accumulate_ns: float
    """Latency of the accumulator in ns (L_acc)."""
    activation_ns: float
    """Latency of an activation in ns (L_a)."""
    update_ns: float
    """Latency of a cell update in ns (L_c)."""
    weight_buffer: MemoryLevel
    """Weights of a layer."""
    io_buffer: MemoryLevel
    """x and h."""
    cell_state_buffer: MemoryLevel
    """c."""
    intermediate_buffer: MemoryLevel
    """Sums of W x_{t+1} that wait for h_t."""
    dram_bytes_per_s: float
    """Bandwidth of the memory that weights are loaded from, where they are not resident."""
    chained_levels: int = 1
    """Levels of the reduction tree, at most, that share a cycle where they fit one; 1: each has a cycle of its own."""
    accumulators: str = "single"
    """How a row's sums over successive tiles are accumulated, one of `ACCUMULATORS`."""
    budgets: Mapping[str, Budget] = field(default_factory=dict, compare=False)
    """Named budgets."""
    plan: Plan = field(default_factory=Plan)
    """How the machine is run unless asked otherwise; a mapping of fields of `sharp.Plan` is made one."""
    provenance: Mapping[str, Provenance] = field(default_factory=dict, compare=False)
    """Unit, source, status and range of each number, by field name."""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name in _INTEGERS:
            object.__setattr__(self, name, check_integer(name, getattr(self, name)))
        format_names(self.arithmetic, self.weight_bits, self.partial_sum_bits)  # refuses what there is not
        for name in ("clock_hz", *LATENCIES, "dram_bytes_per_s"):
            check_number(name, getattr(self, name))
        check_name("accumulators", self.accumulators, ACCUMULATORS)
        for name in BUFFERS:
            check_kind(name, getattr(self, name), MemoryLevel)
        for label, budget in check_kind("budgets", self.budgets, Mapping).items():  # type: ignore[type-abstract]
            check_kind(f"budgets.{label}", budget, Budget)
        self._check_tile_rows()
        if not isinstance(self.plan, Plan):
            with within("plan"):
                object.__setattr__(self, "plan", Plan(**check_mapping("", self.plan, Plan.__dataclass_fields__)))

    def __eq__(self, other: object) -> bool:
        """Whether all numbers and the plan are equal, whoever else knows how to run one of them."""
        if not isinstance(other, Accelerator):
            return NotImplemented
        return all(getattr(self, entry.name) == getattr(other, entry.name) for entry in _COMPARED)

    def _check_tile_rows(self) -> None:
        heights = check_items("tile_rows", self.tile_rows, "tile heights")
        if not heights:
            raise refuse("tile_rows", "at least one tile height", heights)
        object.__setattr__(self, "tile_rows", tuple(check_integer("tile_rows", rows) for rows in heights))
        for rows in self.tile_rows:
            if self.num_macs % rows:
                raise SpecificationError(
                    f"num_macs: expected a multiple of every tile height "
                    f"({', '.join(map(str, self.tile_rows))}), got {self.num_macs}, which {rows} does not divide"
                )
        if list(self.tile_rows) != sorted(set(self.tile_rows)):
            raise refuse("tile_rows", "tile heights in ascending order, each once", list(self.tile_rows))

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is odd of its numbers, a sentence each: those outside their plausible range."""
        values = {name: getattr(self, name) for name in UNITS if name not in _FORMAT}
        return unusual({**values, **{name: values[name].capacity_bytes for name in BUFFERS}}, UNITS, self.provenance)

    def check_tile_rows(self, tile_rows: int) -> int:
        """Return `tile_rows` if the array can take that height, one of the machine's own.

        Raises
        ------
        SpecificationError
            Where it cannot, with the heights that it can take.
        """
        if check_integer("tile_rows", tile_rows) not in self.tile_rows:
            heights = ", ".join(map(str, self.tile_rows))
            raise refuse("tile_rows", f"one of {heights} or best (the tile heights of {self.name})", tile_rows)
        return int(tile_rows)

    def heights(self, plan: Plan) -> tuple[int, ...]:
        """The tile heights that a plan tries, of those that the machine has.

        Raises
        ------
        SpecificationError
            Where the machine has no tile of the plan's height.
        """
        return self.tile_rows if plan.tile_rows == "best" else (self.check_tile_rows(plan.tile_rows),)

    def cycles(self, latency: str) -> int:
        """A latency in whole cycles at the machine's clock, rounded up, at least 1.

        Parameters
        ----------
        latency : str
            Its field, such as "activation_ns".
        """
        return cycles_from_ns(getattr(self, latency), self.clock_hz)

    def columns(self, tile_rows: int) -> int:
        """Columns of a tile of some height, N = M / K: elements of x and h that it multiplies in a cycle."""
        return self.num_macs // tile_rows

    @property
    def levels_per_cycle(self) -> int:
        """Levels of the reduction tree that a cycle takes: as many as fit it, ``floor(1 / (add_ns * f))``, at most
        `chained_levels` and at least 1. A level longer than a cycle takes whole cycles for itself.
        """
        return min(self.chained_levels, stages_per_cycle(self.add_ns, self.clock_hz))

    def mvm_cycles(self, tile_rows: int) -> int:
        """Cycles from the last tile to the sums: ``L_mvm = L_mul + L_add * ceil(ceil(log2 N) / levels) + L_acc``.

        The tree has ``ceil(log2 N)`` levels, and `levels_per_cycle` of them share a cycle. Multiplier and accumulator
        are stages of their own, however short: neither shares a cycle with a level of the tree. Interleaved sums
        are merged by a tree over the L_acc sums of a row, ``L_add * ceil(ceil(log2 L_acc) / levels)``.
        """
        accumulate = self.cycles("accumulate_ns")
        merging = self._tree_cycles(accumulate) if self.accumulators == "interleaved" else 0
        return self.cycles("multiply_ns") + self._tree_cycles(self.columns(tile_rows)) + accumulate + merging

    def _tree_cycles(self, inputs: int) -> int:
        """Cycles of a tree of adders."""
        levels = (inputs - 1).bit_length()
        return -(-levels // self.levels_per_cycle) * self.cycles("add_ns")

    def update_lanes(self, tile_rows: int) -> int:
        """Cells that the updater takes a cycle on a tile of some height, W_c."""
        return max(1, tile_rows // self.rows_per_update_lane)

    @property
    def num_units(self) -> int:
        """Vector-scalar units, each beside a bank of the weight buffer that gives it a weight for each multiplier."""
        return self.num_macs // self.lanes_per_unit

    def units_with(self, rows: int) -> int:
        """Units of a column of a tile that have any of its first `rows` rows."""
        return -(-rows // self.lanes_per_unit)

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes of weights that arrive from the DRAM in a cycle: the bandwidth over the clock."""
        return self.dram_bytes_per_s / self.clock_hz

    @property
    def weight_bytes(self) -> float:
        """Bytes of a weight, and of an element of x and h."""
        return bytes_from_bits(self.weight_bits)

    @property
    def partial_sum_bytes(self) -> float:
        """Bytes of a sum in the intermediate buffer."""
        return bytes_from_bits(self.partial_sum_bits)

    @property
    def intermediate_words(self) -> int:
        """Sums that the intermediate buffer holds."""
        return int(words_from_bytes(self.intermediate_buffer.capacity_bytes, self.partial_sum_bits))

    @property
    def passing_elements(self) -> int:
        """Elements of x or h that pass from one layer to the next on chip (`ping_pong_elements`)."""
        return int(ping_pong_elements(self.io_buffer.capacity_bytes, self.weight_bits))

    def budget(self, macs: str | int) -> dict[str, object]:
        """The fields that a number of multipliers sets: ``num_macs``, and ``clock_hz`` where it is a budget.

        Parameters
        ----------
        macs : str or int
            A budget by its label ("64K", "96K") or by its number of multipliers, or any other number ("8K" = 8192).

        Raises
        ------
        SpecificationError
            Where `macs` is neither.
        """
        label = str(macs).upper()
        number = self.budgets[label].num_macs if label in self.budgets else macs_from_text(label)
        if number is None or number < 1:
            names = ", ".join(self.budgets)
            hint = suggestion(label, self.budgets)
            raise refuse("macs", f"a number such as 4096 or 64K ({names})", macs, hint)
        clocks = [budget.clock_hz for budget in self.budgets.values() if budget.num_macs == number]
        return {"num_macs": number} | ({"clock_hz": clocks[0]} if clocks else {})

    def with_macs(self, macs: str | int) -> Self:
        """The same machine with another number of multipliers, and the clock of the budget that it is.

        Parameters
        ----------
        macs : str or int
            As `budget` takes it: the label of a budget ("64K"), or a number.

        Raises
        ------
        SpecificationError
            Where `macs` is no number of multipliers, or a tile height does not divide it.
        """
        return replace(self, **self.budget(macs))  # type: ignore[arg-type]

    @property
    def formats(self) -> tuple[str, str]:
        """Formats of weights, x and h, and of sums: "fp16" and "fp32"."""
        return format_names(self.arithmetic, self.weight_bits, self.partial_sum_bits)

    @property
    def precision(self) -> str:
        """Both formats, as `--precision` takes them: "fp16/fp32", "int8/int32"."""
        return "/".join(self.formats)

    @property
    def budget_label(self) -> str:
        """Label of the budget in use ("64K"), or of another number of multipliers ("8K"), as tables print it."""
        for label, budget in self.budgets.items():
            if budget.num_macs == self.num_macs:
                return label
        return label_from_macs(self.num_macs)


Kind = TypeVar("Kind", bound=Accelerator)
_COMPARED = tuple(entry for entry in fields(Accelerator) if entry.compare)


def with_settings(accelerator: Kind, settings: Mapping[str, object]) -> Kind:
    """The same machine with some parameters changed, all at once.

    Parameters
    ----------
    accelerator : Accelerator
    settings : mapping of str to value
        By parameter name (`UNITS`), also as text with a unit ("500MHz"); a buffer takes its capacity in bytes,
        ``tile_rows`` a list or one height. A clock is that of every budget, too, so that `Accelerator.with_macs` keeps
        it.

    Raises
    ------
    SpecificationError
        Where there is no such parameter, or the values do not fit it or each other.
    """
    values = {name: _setting(name, value) for name, value in settings.items()}
    given = {name: given_instead(accelerator.provenance.get(name), UNITS[name]) for name in values}
    changed = replace(accelerator, provenance={**accelerator.provenance, **given}, **values)  # type: ignore[arg-type]
    if "clock_hz" not in settings:
        return changed
    budgets = {label: replace(budget, clock_hz=changed.clock_hz) for label, budget in changed.budgets.items()}
    return replace(changed, budgets=budgets)


def _setting(name: str, value: object) -> object:
    check_name("parameter", name, UNITS)
    value = in_unit(name, value, UNITS[name])
    if name in BUFFERS:
        return MemoryLevel(capacity_bytes=check_integer(f"{name}.capacity_bytes", value))
    if name == "tile_rows":
        return tuple(value) if isinstance(value, list | tuple) else (value,)
    return value
