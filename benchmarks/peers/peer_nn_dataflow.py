"""nn-dataflow on the LSTM layer: 25 LSTM cells in a chain, the package's own cell, on 64 x 64 PEs.

Runs in the virtual environment that `run.py` makes.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from peer_report import (
    ARRAY_COLUMNS,
    ARRAY_ROWS,
    COLUMNS,
    HIDDEN_SIZE,
    ROWS,
    STEPS,
    Variant,
    measure,
    print_report,
    time_import,
)

SEARCHES = {"exhaustive search": False, "analytical solver": True}


def lstm(nn: SimpleNamespace, steps: int) -> Any:
    """A network of LSTM cells, c and h going from one to the next, each with an x_t of its own."""
    network = nn.core.Network("lstm")
    network.set_input_layer(nn.core.InputLayer(HIDDEN_SIZE, 1))
    cell = hidden = None
    for step in range(steps):
        network.add_ext(f"x_{step}", nn.core.InputLayer(HIDDEN_SIZE, 1))
        cell, hidden = nn.add_lstm_cell(network, f"step_{step}", HIDDEN_SIZE, f"x_{step}", cell, hidden)
    return network


def product(nn: SimpleNamespace) -> Any:
    """A network of one matrix-vector product, the four gates together."""
    network = nn.core.Network("product")
    network.set_input_layer(nn.core.InputLayer(COLUMNS, 1))
    network.add("gates", nn.core.FCLayer(COLUMNS, ROWS))
    return network


def resource(nn: SimpleNamespace) -> Any:
    """One node of 4096 PEs, a buffer of 13 Mi words of 16 bits (26 MB), 256 words a PE, DRAM that never binds."""
    core = nn.core
    origin, one = core.PhyDim2(0, 0), core.PhyDim2(1, 1)
    memory = core.NodeRegion(dim=one, origin=origin, type=core.NodeRegion.DRAM)
    return core.Resource(
        proc_region=core.NodeRegion(dim=one, origin=origin, type=core.NodeRegion.PROC),
        dram_region=memory,
        src_data_region=memory,
        dst_data_region=memory,
        dim_array=core.PhyDim2(ARRAY_ROWS, ARRAY_COLUMNS),
        size_gbuf=13 * 2**20,
        size_regf=256,
        array_bus_width=float("inf"),
        dram_bandwidth=float("inf"),
        no_time_mux=False,
    )


def clear_caches(nn: SimpleNamespace) -> None:
    """Forget earlier searches, which the package keeps for the life of the process."""
    for owner in (nn.partition, nn.Scheduling):
        for member in vars(owner).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()


def evaluate(nn: SimpleNamespace, build: Callable[[], Any], solver: bool) -> int:
    """Cycles of the schedule that takes the least time."""
    clear_caches(nn)
    costs = [0] * nn.core.MemHierEnum.NUM
    costs[nn.core.MemHierEnum.DRAM], costs[nn.core.MemHierEnum.GBUF] = 200, 6
    costs[nn.core.MemHierEnum.ITCN], costs[nn.core.MemHierEnum.REGF] = 2, 1
    cost = nn.core.Cost(mac_op=1, mem_hier=tuple(costs), noc_hop=10, idl_unit=0)
    search = nn.core.NNDataflow(build(), 1, resource(nn), cost, nn.core.MapStrategyEyeriss)
    options = nn.core.Option(sw_gbuf_bypass=(True,) * 3, sw_solve_loopblocking=solver, opt_goal="d")
    schedules, _ = search.schedule_search(options)
    return round(schedules[0].total_time)


def variant(nn: SimpleNamespace, name: str, measured: str, build: Callable[[], Any], multiplied_by: int) -> Variant:
    """Time a network under one kind of search."""
    seconds, repetitions, cycles = measure(lambda: evaluate(nn, build, SEARCHES[name]))
    return Variant(
        name=name,
        measured=measured,
        seconds_measured=seconds,
        repetitions=repetitions,
        multiplied_by=multiplied_by,
        reported_cycles=cycles * multiplied_by,
    )


def load() -> SimpleNamespace:
    """Import nn-dataflow."""
    from nn_dataflow import core
    from nn_dataflow.core import partition
    from nn_dataflow.core.scheduling import Scheduling
    from nn_dataflow.nns import add_lstm_cell

    return SimpleNamespace(core=core, partition=partition, Scheduling=Scheduling, add_lstm_cell=add_lstm_cell)


def main() -> None:
    """Time nn-dataflow and print its line."""
    import_s, nn = time_import(load)
    cells = "25 LSTM cells in a chain (four gates of 1024 x 2048 and four element-wise layers each), with the search"
    one = f"one matrix-vector product of {ROWS} x {COLUMNS}, with the search"
    products = [variant(nn, name, one, lambda: product(nn), STEPS) for name in SEARCHES]
    print_report(
        distribution="nn-dataflow",
        import_s=import_s,
        variants=[variant(nn, name, cells, lambda: lstm(nn, STEPS), 1) for name in SEARCHES],
        one_product=min(products, key=lambda each: each.seconds_measured),
        cycles_are="total_time of the 200 layers, one after the other, DRAM bandwidth unlimited",
        represents=(
            "LSTM cells with edges for c and h, gates and element-wise c and h as layers on the PEs; mapping and loop "
            "blocking searched; PE array of rows x columns and padding to it; buffers, buses, DRAM traffic, bandwidth "
            "and energy"
        ),
        cannot_represent=(
            "activation functions; weights kept on chip from one step to the next; update units of their own; overlap "
            "of a step's tail with the next step's x part on one node, so no choice of schedule; pipeline latencies; "
            "tiles of another shape than Eyeriss' row-stationary mapping gives"
        ),
    )


if __name__ == "__main__":
    main()
