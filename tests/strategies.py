"""Random layers, batches, machines and plans: all cells, all schedules, sizes that are not powers of two."""

import math
import os
from dataclasses import dataclass, replace
from itertools import islice

from hypothesis import reject, settings
from hypothesis import strategies as st

from sharp import (
    SCHEDULES,
    Accelerator,
    Cell,
    Elementwise,
    Implementation,
    InfeasibleMappingError,
    MemoryLevel,
    Network,
    Phase,
    Plan,
    Report,
    RNNLayer,
    Sequences,
    count_cycles,
    find_accelerator,
    simulate,
)
from sharp.cycles.counting import CycleCounts
from sharp.cycles.schedule import schedule_of
from sharp.kernels import reference, reference_energy
from sharp.machine.accelerator import LATENCIES
from sharp.machine.plan import FORWARDING
from sharp.shipped import DATA
from sharp.workload.cell import UPDATES
from sharp.workload.cells import find_cell
from sharp.workload.cells.dense import ACTIVATIONS
from sharp.workload.graph import JOINS

BASE = replace(find_accelerator("sharp"), budgets={}, provenance={})  # shorter where a case is printed
BY_HAND = replace(
    BASE,
    num_macs=8,
    tile_rows=(4,),
    lanes_per_unit=2,
    clock_hz=1e9,
    activation_lanes=4,
    rows_per_update_lane=4,
    multiply_ns=1,
    add_ns=1,
    accumulate_ns=1,
    activation_ns=2,
    update_ns=3,
    intermediate_buffer=MemoryLevel(capacity_bytes=1),
)
"""Of cases worked out by hand: 8 multipliers as tiles of 4 x 2, two of them beside each of 4 banks; L_mvm = 3."""
MAX_REFERENCE_SEGMENTS = 600
"""Segments of a case, about, so that the specification takes a millisecond for it."""
MAX_STEPS = 40
WEIGHTS = ("resident", "streamed")
"""Places of weights; "auto" is one of them, decided by the whole network."""
TILES_A_SEGMENT = 8
"""Tiles that the specification issues one by one in the time of a segment."""
FUSED = ("intergate", "unfolded", "interleaved")
LARGE_BUFFER = MemoryLevel(capacity_bytes=10**9)


def examples(count: int) -> settings:
    """Settings for `count` examples, times the environment variable SHARP_EXAMPLES."""
    return settings(max_examples=max(1, round(count * float(os.environ.get("SHARP_EXAMPLES", "1")))))


def reference_machine(accelerator: Accelerator) -> reference.Machine:
    """The machine as the specification takes it."""
    return reference.Machine(
        accelerator.num_macs,
        accelerator.tile_rows,
        accelerator.activation_lanes,
        accelerator.rows_per_update_lane,
        *(accelerator.cycles(latency) for latency in LATENCIES),
        accelerator.levels_per_cycle,
        accelerator.accumulators,
        accelerator.intermediate_buffer.capacity_bytes // accelerator.partial_sum_bytes,
        accelerator.weight_bytes,
        accelerator.weight_buffer.capacity_bytes,
        accelerator.dram_bytes_per_cycle,
    )


def reference_layer(layer: RNNLayer) -> reference.Layer:
    """The layer as the specification takes it: ours as it states them, others by what their phases say."""
    sizes = layer.input_size, layer.hidden_size
    if layer.cell == "lstm":
        return reference.lstm(*sizes, layer.projection_size, layer.num_directions)
    if layer.cell == "gru":
        return reference.gru(*sizes, layer.linear_before_reset, layer.num_directions)
    if layer.cell == "rnn":
        return reference.rnn(*sizes, layer.num_directions)
    if layer.cell == "dense":
        return reference.dense(*sizes, layer.options["activation"] != "linear")
    return reference.Layer(*sizes, reference_products(layer), layer.num_directions)


def reference_products(layer: RNNLayer) -> tuple[reference.Product, ...]:
    """The phases of a layer's cell as the specification takes them."""
    return tuple(
        reference.Product(
            gates=len(phase.gates),
            cells=layer.size(phase.size),
            inputs=layer.input_size * phase.reads_x,
            vector=phase.operand,
            columns=layer.size(phase.operand_size) if phase.operand else 0,
            gives=phase.gives,
            parts=phase.parts,
            apart=phase.separate_sums,
            passes=phase.activation_passes,
            update=(phase.update or "").removesuffix("_ns"),
        )
        for phase in layer.phases
    )


def reference_work(layer: RNNLayer) -> reference_energy.CellWork:
    """What a cell does in a step, as the specification takes it."""
    if layer.cell == "lstm":
        return reference_energy.lstm_work(layer.peephole)
    if layer.cell == "gru":
        return reference_energy.gru_work(layer.linear_before_reset)
    if layer.cell == "rnn":
        return reference_energy.rnn_work()
    if layer.cell == "dense":
        return reference_energy.dense_work(layer.options["activation"])
    return reference_cell_work(layer)


def reference_cell_work(layer: RNNLayer) -> reference_energy.CellWork:
    """The same by what the layer's cell says."""
    activated = [phase for phase in layer.phases if phase.activation_passes]
    tanhs, linear = (sum(len(getattr(phase, name)) for phase in activated) for name in ("tanh_gates", "linear_gates"))
    work = layer.elementwise
    return reference_energy.CellWork(
        sigmoids=sum(len(phase.gates) for phase in activated) - tanhs - linear,
        tanhs=tanhs,
        multiplications=work.multiplications,
        additions=work.additions,
        state_tanhs=work.tanhs,
        state_updates=work.state_updates,
        h_reads=work.vector_reads,
        unchanged=linear,
    )


def reference_plan(plan: Plan) -> reference.Plan:
    """The plan as the specification takes it."""
    return reference.Plan(plan.schedule_name, plan.tile_rows, plan.reconfiguration, plan.forwarding)


@dataclass(frozen=True)
class Case:
    """A layer with everything that decides its cycles; the plan has a tile height."""

    layer: RNNLayer
    lengths: tuple[int, ...]
    accelerator: Accelerator
    plan: Plan

    @property
    def sequences(self) -> Sequences:
        return Sequences.of(self.lengths)

    @property
    def share(self) -> float:
        """What the specification streams of the weights in every step."""
        if self.plan.weights == "resident":
            return 0.0
        machine = reference_machine(self.accelerator)
        return reference.streamed_share(machine, [reference_layer(self.layer)], self.plan.tile_rows)

    def count(self, *, every_step: bool = False) -> CycleCounts:
        """What the model gives."""
        return count_cycles(self.layer, self.sequences, self.accelerator, self.plan, every_step=every_step)

    def planned(self, **fields) -> "Case":
        """The same case, planned otherwise."""
        return replace(self, plan=replace(self.plan, **fields))

    def reference(self) -> reference.Counts | None:
        """What the specification gives, None where it refuses the case."""
        try:
            return reference.simulate_layer(
                reference_machine(self.accelerator),
                reference_layer(self.layer),
                self.lengths,
                reference_plan(self.plan),
                share=self.share,
            )
        except ValueError:
            return None


heights = st.lists(
    st.sampled_from([2, 3, 4, 5, 6, 8, 12, 16, 32, 48, 64, 128, 256, 512]), min_size=1, max_size=4, unique=True
)
capacities = st.one_of(st.integers(1, 400), st.integers(1, 40_000), st.just(10**8))


@st.composite
def accelerators(draw: st.DrawFn) -> Accelerator:
    tile_rows = tuple(sorted(draw(heights)))
    return replace(
        BASE,
        num_macs=math.lcm(*tile_rows) * draw(st.one_of(st.integers(1, 64), st.integers(1, 4096))),
        tile_rows=tile_rows,
        clock_hz=draw(st.sampled_from([1e8, 2.5e8, 5e8, 7e8, 1e9])),
        activation_lanes=draw(st.integers(1, 300)),
        rows_per_update_lane=draw(st.integers(1, 9)),
        multiply_ns=draw(st.floats(0.5, 6)),
        add_ns=draw(st.floats(0.5, 4)),
        accumulate_ns=draw(st.floats(0.5, 8)),
        activation_ns=draw(st.floats(1, 60)),
        update_ns=draw(st.floats(1, 80)),
        chained_levels=draw(st.sampled_from([1, 1, 2, 3, 64])),
        accumulators=draw(st.sampled_from(["single", "interleaved"])),
        intermediate_buffer=MemoryLevel(capacity_bytes=draw(capacities)),
        weight_buffer=MemoryLevel(capacity_bytes=draw(capacities)),
        dram_bytes_per_s=draw(st.floats(1e7, 6e10)),
    )


def latencies(machine: Accelerator) -> dict[str, int]:
    """A machine's latencies in cycles, as the closed form takes them: an accumulator's with the merging of its sums."""
    found = {name.removesuffix("_ns"): machine.cycles(name) for name in LATENCIES}
    if machine.accumulators == "interleaved":
        levels = (found["accumulate"] - 1).bit_length()
        found["accumulate"] += found["add"] * -(-levels // machine.levels_per_cycle)
    return found


def sizes(greatest: int) -> st.SearchStrategy[int]:
    """Half of them small, where blocks do not fill a tile, half anywhere up to the greatest."""
    return st.one_of(st.integers(1, min(128, greatest)), st.integers(1, greatest))


SHIPPED_CELLS = {path.stem: find_cell(f"{path}:CELL") for path in sorted((DATA / "cells").glob("*.py"))}
"""The worked examples of cells of one's own."""
OWN_CELLS = (*SHIPPED_CELLS, "random")


@st.composite
def random_cells(draw: st.DrawFn) -> Cell:
    """Any cell that makes sense: up to three phases, whatever each multiplies, waits for and gives."""
    parts, last = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    given, gates, phases = {"h": "recurrent_size"}, iter("abcdefghijkl"), []
    for index in range(last + 1):
        names = "".join(islice(gates, draw(st.integers(1, 4))))
        operand = draw(st.sampled_from(["", "h"])) if index == 0 else phases[-1].gives  # each has to be waited for
        size = "hidden_size" if index == last else draw(st.sampled_from(["hidden_size", "rank"]))
        separate_sums = bool(operand) and draw(st.booleans())
        passes = draw(st.integers(0, 2))
        kinds = [draw(st.sampled_from(["sigmoid", "tanh", "linear"])) if passes else "" for _ in names]
        phases.append(
            Phase(
                gates=names,
                size=size,
                reads_x=not operand or separate_sums or draw(st.booleans()),
                operand=operand,
                operand_size=given.get(operand, "recurrent_size"),
                parts=draw(st.sampled_from([1, parts])) if operand else 1,
                separate_sums=separate_sums,
                activation_passes=passes,
                update=draw(st.sampled_from([None, *UPDATES])),
                gives="stu"[index] if index < last else "h",
                tanh_gates="".join(gate for gate, kind in zip(names, kinds, strict=True) if kind == "tanh"),
                linear_gates="".join(gate for gate, kind in zip(names, kinds, strict=True) if kind == "linear"),
            )
        )
        given[phases[-1].gives] = size
    work = Elementwise(*draw(st.tuples(*[st.integers(0, 3)] * 5)))
    everything = "".join(phase.gates for phase in phases)
    return Cell(
        name="random", gates=everything, phases=lambda _: phases, elementwise=lambda _: work, options={"rank": 1}
    )


def own_layers(draw: st.DrawFn, name: str, greatest: int) -> dict:
    """Cell, hidden size and options of a layer of a worked example, or of any cell."""
    if name == "heads":
        heads = draw(st.integers(1, min(8, greatest)))
        return {"options": {"heads": heads}, "hidden_size": heads * draw(sizes(greatest // heads))}
    if name != "random":
        return {"hidden_size": draw(sizes(greatest))}
    cell, most = draw(random_cells()), max(1, greatest // 6)
    return {"cell": cell, "hidden_size": 6 * draw(sizes(most)), "options": {"rank": 6 * draw(sizes(most))}}


@st.composite
def layers(draw: st.DrawFn, cells: tuple[str, ...], input_size: int, greatest: int) -> RNNLayer:
    cell = draw(st.sampled_from(cells))
    if cell in OWN_CELLS:
        fields = {"cell": SHIPPED_CELLS.get(cell), **own_layers(draw, cell, greatest)}
        layer = RNNLayer(**fields, input_size=input_size)
        return replace(layer, bidirectional=layer.is_recurrent and draw(st.booleans()))
    if cell == "dense":
        activation = draw(st.sampled_from(ACTIVATIONS))
        options = {"activation": activation}
        return RNNLayer(cell=cell, input_size=input_size, hidden_size=draw(sizes(greatest)), options=options)
    bidirectional = draw(st.booleans())
    return RNNLayer(
        cell=cell,
        input_size=input_size,
        hidden_size=draw(sizes(greatest)),
        bidirectional=bidirectional,
        merge=draw(st.sampled_from(JOINS)) if bidirectional else "concat",
        projection_size=draw(st.none() | sizes(greatest)) if cell == "lstm" else None,
        linear_before_reset=cell != "gru" or draw(st.booleans()),
    )


@st.composite
def batches(draw: st.DrawFn, max_steps: int = MAX_STEPS) -> tuple[int, ...]:
    """Lengths of one to five sequences, half of them equal."""
    batch_size = draw(st.integers(1, 5))
    steps = st.integers(1, max_steps)
    if draw(st.booleans()):
        return (draw(steps),) * batch_size
    return tuple(draw(st.lists(steps, min_size=batch_size, max_size=batch_size)))


@st.composite
def cases(
    draw: st.DrawFn,
    schedules: tuple[str, ...] = tuple(SCHEDULES),
    cells: tuple[str, ...] = ("lstm", "gru", "rnn", "dense"),
    forwarding: tuple[str, ...] = FORWARDING,
    weights: tuple[str, ...] = WEIGHTS,
) -> Case:
    accelerator = draw(accelerators())
    plan = Plan(
        schedule=draw(st.sampled_from(schedules)),
        tile_rows=draw(st.sampled_from(accelerator.tile_rows)),
        reconfiguration=draw(st.booleans()),
        forwarding=draw(st.sampled_from(forwarding)),
        weights=draw(st.sampled_from(weights)),
    )
    layer = draw(layers(cells, draw(sizes(4096)), min(4096, MAX_REFERENCE_SEGMENTS // 25 * plan.tile_rows)))
    steps = MAX_REFERENCE_SEGMENTS // _segments_a_step(layer, accelerator, plan)
    lengths = draw(batches(max(1, min(MAX_STEPS, steps))))
    if draw(st.booleans()):  # half the machines keep the early sums of some blocks of cells, and not of all
        most = 4 * layer.hidden_size * accelerator.partial_sum_bytes * len(lengths)
        buffer = MemoryLevel(capacity_bytes=draw(st.integers(1, most)))
        accelerator = replace(accelerator, intermediate_buffer=buffer)
    if draw(st.booleans()):  # half the machines keep some of the weights
        buffer = MemoryLevel(capacity_bytes=draw(st.integers(1, 4 * layer.num_weights)))
        accelerator = replace(accelerator, weight_buffer=buffer)
    return Case(layer, lengths, accelerator, plan)


def _segments_a_step(layer: RNNLayer, accelerator: Accelerator, plan: Plan) -> int:
    """What the specification does in a step, in segments, about."""
    rows = sum(len(phase.gates) * layer.size(phase.size) for phase in layer.phases)
    work = 2 * -(-rows // plan.tile_rows) + 4 * max(phase.parts for phase in layer.phases)
    if plan.forwarding == "tilewise":
        columns = layer.input_size + layer.recurrent_size
        work += columns * plan.tile_rows // accelerator.num_macs // TILES_A_SEGMENT
    return 3 * layer.num_directions * work if schedule_of(plan).interleaves else work


# What costs energy ---------------------------------------------------------------------------------------------------

MAX_CELLS = 40


@dataclass(frozen=True)
class NetworkCase:
    """A network with everything that decides how often it does what."""

    network: Network
    lengths: tuple[int, ...]
    accelerator: Accelerator
    plan: Plan

    def report(self) -> Report:
        """What the model gives; which cases it refuses is tested against the specification of the cycles."""
        try:
            return simulate(self.network, self.accelerator, self.plan)
        except InfeasibleMappingError:
            reject()

    def reference(self) -> list[reference_energy.Actions]:
        """What the specification counts of each layer, on the tile heights that the model chose."""
        layers = self.network.layers
        return reference_energy.count_network(
            reference_machine(self.accelerator),
            [reference_layer(layer) for layer in layers],
            [reference_energy.Extras(reference_work(layer), layer.residual, layer.merge == "sum") for layer in layers],
            self.lengths,
            [reference_plan(self.plan.at(entry.tile_rows)) for entry in self.report().layers],
            self.plan.weights,
            self.accelerator.lanes_per_unit,
            self.accelerator.io_buffer.capacity_bytes,
        )


@st.composite
def network_cases(
    draw: st.DrawFn,
    cells: tuple[str, ...] = ("lstm", "gru", "rnn", "dense"),
    max_layers: int = 3,
    schedules: tuple[str, ...] = tuple(SCHEDULES),
) -> NetworkCase:
    """Small layers on arrays of at most 2,000 multipliers, each of which the specification visits."""
    stack: list[RNNLayer] = []
    for _ in range(draw(st.integers(1, max_layers))):
        layer = draw(layers(cells, stack[-1].output_size if stack else draw(sizes(60)), MAX_CELLS))
        if layer.cell_name == "random":  # the specification counts activations for each cell
            layer = replace(layer, options={"rank": layer.hidden_size})
        if draw(st.booleans()):
            layer = replace(layer, peephole=layer.cell == "lstm")
        if not stack and draw(st.booleans()):
            layer = replace(layer, input_size=layer.output_size, residual=True)
        stack.append(layer)
    lengths = draw(batches(max_steps=5))
    network = Network(name="random", layers=stack, seq_len=1).with_lengths(lengths)
    rows = tuple(sorted(draw(st.lists(st.sampled_from([3, 4, 6, 8, 12, 16, 48]), min_size=1, max_size=3, unique=True))))
    common = math.gcd(*rows)
    accelerator = replace(
        draw(accelerators()),
        tile_rows=rows,
        num_macs=math.lcm(*rows) * draw(st.integers(1, 40)),
        lanes_per_unit=draw(st.sampled_from([lanes for lanes in range(1, common + 1) if common % lanes == 0])),
        weight_bits=draw(st.sampled_from([4, 8, 12, 16, 32])),
        weight_buffer=draw(_capacities(5 * network.num_weights)),
        io_buffer=draw(_capacities(8 * sum(lengths) * max(layer.output_size for layer in stack))),
    )
    plan = Plan(
        schedule=draw(st.sampled_from(schedules)),
        tile_rows=draw(st.sampled_from((*rows, "best"))),
        reconfiguration=draw(st.booleans()),
        forwarding=draw(st.sampled_from(FORWARDING)),
        weights=draw(st.sampled_from(WEIGHTS)),
    )
    return NetworkCase(network, lengths, accelerator, plan)


def _capacities(greatest: int) -> st.SearchStrategy[MemoryLevel]:
    return st.integers(1, greatest).map(lambda capacity: MemoryLevel(capacity_bytes=capacity))


def reference_prices(implementation: Implementation) -> reference_energy.Prices:
    """The prices as the specification takes them."""
    of = implementation.prices
    return reference_energy.Prices(
        multiply=of.multiply_pj,
        add=of.add_pj,
        product_registers=of.register_pj,
        idle_cycle=of.idle_pj,
        bank_read=of.bank_read_pj,
        weight_byte_written=of.weight_write_pj,
        vector_read=of.vector_read_pj,
        vector_write=of.vector_write_pj,
        sum_read=of.sum_read_pj,
        sum_write=of.sum_write_pj,
        sigmoid=of.sigmoid_pj,
        tanh=of.tanh_pj,
        elementwise_multiply=of.elementwise_multiply_pj,
        elementwise_add=of.elementwise_add_pj,
        state_read=of.state_read_pj,
        state_write=of.state_write_pj,
        dram_byte=of.dram_byte_pj,
        controller_cycle=of.controller_pj,
        sum_carried=of.tree_wire_pj,
        vector_carried=of.vector_wire_pj,
        bank_carried=of.bank_wire_pj,
        clock_cycle=of.clock_pj,
        leakage=of.leakage_w,
        asleep_weight_buffer=of.asleep_w,
    )
