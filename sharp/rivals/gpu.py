"""GPUs: a roofline with the overhead of launches, fitted to measured latencies of each device and precision.

A step of a layer, in one direction, takes

    overhead + hypot(bytes / bandwidth, 2 * MACs / (peak * efficiency))

with the bytes of its weights, which every step reads anew; the root of the sum of squares is a roofline without its
edge. ``efficiency = s / (s + half_peak_size)`` with ``s = sqrt(hidden_size * sequences)``: a small product does not
fill the device. All steps of a run have ``T * launch_s + startup_s * T / (T + 50)`` of overhead: in DeepBench short
runs take longer a step than long ones, on every GPU, and why is not known. The four numbers are fitted to the logarithm
of predicted over measured time (`gpu_fit`); the peak is the data sheet's, whose bandwidth bounds the fitted one.

What data check: DeepBench's times of one layer without the products with x (CUDA 8 to 10, many runs back to back), to
the errors that each `Gpu` carries. Batch 1 to 4 and 32 up are fitted well; in batches of 8 and 16 cuDNN took other
kernels on Pascal, up to three times as slow as for 32, which no smooth model has. What is extrapolation: the products
with x, all steps of a layer and direction as one product at the same bandwidth and efficiency, with one launch; layers
and directions, one after the other; projections, as so many more weights; sequences of different lengths, as fewer
sequences in later steps. Not in it: traffic of activations, element-wise work, the way to the device and back, weights
kept on chip (persistent kernels).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import hypot, sqrt
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self, TypeVar

from sharp.checks import (
    check_flag,
    check_integer,
    check_list,
    check_mapping,
    check_name,
    check_number,
    check_text,
    refuse,
)
from sharp.cycles.counting import CycleCounts, Progress
from sharp.cycles.report import LayerRun, MachineReport
from sharp.machine.plan import Plan
from sharp.provenance import STATUSES
from sharp.readonly import ReadOnly
from sharp.rivals.data import Device, gpu_devices
from sharp.rivals.machine import Machine
from sharp.shipped import DATA
from sharp.workload.cells import CELLS
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences

WEIGHT_BYTES = MappingProxyType({"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "fp16_storage": 2, "fp16_tensor": 2})
"""Bytes of a weight in each precision that a GPU can be fitted in."""
STARTUP_STEPS = 50
"""Steps after which half of `Gpu.startup_s` is paid; one number for all GPUs, of 25, 50, 100 and 200 the best."""

_MODELS = DATA / "rivals" / "gpu_models.csv"
FITTED = ("launch_s", "startup_s", "bandwidth_bytes_per_s", "half_peak_size")
"""The fitted numbers of a `Gpu`."""
ERRORS = ("mean_error", "median_error", "max_error")
"""What a `Gpu` says of its fit."""
_MAY_BE_ZERO = ("launch_s", "startup_s", "half_peak_size", *ERRORS)
RANGES = ("hidden_size", "batch_size", "seq_len", "chains")
"""Sizes whose measured ranges a `Gpu` keeps."""


class Product(NamedTuple):
    """Equal products of a matrix of weights, one after the other."""

    repeats: int
    weights: int
    size: float
    """sqrt(hidden_size * columns)."""
    flops: int
    """Of one."""


@dataclass(frozen=True, kw_only=True)
class Gpu(Machine):
    """A GPU in one precision: a roofline with launch overhead, fitted to measured latencies.

    A step pays for its launch, then reads its weights and multiplies, and the slower of the two decides; small products
    do not reach the peak. Its numbers say how many measurements they are fitted to and how well they predict one left
    out.
    """

    name: str
    """Short name, such as "tesla-v100-fp16"."""
    device: str
    """As in `MeasuredLatency.device`."""
    precision: str
    """One of `WEIGHT_BYTES`."""
    num_macs: int
    """Multiply-accumulates a cycle at the data sheet's peak, rounded."""
    clock_hz: float
    """Boost clock."""
    launch_s: float
    """Seconds of overhead of a step."""
    startup_s: float
    """Further seconds of a run, half of them over its first `STARTUP_STEPS` steps, all in a long run."""
    bandwidth_bytes_per_s: float
    """Effective, of reading weights."""
    half_peak_size: float
    """sqrt(hidden_size * sequences) of a product that reaches half of the peak."""
    cells: tuple[str, ...] = ("gru", "lstm")
    """Cells that were measured."""
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict, hash=False)
    """Least and greatest hidden_size, batch_size, seq_len and chains (layers times directions) that were measured."""
    inputs_measured: bool = False
    """Whether measured times hold the products with x."""
    num_points: int = 0
    """Measurements; none where the numbers are not a fit but somebody's own."""
    mean_error: float = 0
    """Of the absolute relative errors of the measurements, each predicted by a fit to all others: the mean."""
    median_error: float = 0
    """The median."""
    max_error: float = 0
    """The greatest."""
    source: str = "the user's file"
    """Files of the measurements."""
    status: str = "derived"
    """One of `sharp.provenance.STATUSES`."""

    settings = MappingProxyType(
        {
            "num_macs": "multipliers",
            "clock_hz": "Hz",
            "launch_s": "s",
            "startup_s": "s",
            "bandwidth_bytes_per_s": "byte/s",
            "half_peak_size": "1",
        }
    )

    def __post_init__(self) -> None:
        for name in ("name", "device", "source"):
            check_text(name, getattr(self, name))
        check_name("precision", self.precision, WEIGHT_BYTES)
        check_name("status", self.status, STATUSES)
        check_integer("num_macs", self.num_macs)
        check_integer("num_points", self.num_points, minimum=0)
        for name in ("clock_hz", "bandwidth_bytes_per_s", *_MAY_BE_ZERO):
            value = getattr(self, name)
            if name not in _MAY_BE_ZERO or value != 0 or isinstance(value, bool):
                check_number(name, value)
        object.__setattr__(self, "ranges", ReadOnly(self.ranges))

    @property
    def weight_bytes(self) -> int:  # type: ignore[override]
        """Bytes of a weight, and of an element of x and h."""
        return WEIGHT_BYTES[self.precision]

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Latency of a network, with the products with x, in cycles of the boost clock.

        The split has the arithmetic at the peak as useful; the time that the weights' bytes take beyond it as
        weight_load; launches and start as dependency_stall; what the efficiency costs beyond these as column_padding.

        Raises
        ------
        SpecificationError
            For a cell that was not measured, and where there is a plan.
        """
        del progress  # it takes no time
        self.check_no_plan(plan)
        self._check_cells(network)
        work = zip(network.layers, network.layer_sequences, strict=True)
        runs = [LayerRun(layer=layer, counts=self._counts(layer, sequences)) for layer, sequences in work]
        return MachineReport(network=network, accelerator=self, layers=runs, notes=self.notes(network))

    def latency_s(self, network: Network, *, input_product: bool = True) -> float:
        """Seconds that the model says a network takes, not rounded to cycles.

        Parameters
        ----------
        network : Network
        input_product : bool
            With the products with x; DeepBench's times are without.

        Raises
        ------
        SpecificationError
            For a cell that was not measured.
        """
        self._check_cells(network)
        return sum(
            self._overhead_s(layer, sequences, input_product)
            + sum(self._product_s(product) for product in products(layer, sequences, input_product))
            for layer, sequences in zip(network.layers, network.layer_sequences, strict=True)
        )

    def notes(self, network: Network) -> tuple[str, ...]:
        """What a reader has to know of the numbers of a network: how good the fit is, and what it does not cover."""
        if not self.num_points:
            return (f"the numbers of {self.name} are not fitted to measurements here: {self.source}",)
        notes = [
            f"{self.name} is a fit to {self.num_points} measurements of the {self.device}; each left out in turn, it "
            f"misses them by {self.median_error:.0%} in the median, {self.mean_error:.0%} in the mean and "
            f"{self.max_error:.0%} at most"
        ]
        if not self.inputs_measured:
            notes.append("the measurements are without the products with x, which are added as the model has them")
        beyond = []
        for name, (least, greatest) in measured_ranges([network]).items():
            low, high = self.ranges[name]
            if not low <= least <= greatest <= high:
                beyond.append(f"{name} {least if least < low else greatest} (measured: {_span(low, high)})")
        if beyond:
            notes.append(f"this is extrapolation beyond the measurements: {', '.join(beyond)}")
        return tuple(notes)

    def with_settings(self, settings: Mapping[str, object]) -> Self:
        """The same device with some numbers changed, of which measurements say nothing any more."""
        changed = super().with_settings(settings)
        own: dict[str, Any] = dict.fromkeys(("num_points", *ERRORS), 0)
        return replace(changed, **own, ranges={}, source=f"{', '.join(settings)} set by hand", status="given")

    @classmethod
    def names(cls) -> Collection[str]:
        """The GPUs that ship."""
        return gpu_models()

    @classmethod
    def named(cls, name: str) -> Gpu:
        """The GPU of a shipped name."""
        return gpu_models()[name]

    @classmethod
    def read(cls, name: str, content: Mapping[str, Any], *, folder: Path = Path(), allow_code: bool = False) -> Gpu:
        """The GPU that the content of a file describes: `settings`, ``precision``, and what else is known of a fit."""
        del folder, allow_code
        check_mapping("gpu", content, (*cls.settings, *_WORDS), ("precision",))
        given = {key: entry for key, entry in content.items() if key in _WORDS}
        numbers = cls.numbers({key: entry for key, entry in content.items() if key in cls.settings})
        words = {key: _WORDS[key](key, entry) for key, entry in given.items()}
        return cls(**{"name": name, "device": name, **words, **{key: entry.value for key, entry in numbers.items()}})

    @property
    def _peak_flops_per_s(self) -> float:
        return 2 * self.num_macs * self.clock_hz

    def _check_cells(self, network: Network) -> None:
        for index, layer in enumerate(network.layers):
            if layer.cell_name not in self.cells:
                expected = f"{' or '.join(self.cells)} (no other cell was measured on {self.name})"
                raise refuse(f"{network.name}: {network.label(index)}.cell", expected, layer.cell_name)

    def _overhead_s(self, layer: RNNLayer, sequences: Sequences, input_product: bool) -> float:
        launches, starts = overheads(layer, sequences, input_product)
        return launches * self.launch_s + starts * self.startup_s

    def _load_s(self, product: Product) -> float:
        return product.weights * self.weight_bytes / self.bandwidth_bytes_per_s

    def _product_s(self, product: Product) -> float:
        compute_s = product.flops / self._peak_flops_per_s * (1 + self.half_peak_size / product.size)
        return product.repeats * hypot(self._load_s(product), compute_s)

    def _counts(self, layer: RNNLayer, sequences: Sequences) -> CycleCounts:
        """The latency of a layer in whole cycles, and where they went."""
        work = list(products(layer, sequences, input_product=True))
        overhead_s = self._overhead_s(layer, sequences, input_product=True)
        load_s = sum(product.repeats * self._load_s(product) for product in work)
        latency_s = overhead_s + sum(map(self._product_s, work))
        useful = layer.num_weights * sequences.total_steps
        array = -(-useful // self.num_macs)
        total = max(array, round(latency_s * self.clock_hz))
        stall = min(total - array, round(overhead_s * self.clock_hz))
        load = min(total - array - stall, max(0, round(load_s * self.clock_hz) - array))
        return CycleCounts(
            num_macs=self.num_macs,
            total_cycles=total,
            useful=useful,
            column_padding=self.num_macs * (total - stall - load) - useful,
            row_padding=0,
            dependency_stall=stall,
            weight_load=load,
            fill_drain=0,
        )


Fitted = TypeVar("Fitted", bound=Gpu)


def _cells(where: str, value: object) -> tuple[str, ...]:
    return tuple(check_name(where, cell, CELLS) for cell in check_list(where, value))


def _ranges(where: str, value: object) -> dict[str, tuple[int, int]]:
    ranges = {}
    for name, bounds in check_mapping(where, value, RANGES, RANGES).items():
        low, high = (check_integer(f"{where}.{name}", bound) for bound in _two(f"{where}.{name}", bounds))
        ranges[name] = low, high
    return ranges


def _two(where: str, value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise refuse(where, "two integers, the lower one first", value)
    return value


def _as_it_is(where: str, value: Any) -> Any:
    del where
    return value


_WORDS: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("device", "precision", "num_points", *ERRORS, "source", "status"), _as_it_is),
    "cells": _cells,
    "ranges": _ranges,
    "inputs_measured": check_flag,
}
"""What a file may say of a `Gpu` beside its numbers, and how it is read."""


def gpu_models() -> dict[str, Gpu]:
    """The GPUs that ship, as fitted to DeepBench (``sharp/data/rivals/gpu_models.csv``).

    Returns
    -------
    dict of str to Gpu
        By name, such as "titan-xp" and "tesla-v100-fp16".
    """
    return fitted_models(Gpu, _MODELS, gpu_devices())


def fitted_models(kind: type[Fitted], path: Path, devices: Mapping[str, Device]) -> dict[str, Fitted]:
    """Fits of a file, by name: what `sharp.rivals.gpu_fit.model_row` wrote."""
    import csv  # only a table needs it

    lines = path.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["name"]: kind(**_model(row, devices[row["device"]])) for row in rows}


def _model(row: Mapping[str, str], device: Device) -> dict[str, Any]:
    numbers: dict[str, Any] = {name: float(row[name]) for name in (*FITTED, *ERRORS)}
    ranges = {}
    for name in RANGES:
        least, greatest = row[name].split("-")
        ranges[name] = int(least), int(greatest)
    return {
        "name": row["name"],
        **sheet(device, row["precision"]),
        **numbers,
        "cells": tuple(row["cells"].split()),
        "ranges": ranges,
        "inputs_measured": row["inputs_measured"] == "yes",
        "num_points": int(row["num_points"]),
        "source": row["source"],
        "status": row["status"],
    }


def sheet(device: Device, precision: str) -> dict[str, Any]:
    """What the data sheet says of a `Gpu`."""
    peak = device.peak_flops_per_s[precision]
    macs = round(peak / 2 / device.boost_clock_hz)
    if macs < 1:
        raise refuse(f"peak_flops_per_s.{precision}", "operations a second, two a cycle at least", peak)
    return {"device": device.name, "precision": precision, "num_macs": macs, "clock_hz": device.boost_clock_hz}


# Work ----------------------------------------------------------------------------------------------------------------


def products(layer: RNNLayer, sequences: Sequences, input_product: bool) -> Iterator[Product]:
    """Products of a layer: a step's of the sequences that still run, and one with x of all steps."""
    inputs = len(layer.gates) * layer.hidden_size * layer.input_size
    recurrent = layer.num_weights // layer.num_directions - inputs
    work = [(steps, recurrent, running) for running, steps in sequences.spans]
    if input_product:
        work.append((1, inputs, sequences.total_steps))
    for repeats, weights, columns in work:
        size = sqrt(layer.hidden_size * columns)
        yield Product(layer.num_directions * repeats, weights, size, 2 * weights * columns)


def overheads(layer: RNNLayer, sequences: Sequences, input_product: bool) -> tuple[int, float]:
    """How often a layer pays `Gpu.launch_s`, and `Gpu.startup_s`."""
    steps = sequences.num_steps
    return layer.num_directions * (steps + input_product), layer.num_directions * steps / (steps + STARTUP_STEPS)


def measured_ranges(networks: Sequence[Network]) -> dict[str, tuple[int, int]]:
    """Least and greatest sizes of networks, by `RANGES`."""
    values = {
        "hidden_size": [layer.hidden_size for network in networks for layer in network.layers],
        "batch_size": [each.batch_size for network in networks for each in network.layer_sequences],
        "seq_len": [each.num_steps for network in networks for each in network.layer_sequences],
        "chains": [sum(layer.num_directions for layer in network.layers) for network in networks],
    }
    return {name: (min(numbers), max(numbers)) for name, numbers in values.items()}


def _span(low: int, high: int) -> str:
    return f"{low} to {high}" if low < high else str(low)
