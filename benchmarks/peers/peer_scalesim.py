"""SCALE-Sim on the LSTM layer: one matrix-vector product on a 64 x 64 systolic array, times 25.

SCALE-Sim walks through all cycles of each row of its topology file anew (two equal rows take twice the time of one),
so the 25 steps are one step measured and multiplied. Runs in the virtual environment that `run.py` makes.
"""

from pathlib import Path
from typing import Any

from peer_report import ARRAY_COLUMNS, ARRAY_ROWS, COLUMNS, ROWS, STEPS, Variant, measure, print_report, time_import

DATAFLOWS = {"is": "input stationary", "os": "output stationary", "ws": "weight stationary"}

TOPOLOGY = Path("topology.csv")
LAYOUT = Path("layout.csv")


def config(dataflow: str) -> str:
    """A configuration file: weights of one byte fit half of the filter SRAM, the bandwidth to it is estimated."""
    return f"""
[general]
run_name = {dataflow}
[architecture_presets]
ArrayHeight = {ARRAY_ROWS}
ArrayWidth = {ARRAY_COLUMNS}
ifmapsramszkB = 64
filtersramszkB = 16384
ofmapsramszkB = 64
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Bandwidth = 10
Dataflow = {dataflow}
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""


def evaluate(scalesim: Any, dataflow: str) -> int:
    """Cycles of one matrix-vector product, no traces written."""
    file = Path(f"{dataflow}.cfg")
    file.write_text(config(dataflow))
    simulator = scalesim(
        save_disk_space=True,
        verbose=False,
        config=str(file),
        topology=str(TOPOLOGY),
        layout=str(LAYOUT),
        input_type_gemm=True,
    )
    simulator.run_scale(top_path="out")
    _, cycles, *_ = simulator.runner.single_layer_sim_object_list[0].get_compute_report_items()
    return int(cycles)


def variant(scalesim: Any, dataflow: str) -> Variant:
    """Time one product under a dataflow."""
    seconds, repetitions, cycles = measure(lambda: evaluate(scalesim, dataflow))
    return Variant(
        name=DATAFLOWS[dataflow],
        measured=f"one matrix-vector product of {ROWS} x {COLUMNS}, cycle by cycle, no traces written",
        seconds_measured=seconds,
        repetitions=repetitions,
        multiplied_by=STEPS,
        reported_cycles=cycles * STEPS,
    )


def load() -> Any:
    """Import SCALE-Sim."""
    from scalesim.scale_sim import scalesim

    return scalesim


def main() -> None:
    """Time SCALE-Sim and print its line."""
    import_s, scalesim = time_import(load)
    TOPOLOGY.write_text(f"Layer,M,N,K,\nproduct,1,{ROWS},{COLUMNS},\n")
    LAYOUT.write_text("Layer,as it comes,\nproduct,1,1,1,1,1,1,\n")
    variants = [variant(scalesim, dataflow) for dataflow in DATAFLOWS]
    print_report(
        distribution="scalesim",
        import_s=import_s,
        variants=variants,
        one_product=min(variants, key=lambda each: each.seconds_measured),
        cycles_are="'Total Cycles' of one product times 25, without the first fetch of the weights from DRAM",
        represents=(
            "one matrix product at a time on a systolic array, cycle by cycle: array of rows x columns and padding to "
            "it, fill and drain, three dataflows, SRAM and DRAM demand, stalls and (where asked for) address traces"
        ),
        cannot_represent=(
            "recurrence: layers have no edges, so h, overlap between steps and the choice of schedule are absent, and "
            "weights are fetched anew for each product; activation functions, c and h; a row-parallel adder tree "
            "instead of a systolic array; a vector keeps one row or column of the array busy unless weights are "
            "stationary"
        ),
    )


if __name__ == "__main__":
    main()
