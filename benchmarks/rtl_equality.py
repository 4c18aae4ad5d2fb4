"""Compare the machine as hardware with the model on many layers, and write how many are equal.

``python benchmarks/rtl_equality.py 1000 100`` compares 1,000 random layers of a machine of 256 multipliers and 100 of
that of 1,024, with real arithmetic, and the layers of the paper's networks on the control alone at each budget; it
writes ``sharp/data/rtl/equality.csv``, from which the book has its table.
"""

import csv
import sys
import time
from pathlib import Path

import sharp
from sharp.rtl.cosimulate import cosimulate, count_on_control

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "rtl"))

from rtl_cases import random_case, real, small, tiny  # noqa: E402

NETWORKS = ("eesen", "gmat", "bysdne", "rldradspr")
FIELDS = ("multipliers", "what", "layers", "equal_cycles", "cycles", "equal_bits", "values", "deepest_queue")


def summary(multipliers, what, results):
    """A row of the table."""
    return {
        "multipliers": multipliers,
        "what": what,
        "layers": len(results),
        "equal_cycles": sum(one.cycles == one.model_cycles and one.tiles == one.model_tiles for one in results),
        "cycles": sum(one.cycles for one in results),
        "equal_bits": "" if what == "control" else sum(one.different == 0 for one in results),
        "values": "" if what == "control" else sum(one.values for one in results),
        "deepest_queue": max(one.values_peak for one in results),
    }


def random_layers(machine, count, first):
    """Compare random layers of up to three sequences on a whole machine."""
    return [cosimulate(*random_case(machine, first + seed, batch=3)) for seed in range(count)]


def paper_layers(macs):
    """Compare the layers of the paper's networks on a control."""
    machine = sharp.find_accelerator("sharp").with_macs(macs)
    networks = [sharp.find_network(name) for name in NETWORKS]
    pairs = [pair for one in networks for pair in zip(one.layers, one.layer_sequences, strict=True)]
    return [count_on_control(layer, sequences, machine) for layer, sequences in pairs]


def main(small_count=100, real_count=10):
    """Compare, print and write."""
    start, rows = time.perf_counter(), []
    for machine, count in ((tiny(), small_count), (small(), small_count), (real(), real_count)):
        if not count:
            continue
        rows.append(summary(machine.num_macs, "whole", random_layers(machine, count, machine.num_macs * 10_000)))
        print(rows[-1], f"{time.perf_counter() - start:.0f} s")
    for macs in ("1K", "4K", "16K", "64K"):
        rows.append(summary(sharp.find_accelerator("sharp").with_macs(macs).num_macs, "control", paper_layers(macs)))
        print(rows[-1], f"{time.perf_counter() - start:.0f} s")
    with (ROOT / "sharp" / "data" / "rtl" / "equality.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
