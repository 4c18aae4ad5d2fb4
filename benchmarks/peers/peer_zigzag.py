"""ZigZag on the LSTM layer: 25 matrix-vector products, each fed by the one before, on a 64 x 64 array.

The weights stay in an SRAM on chip, as in `sharp`: a DRAM above it would be read anew for each of the 25 layers, as
ZigZag keeps nothing from one layer to the next. Runs in the virtual environment that `run.py` makes.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from peer_report import ARRAY_COLUMNS, ARRAY_ROWS, COLUMNS, ROWS, STEPS, Variant, measure, print_report, time_import

HARDWARE = Path("hardware.yaml")
MAPPING = Path("mapping.yaml")

MAPPING_YAML = f"""
- name: default
  spatial_mapping:
    D1: ["K, {ARRAY_ROWS}"]
    D2: ["C, {ARRAY_COLUMNS}"]
  memory_operand_links: {{O: O, W: I2, I: I1}}
"""

Evaluate = Callable[[list[dict[str, Any]]], float]


def memory_yaml(name: str, bits: int, ports: dict[str, tuple[int, list[str]]], served: str) -> str:
    """One memory; each port, r(ead) or w(rite), has its widest access in bits and the transfers it serves."""
    operands = sorted({transfer.split(",")[0] for _, transfers in ports.values() for transfer in transfers})
    lines = [f"  {name}:", f"    size: {bits}", "    r_cost: 1", "    w_cost: 1", "    area: 0", "    latency: 1"]
    lines += [f"    operands: [{', '.join(operands)}]", f"    served_dimensions: {served}", "    ports:"]
    for port, (width, transfers) in ports.items():
        kind = {"r": "read", "w": "write"}[port[0]]
        shape = f"type: {kind}, bandwidth_min: 16, bandwidth_max: {width}"
        lines.append(f"      - {{name: {port}, {shape}, allocation: {transfers}}}")
    return "\n".join(lines)


def hardware_yaml() -> str:
    """4096 units, an accumulator a row, an SRAM for the weights and one for x, h and the sums, each of 16-bit words."""
    row, weights = 16 * ARRAY_COLUMNS, 16 * ARRAY_ROWS * ARRAY_COLUMNS
    accumulator = {"r_port_1": (32, ["O, tl"]), "r_port_2": (32, ["O, th"])}
    accumulator |= {"w_port_1": (32, ["O, fh"]), "w_port_2": (32, ["O, fl"])}
    vectors = {"r_port_1": (row, ["I1, tl"]), "r_port_2": (2 * row, ["O, tl", "O, th"])}
    vectors |= {"w_port_1": (row, ["I1, fh"]), "w_port_2": (2 * row, ["O, fh", "O, fl"])}
    matrix = {"r_port_1": (weights, ["I2, tl"]), "w_port_1": (weights, ["I2, fh"])}
    memories = [
        memory_yaml("accumulator", 32, accumulator, "[D2]"),
        memory_yaml("weight_sram", 26 * 2**23, matrix, "[D1, D2]"),
        memory_yaml("vector_sram", 2 * 2**23, vectors, "[D1, D2]"),
    ]
    array = f"{{unit_energy: 1, unit_area: 1, dimensions: [D1, D2], sizes: [{ARRAY_ROWS}, {ARRAY_COLUMNS}]}}"
    return "\n".join(["name: array", "memories:", *memories, f"operational_array: {array}", ""])


def workload(steps: int) -> list[dict[str, Any]]:
    """Matrix-vector products in a chain; an operand that is its own source comes from outside."""
    return [
        {
            "id": step,
            "name": f"step_{step}",
            "operator_type": "Gemm",
            "equation": "O[b][k]+=I[b][c]*W[k][c]",
            "loop_dims": ["B", "K", "C"],
            "loop_sizes": [1, ROWS, COLUMNS],
            "operand_precision": {"I": 16, "W": 16, "O": 32, "O_final": 16},
            "operand_source": {"I": max(step - 1, 0), "W": step},
        }
        for step in range(steps)
    ]


def with_files(api: ModuleType) -> Evaluate:
    """The public call, which also writes JSON, a pickle and a plot of the memories for each layer."""

    def evaluate(layers: list[dict[str, Any]]) -> float:
        _, cycles, _ = api.get_hardware_performance_zigzag(
            layers, str(HARDWARE), str(MAPPING), dump_folder="out", loma_show_progress_bar=False
        )
        return float(cycles)

    return evaluate


def without_files(api: ModuleType) -> Evaluate:
    """The same stages and options as the public call's, less those that write files."""

    def evaluate(layers: list[dict[str, Any]]) -> float:
        stages = [api.WorkloadParserStage, api.AcceleratorParserStage, api.SumStage, api.WorkloadStage]
        stages += [api.MinimalLatencyStage, api.SpatialMappingGeneratorStage, api.MinimalLatencyStage]
        stages += [api.TemporalMappingGeneratorStage, api.CostModelStage]
        options = {
            "loma_lpf_limit": 6,
            "loma_show_progress_bar": False,
            "nb_mappings_generated": 3,
            "enable_mix_spatial_mapping_generation": False,
            "access_same_data_considered_as_no_access": True,
            "temporal_mapping_type": api.TemporalMappingType("uneven"),
        }
        main = api.MainStage(stages, accelerator=str(HARDWARE), workload=layers, mapping=str(MAPPING), **options)
        return float(main.run()[0][0].latency_total2)

    return evaluate


def variant(name: str, evaluate: Evaluate, steps: int) -> Variant:
    """Time the chain of `steps` products, scaled to the layer where it is shorter."""
    seconds, repetitions, cycles = measure(lambda: evaluate(workload(steps)))
    return Variant(
        name=name,
        measured=f"{steps} matrix-vector product(s) of {ROWS} x {COLUMNS}, with the search for the loop order",
        seconds_measured=seconds,
        repetitions=repetitions,
        multiplied_by=STEPS // steps,
        reported_cycles=round(cycles) * (STEPS // steps),
    )


def load() -> ModuleType:
    """Import ZigZag."""
    from zigzag import api

    return api


def main() -> None:
    """Time ZigZag and print its line."""
    import_s, api = time_import(load)
    logging.basicConfig(level=logging.ERROR)  # ahead of ZigZag, which would log each step to the terminal
    HARDWARE.write_text(hardware_yaml())
    MAPPING.write_text(MAPPING_YAML)
    lean = without_files(api)
    print_report(
        distribution="zigzag-dse",
        import_s=import_s,
        variants=[variant("stages without files", lean, STEPS), variant("public call", with_files(api), STEPS)],
        one_product=variant("stages without files", lean, 1),
        cycles_are="latency_total2 of the 25 layers, one after the other, weights resident on chip",
        represents=(
            "matrix-vector products with the mapping searched; tile of rows x columns (spatial unrolling) and padding "
            "to it; memories with ports, bandwidth, stalls and energy, DRAM included; a chain of edges from step to "
            "step in place of h"
        ),
        cannot_represent=(
            "weights kept from one step to the next (DRAM left out instead); overlap of a step's tail with the next "
            "step's x part, so no choice of schedule; activation functions; pipeline latencies of tree, activation "
            "and update; gates as such (c and h would be further element-wise layers on the array, not measured here)"
        ),
    )


if __name__ == "__main__":
    main()
