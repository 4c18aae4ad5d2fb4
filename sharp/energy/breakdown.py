"""Energy: how often a layer does what (`Activity`), times what it costs (`Prices`), plus leakage over its time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, isnan
from typing import Any

from sharp.checks import check_flag, refuse
from sharp.cycles.activity import Activity
from sharp.energy.implementation import COMPONENTS, Implementation, Prices
from sharp.machine.accelerator import Accelerator
from sharp.units import joules_from_picojoules, seconds_from_cycles

ENERGY_COLUMNS = (
    "energy_j",
    "leakage_j",
    *(f"{component}_j" for component in COMPONENTS),
    "power_w",
    "gflops_per_w",
    "area_mm2",
)
"""What tables of points add where they are given a technology; a component's energy includes what it leaks."""


@dataclass(frozen=True, kw_only=True)
class Gating:
    """What is switched off while it has nothing to do; nothing by default, as the paper mentions neither.

    Clock gating stops what would work on padding, and array, controller and clock while the array waits. Power gating
    puts the share of the weight buffer that holds no weights to sleep; it is an upper bound, as every bank holds some
    of a layer.

    Examples
    --------
    A layer of 340 cells pads many of its tiles on 16K multipliers:

    >>> import sharp
    >>> report = sharp.simulate(sharp.square_lstm(340), sharp.find_accelerator("sharp").with_macs("16K"))
    >>> technology = sharp.find_technology("32nm")
    >>> plain = sharp.evaluate_energy(report, technology)
    >>> gated = sharp.evaluate_energy(report, technology, sharp.Gating(clock=True))
    >>> gated.energy.total_j < plain.energy.total_j
    True
    """

    clock: bool = False
    """Multipliers, adders and banks that would work on padding; array, controller and clock while the array waits."""
    power: bool = False
    """The share of the weight buffer that holds no weights."""

    @classmethod
    def of(cls, gating: Gating | None) -> Gating:
        """A gating, or none where none is given."""
        if gating is not None and not isinstance(gating, cls):
            raise refuse("gating", "a sharp.Gating, or none", gating)
        return gating or cls()

    def __post_init__(self) -> None:
        check_flag("clock_gating", self.clock)
        check_flag("power_gating", self.power)


@dataclass(frozen=True)
class Action:
    """Something that costs energy."""

    component: str
    """One of `sharp.energy.implementation.COMPONENTS`."""
    name: str
    """What is done."""
    count: str
    """Field of `Activity`: how often."""
    price: str
    """Field of `Prices`: what it costs."""
    gated_count: str = ""
    """Field of `Activity`: how often under clock gating, where that differs."""

    def counted(self, gating: Gating) -> str:
        """Field of `Activity` that counts."""
        return self.gated_count if gating.clock and self.gated_count else self.count


ACTIONS = (
    Action("compute_unit", "multiply", "products", "multiply_pj", "useful_products"),
    Action("compute_unit", "add", "products", "add_pj", "useful_products"),
    Action("compute_unit", "pass registers", "products", "register_pj", "useful_products"),
    Action("compute_unit", "wait a cycle", "idle_cycles", "idle_pj", "nothing"),
    Action("weight_buffer", "read a bank", "bank_reads", "bank_read_pj", "used_bank_reads"),
    Action("weight_buffer", "write a byte", "loaded_bytes", "weight_write_pj"),
    Action("io_buffer", "read an element", "vector_reads", "vector_read_pj"),
    Action("io_buffer", "write an element", "vector_writes", "vector_write_pj"),
    Action("cell_state_buffer", "read c", "state_updates", "state_read_pj"),
    Action("cell_state_buffer", "write c", "state_updates", "state_write_pj"),
    Action("intermediate_buffer", "read a sum", "sums_kept", "sum_read_pj"),
    Action("intermediate_buffer", "write a sum", "sums_kept", "sum_write_pj"),
    Action("mfu", "sigmoid", "sigmoids", "sigmoid_pj"),
    Action("mfu", "tanh", "tanhs", "tanh_pj"),
    Action("mfu", "multiply", "elementwise_multiplications", "elementwise_multiply_pj"),
    Action("mfu", "add", "elementwise_additions", "elementwise_add_pj"),
    Action("controller", "control a cycle", "total_cycles", "controller_pj", "array_cycles"),
    Action("wires", "carry sums through the tree", "products", "tree_wire_pj", "useful_products"),
    Action("wires", "carry an element to the array", "vector_reads", "vector_wire_pj"),
    Action("wires", "carry what a bank gives", "bank_reads", "bank_wire_pj", "used_bank_reads"),
    Action("clock", "clock a cycle", "total_cycles", "clock_pj", "array_cycles"),
    Action("dram", "load a byte of weights", "loaded_bytes", "dram_byte_pj"),
    Action("dram", "move an element of x or h", "dram_vectors", "dram_vector_pj"),
)
"""Everything that costs energy; decision 7 in the book says what each is."""


def cost_of(prices: Prices, count: str) -> Any:
    """J of one more of what a field of `Activity` counts: of all actions that it counts; a number or an array."""
    return sum(joules_from_picojoules(getattr(prices, action.price)) for action in ACTIONS if action.count == count)


@dataclass(frozen=True, kw_only=True)
class EnergyBreakdown:
    """Energy by component, in J, of a layer or of a whole run: what its actions cost, and what leaks meanwhile.

    Components are those of `sharp.energy.implementation.COMPONENTS`: the compute unit, four buffers, the units of
    activation and cell update ("mfu"), the controller, wires between units, the clock tree, the DRAM.

    Examples
    --------
    >>> import sharp
    >>> report = sharp.simulate(sharp.square_lstm(512), sharp.find_accelerator("sharp").with_macs("1K"))
    >>> energy = sharp.evaluate_energy(report, sharp.find_technology("32nm")).energy
    >>> max(energy.static_j, key=energy.static_j.get)  # the weight buffer leaks most
    'weight_buffer'
    >>> round(energy.of("weight_buffer") / energy.total_j, 1)  # what it leaks and what its reads cost, of all
    0.7
    """

    dynamic_j: Mapping[str, float]
    """What actions cost."""
    static_j: Mapping[str, float]
    """What leaks meanwhile; 0 of the DRAM."""

    @property
    def total_j(self) -> float:
        """J in all: what actions cost and what leaked meanwhile, of every component."""
        return fsum((*self.dynamic_j.values(), *self.static_j.values()))

    def of(self, component: str) -> float:
        """J of a component, one of `sharp.energy.implementation.COMPONENTS`."""
        return self.dynamic_j[component] + self.static_j[component]


def sum_energy(parts: Iterable[EnergyBreakdown]) -> EnergyBreakdown:
    """Energy of pieces of work done one after the other."""
    parts = list(parts)
    return EnergyBreakdown(
        dynamic_j={name: fsum(part.dynamic_j[name] for part in parts) for name in COMPONENTS},
        static_j={name: fsum(part.static_j[name] for part in parts) for name in COMPONENTS},
    )


def break_down(activity: Activity, implementation: Implementation, gating: Gating | None = None) -> EnergyBreakdown:
    """Energy of a layer by component.

    Raises
    ------
    SpecificationError
        Where power gating is asked for and there are no data.
    """
    machine, gating = implementation.accelerator, Gating.of(gating)
    check_gating(implementation, gating)
    dynamic, static = spend(
        activity,
        implementation.prices,
        gating,
        clock_hz=machine.clock_hz,
        capacity_bytes=machine.weight_buffer.capacity_bytes,
    )
    return EnergyBreakdown(dynamic_j=dynamic, static_j=static)


def check_gating(implementation: Implementation, gating: Gating) -> None:
    """Refuse power gating where nothing is known of sleep."""
    if gating.power and isnan(implementation.prices.asleep_w):
        technology = implementation.technology
        place = f"{technology.node_nm:g} nm, {technology.cell_type}, {technology.temperature_k:g} K"
        raise refuse("power_gating", "a technology with data on SRAM asleep, such as 32 nm", place)


def spend(
    activity: Activity, prices: Prices, gating: Gating, *, clock_hz: Any, capacity_bytes: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Dynamic and static energy in J by component; of numbers, or of arrays.

    Parameters
    ----------
    activity : Activity
    prices : Prices
    gating : Gating
    clock_hz : number or array
    capacity_bytes : number or array
        Of the weight buffer.
    """
    prices_of: dict[tuple[str, str], Any] = {}
    for action in ACTIONS:
        key = action.component, action.counted(gating)
        prices_of[key] = prices_of.get(key, 0.0) + joules_from_picojoules(getattr(prices, action.price))
    dynamic: dict[str, Any] = dict.fromkeys(COMPONENTS, 0.0)
    for (component, count), joules in prices_of.items():
        dynamic[component] = dynamic[component] + joules * getattr(activity, count)  # arrays may broadcast
    seconds = seconds_from_cycles(activity.total_cycles, clock_hz)
    watts = dict(prices.leakage_w)
    if gating.power:
        held = activity.held_bytes / capacity_bytes
        watts["weight_buffer"] = watts["weight_buffer"] * held + prices.asleep_w * (1 - held)
    return dynamic, {name: watts[name] * seconds if name in watts else 0.0 for name in COMPONENTS}


def full_speed(accelerator: Accelerator) -> Activity:
    """A cycle in which every unit works at its full rate on an LSTM: the peak.

    The DRAM delivers weights as fast as it can. No cycle waits for x and h to pass it, so a layer of few cells and very
    many inputs can take more than the peak; its report warns.
    """
    lowest, highest = accelerator.tile_rows[0], accelerator.tile_rows[-1]
    lanes, cells = accelerator.activation_lanes, accelerator.update_lanes(highest)
    return Activity(
        total_cycles=1,
        array_cycles=1,
        products=accelerator.num_macs,
        useful_products=accelerator.num_macs,
        bank_reads=accelerator.num_units,
        used_bank_reads=accelerator.num_units,
        vector_reads=accelerator.columns(lowest),
        vector_writes=cells,
        sums_kept=highest,
        sigmoids=0,
        tanhs=lanes + cells,
        elementwise_multiplications=3 * cells,
        elementwise_additions=lanes + cells,
        state_updates=cells,
        loaded_bytes=accelerator.dram_bytes_per_cycle,  # on average
        dram_vectors=0,
        held_bytes=accelerator.weight_buffer.capacity_bytes,
    )
