"""An accelerator in a technology: its memories, what each action costs, what leaks, and the area.

The rules are decision 7 in the book: which banks a memory has, and which energies an action takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import nan
from typing import Any

from sharp.checks import check_kind, check_name, refuse, within
from sharp.energy.formats import area_factor, array_energies, format_warnings
from sharp.energy.sram import NODES_NM, SOURCES, SramPoint, check_conditions, estimate_sram, width_range
from sharp.energy.sram_fit import SMOOTH, with_smooth_area
from sharp.energy.technology import UNITS, Technology, check_technology, scale_area, scale_energy
from sharp.machine.accelerator import Accelerator
from sharp.machine.banks import ACCESS_BITS, STATE_BITS, memory_shape
from sharp.machine.memories import BUFFERS
from sharp.units import BITS_PER_BYTE, mm2_from_um2, ns_from_hz, watts_from_milliwatts

COMPONENT_LABELS = {
    "compute_unit": "compute unit",
    "weight_buffer": "weight buffer",
    "io_buffer": "I/H buffer",
    "cell_state_buffer": "cell state buffer",
    "intermediate_buffer": "intermediate buffer",
    "mfu": "MFU and cell updater",
    "controller": "controller",
    "wires": "wires between units",
    "clock": "clock tree",
    "dram": "DRAM",
}
"""What energy, power and area are told apart by, as tables and figures name it."""

COMPONENTS = tuple(COMPONENT_LABELS)
"""Their names; "mfu" are the activation units and the cell updater."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What an action costs, in pJ, and what a component leaks, in W; numbers, or arrays of a sweep's points."""

    multiply_pj: float
    """A multiplication of the array."""
    add_pj: float
    """An addition in tree or accumulator."""
    register_pj: float
    """The pipeline registers that a product and its sum pass."""
    idle_pj: float
    """A cycle in which the array multiplies nothing, all multipliers."""
    bank_read_pj: float
    """A read of one bank of the weight buffer: a weight for each multiplier of a unit."""
    weight_write_pj: float
    """A byte written to the weight buffer."""
    vector_read_pj: float
    """An element read from the I/H buffer."""
    vector_write_pj: float
    """An element written there."""
    sum_read_pj: float
    """A sum read from the intermediate buffer."""
    sum_write_pj: float
    """A sum written there."""
    state_read_pj: float
    """An element of c read from the cell state buffer."""
    state_write_pj: float
    """An element of c written there."""
    sigmoid_pj: float
    """A value through a sigmoid."""
    tanh_pj: float
    """A value through tanh."""
    elementwise_multiply_pj: float
    """A multiplication of the activation units and the cell updater."""
    elementwise_add_pj: float
    """An addition there."""
    controller_pj: float
    """A cycle of the controller."""
    tree_wire_pj: float
    """The wires that a product's sums take through the tree."""
    vector_wire_pj: float
    """The wires that an element of x or h takes from the I/H buffer to the array."""
    bank_wire_pj: float
    """The wires that what a bank of the weight buffer gives takes to its unit."""
    clock_pj: float
    """A cycle of the clock tree."""
    dram_byte_pj: float
    """A byte read from the DRAM or written there."""
    dram_vector_pj: float
    """An element of x or h read from the DRAM or written there."""
    leakage_w: Mapping[str, float]
    """By component, all banks awake."""
    asleep_w: float
    """The whole weight buffer asleep; not a number where no run says."""


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """A machine in a technology: its memories, what each action costs, what leaks, and its area. `implement` makes it.

    `prices` are energies in pJ and leakage in W, `memories` the on-chip buffers with their banks, `area_mm2` the area
    of each component. It knows no network: `evaluate_energy` multiplies its prices by what a run did.

    Examples
    --------
    >>> import sharp
    >>> machine = sharp.find_accelerator("sharp").with_macs("4K")
    >>> made = sharp.implement(machine, sharp.find_technology("32nm"))
    >>> made.memories["weight_buffer"].banks  # one beside each unit of 32 multipliers
    128
    >>> max(made.area_mm2, key=made.area_mm2.get)
    'weight_buffer'
    """

    accelerator: Accelerator
    technology: Technology
    memories: Mapping[str, SramPoint]
    """The on-chip memories by name (`sharp.machine.memories.BUFFERS`)."""
    prices: Prices
    """Energies and leakage."""
    area_mm2: Mapping[str, float]
    """By component, all but the DRAM."""

    @property
    def leakage_w(self) -> float:
        """W that the whole chip leaks with all banks awake: its memories and, by their area, its logic."""
        return sum(self.prices.leakage_w.values())

    @property
    def sram_leakage_range_w(self) -> tuple[float, float]:
        """W that all memories leak by other runs: the least (asleep) and the most; not numbers where none was made."""
        memories = self.memories.values()
        low = sum(nan if memory.leakage_low_w is None else memory.leakage_low_w for memory in memories)
        high = sum(nan if memory.leakage_high_w is None else memory.leakage_high_w for memory in memories)
        return low, high

    @property
    def warnings(self) -> list[str]:
        """What the numbers leave out, a sentence each."""
        cycle_ns = ns_from_hz(self.accelerator.clock_hz)
        sentences = [
            f"a bank of the {COMPONENT_LABELS[name]} ({memory.source}) takes {memory.access_ns:.2f} ns to read, more "
            f"than a cycle of {cycle_ns:g} ns; the cycles assume one"
            for name, memory in self.memories.items()
            if memory.access_ns > cycle_ns
        ]
        if self.accelerator.levels_per_cycle > 1:
            sentences.append(
                f"{self.accelerator.levels_per_cycle} levels of the tree share a cycle, with no registers between "
                f"them; energy and area still have registers behind every adder"
            )
        if self.accelerator.accumulators == "interleaved" and self.accelerator.cycles("accumulate_ns") > 1:
            sentences.append("energy and area leave out the accumulators' further sums and the adders that merge them")
        return [*self.technology.cautions, *sentences, *format_warnings(self.accelerator, self.technology)]


def implement(accelerator: Accelerator, technology: Technology, *, sram_source: str = "table") -> Implementation:
    """Work out memories, prices and area of a machine in a technology.

    Parameters
    ----------
    accelerator : Accelerator
    technology : Technology
        From 7 to 45 nm. Below 22 nm, the smallest node that there are data of SRAM for, SRAM is that of this node,
        energy and area scaled by the law that scales logic, leakage as it is.
    sram_source : str
        One of `sharp.energy.sram.SOURCES`, or "smooth", the table with areas by a fit (`sharp.energy.sram_fit`): for
        machines of equal area, as areas of the table are not monotone in the multipliers.

    Returns
    -------
    Implementation

    Raises
    ------
    SpecificationError
        Where a memory, its devices, temperature or node is outside the SRAM data, no energy is known for the precision,
        or `lanes_per_unit` does not divide a tile height.

    Examples
    --------
    The area of SHARP with 1K multipliers, its SRAM predicted and the rest the paper's:

    >>> import sharp
    >>> made = sharp.implement(sharp.find_accelerator("sharp").with_macs("1K"), sharp.find_technology("32nm"))
    >>> f"{sum(made.area_mm2.values()):.0f} mm2"
    '82 mm2'
    """
    check_kind("accelerator", accelerator, Accelerator)
    check_technology(technology)
    place = technology.temperature_k, max(technology.node_nm, min(NODES_NM))
    check_name("source", sram_source, (*SOURCES, SMOOTH))
    check_conditions(technology.cell_type, *place, "table" if sram_source == SMOOTH else sram_source)
    _check_units(accelerator, technology)
    array_energies(accelerator)  # refuses formats that there is none of
    memories = {name: _memory(name, accelerator, technology, sram_source) for name in BUFFERS}
    quantities = {name: getattr(technology, name) for name in UNITS} | {
        "num_macs": accelerator.num_macs,
        "activation_lanes": accelerator.activation_lanes,
    }
    area = logic_area(accelerator, quantities)
    return Implementation(
        accelerator=accelerator,
        technology=technology,
        memories=memories,
        prices=price(accelerator, quantities, {name: vars(memory) for name, memory in memories.items()}),
        area_mm2={**area, **{name: memory.area_mm2 for name, memory in memories.items()}},
    )


def _check_units(accelerator: Accelerator, technology: Technology) -> None:
    """Refuse vector-scalar units that do not make up every tile, or that no bank gives its weights in one access."""
    lanes, bits = accelerator.lanes_per_unit, accelerator.weight_bits
    for rows in accelerator.tile_rows:
        if rows % lanes:
            raise refuse("lanes_per_unit", f"a divisor of the tile height {rows}", lanes)
    low, high = width_range(technology.cell_type)
    if not low <= lanes * bits <= high:
        expected = f"{-(-low // bits)} to {high // bits} with weights of {bits} bits"
        raise refuse("lanes_per_unit", f"{expected} (banks give {low} to {high} bits an access)", lanes)


# Memories ------------------------------------------------------------------------------------------------------------

_estimate = lru_cache(maxsize=2**12)(estimate_sram)  # sweeps ask for the same banks again


def _memory(name: str, accelerator: Accelerator, technology: Technology, source: str) -> SramPoint:
    """One memory, at the technology's node or scaled from the smallest one that there are data for."""
    capacity, width, banks = memory_shape(name, accelerator)
    node, voltage, smallest = technology.node_nm, technology.voltage_v, min(NODES_NM)
    with within(name):
        memory = _estimate(
            capacity,
            width,
            banks,
            cell_type=technology.cell_type,
            temperature_k=technology.temperature_k,
            node_nm=max(node, smallest),
            source="table" if source == SMOOTH else source,
        )
    if source == SMOOTH:
        memory = with_smooth_area(memory, technology.cell_type, max(node, smallest))
    if node >= smallest:
        return memory
    energy = scale_energy(1.0, smallest, voltage, node, voltage, technology.flavour)
    return replace(
        memory,
        read_energy_pj=memory.read_energy_pj * energy,
        write_energy_pj=memory.write_energy_pj * energy,
        area_mm2=scale_area(memory.area_mm2, smallest, node),
        source=f"{memory.source}, energy and area scaled to {node:g} nm",
    )


# Logic, and prices; of numbers, or of arrays -------------------------------------------------------------------------


def logic_area(accelerator: Accelerator, quantities: Mapping[str, Any]) -> dict[str, Any]:
    """Area in mm2 of compute unit, activation units with cell updater, and controller; parameters as of `price`."""
    mac_um2 = quantities["mac_area_um2"] * area_factor(accelerator)
    return {
        "compute_unit": quantities["num_macs"] * mm2_from_um2(mac_um2),
        "mfu": quantities["activation_lanes"] * quantities["activation_area_mm2_per_lane"],
        "controller": quantities["num_macs"] * mm2_from_um2(quantities["controller_area_um2_per_mac"]),
    }


def numbers_read(accelerator: Accelerator) -> frozenset[str]:
    """The numbers of a technology that prices and areas of a machine in its formats follow from."""
    read: defaultdict[str, float] = defaultdict(lambda: 1.0)
    price(accelerator, read, defaultdict(lambda: defaultdict(lambda: 1.0)))
    return frozenset(read) | {"temperature_k"}  # of SRAM, which is in the memories


def price(accelerator: Accelerator, quantities: Mapping[str, Any], memories: Mapping[str, Mapping[str, Any]]) -> Prices:
    """What actions cost and components leak.

    Parameters
    ----------
    accelerator : Accelerator
        Its precision and units; what may vary from point to point is in the quantities.
    quantities : mapping of str to number or array
        The technology's numbers by name, num_macs and activation_lanes.
    memories : mapping of str to mapping
        Fields of each `sharp.energy.sram.SramPoint` by name, each a number or an array.
    """
    of = quantities
    multiply, add = array_energies(accelerator)
    weights, vectors, state, sums = (memories[name] for name in BUFFERS)
    line = accelerator.lanes_per_unit * accelerator.weight_bits
    state_word = STATE_BITS / ACCESS_BITS
    element, word = accelerator.weight_bits / ACCESS_BITS, accelerator.partial_sum_bits / ACCESS_BITS
    exponential = of["fp16_exponential_pj"] + of["fp16_divide_pj"]
    leakage = watts_from_milliwatts(of["logic_leakage_mw_per_mm2"])
    area = logic_area(accelerator, of)
    array = {
        "multiply_pj": of[multiply.number] * multiply.factor,
        "add_pj": of[add.number] * add.factor,
        "register_pj": (accelerator.weight_bits + accelerator.partial_sum_bits) * of["register_pj_per_bit"],
    }
    return Prices(
        **array,
        idle_pj=of["num_macs"] * sum(array.values()) * of["idle_share"],
        **_carry(accelerator, of, area["compute_unit"] + weights["area_mm2"]),
        clock_pj=of["num_macs"] * (accelerator.weight_bits + accelerator.partial_sum_bits) * of["clock_pj_per_bit"],
        bank_read_pj=weights["read_energy_pj"],
        weight_write_pj=weights["write_energy_pj"] * (BITS_PER_BYTE / line),
        vector_read_pj=vectors["read_energy_pj"] * element,
        vector_write_pj=vectors["write_energy_pj"] * element,
        state_read_pj=state["read_energy_pj"] * state_word,
        state_write_pj=state["write_energy_pj"] * state_word,
        sum_read_pj=sums["read_energy_pj"] * word,
        sum_write_pj=sums["write_energy_pj"] * word,
        sigmoid_pj=exponential + of["fp16_add_pj"],  # 1 / (1 + exp(-x))
        tanh_pj=exponential + 2 * of["fp16_add_pj"],  # (exp(2x) - 1) / (exp(2x) + 1); doubling is a shift
        elementwise_multiply_pj=of["fp16_multiply_pj"],
        elementwise_add_pj=of["fp32_add_pj"],
        controller_pj=of["num_macs"] * of["controller_pj_per_mac"],
        dram_byte_pj=BITS_PER_BYTE * of["dram_pj_per_bit"],
        dram_vector_pj=BITS_PER_BYTE * accelerator.weight_bytes * of["dram_pj_per_bit"],
        leakage_w={
            **{name: memories[name]["leakage_w"] for name in BUFFERS},
            **{name: leakage * mm2 for name, mm2 in area.items()},
        },
        asleep_w=nan if weights["leakage_low_w"] is None else weights["leakage_low_w"],
    )


def _carry(accelerator: Accelerator, quantities: Mapping[str, Any], array_mm2: Any) -> dict[str, Any]:
    """What wires between units take: decision 7, "Wires".

    The units with their banks are squares that make up a square, S mm wide; a unit is ``P = S / sqrt(M/L)`` wide. In an
    H-tree half of the sums of a level move, ``P sqrt(2)^(l-1)`` mm on level l, so that a product's sums take
    ``P (1 + 1/sqrt(2)) (1 - 1/sqrt(N))`` mm on N columns. An element of x or h takes S/2, a weight P/2.
    """
    of, lanes = quantities, accelerator.lanes_per_unit
    columns = of["num_macs"] / accelerator.tile_rows[0]
    side = array_mm2**0.5
    pitch = side * (lanes / of["num_macs"]) ** 0.5
    each = of["wire_pj_per_bit_mm"]
    return {
        "tree_wire_pj": accelerator.partial_sum_bits * pitch * (1 + 0.5**0.5) * (1 - columns**-0.5) * each,
        "vector_wire_pj": accelerator.weight_bits * side / 2 * each,
        "bank_wire_pj": lanes * accelerator.weight_bits * pitch / 2 * each,
    }
