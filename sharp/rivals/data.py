"""What is known of SHARP's rivals: measured latencies, data sheets of GPUs, E-PUR's own machine.

The files lie in ``sharp/data/rivals``; the head of each says where its numbers come from, what was left out and what
was checked. A user's own measurements have the same columns (`load_latencies`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from sharp.checks import check_flag, check_integer, check_mapping, check_name, check_number, check_text, refuse, within
from sharp.errors import SpecificationError
from sharp.provenance import STATUSES, PublishedNumber
from sharp.published import load_numbers
from sharp.readonly import ReadOnly
from sharp.rivals.rows import integer, number, read_rows
from sharp.shipped import DATA
from sharp.workload.cells import CELLS
from sharp.workload.files import find_network, shipped_networks
from sharp.workload.network import Network, RNNLayer
from sharp.workload.single import single_layer

PRECISIONS = MappingProxyType(
    {
        "fp32": "32-bit floating point",
        "tf32": "fp32 operands rounded to 10 bits of mantissa, fp32 sums",
        "fp16": "16-bit floating point",
        "bf16": "8 bits of exponent, 7 of mantissa",
        "fp16_storage": "stored as fp16, fp32 arithmetic",
        "fp16_tensor": "fp16 operands, fp32 sums, on tensor cores",
        "fp8_mixed": "8-bit operands, 16- and 32-bit sums (Plasticine)",
        "int8": "8-bit integers",
        "block_fp": "block floating point: a shared exponent (BrainWave)",
        "unknown": "not said",
    }
)
"""What each precision means."""

_FOLDER = DATA / "rivals"
_SHAPE = ("cell", "hidden_size", "seq_len")
_REQUIRED = ("device", "latency_ms")
_PRINTED = ("tflops", "utilization")
_COLUMNS = (*_REQUIRED, "network", *_SHAPE, "batch_size", "precision", "input_product", *_PRINTED, "source", "status")
_ANSWERS = MappingProxyType({"yes": True, "no": False, "": None})
_PEAKS = MappingProxyType(
    {"fp32": "fp32", "fp16_storage": "fp32", "fp16": "fp16", "fp16_tensor": "tensor"},
)
"""Column ``peak_*_tflops`` of each precision that a data sheet gives a peak of."""


@dataclass(frozen=True, kw_only=True)
class MeasuredLatency:
    """The time that a machine took for a run of a network, as measured or as reported.

    It says what was run, in which precision, whether products with x are in the time, and who says so. A file of your
    own measurements has the same columns.
    """

    device: str
    """The machine."""
    network: Network
    """What it ran; X = H where the source gives only a hidden size."""
    latency_s: float
    """Seconds for the whole run, all sequences of the batch."""
    precision: str = "unknown"
    """One of `PRECISIONS`."""
    input_product: bool | None = None
    """Whether the time holds the products with x (DeepBench leaves them out); None where that is not known."""
    tflops: float | None = None
    """Tera-operations a second as the source prints them, in its own convention; None where it does not."""
    utilization: float | None = None
    """Share of the peak, as the source prints it."""
    source: str = "the user's file"
    """Text or file that the latency comes from."""
    status: str = "given"
    """One of `sharp.provenance.STATUSES`."""

    def __post_init__(self) -> None:
        check_text("device", self.device)
        check_number("latency_s", self.latency_s)
        check_name("precision", self.precision, PRECISIONS)
        if self.input_product is not None:
            check_flag("input_product", self.input_product)
        for name in _PRINTED:
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name))
        if self.utilization is not None and self.utilization > 1:
            raise refuse("utilization", "a share of at most 1", self.utilization)
        check_text("source", self.source)
        check_name("status", self.status, STATUSES)

    @property
    def num_macs(self) -> int:
        """Multiply-accumulates in the time: without those of x where ``input_product`` is False."""
        if self.input_product is not False:
            return self.network.num_macs
        inputs = sum(
            layer.num_directions * len(layer.gates) * layer.hidden_size * layer.input_size * sequences.total_steps
            for layer, sequences in zip(self.network.layers, self.network.layer_sequences, strict=True)
        )
        return self.network.num_macs - inputs


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU's or CPU's data sheet: its clocks, its peaks in each precision, its memory; what a fit does not fit."""

    name: str
    """As in `MeasuredLatency.device`."""
    cuda_cores: int
    """fp32 multiply-adds a cycle."""
    peak_flops_per_s: Mapping[str, float] = field(hash=False)
    """Operations a second, two a multiply-add, at the boost clock, by precision (of `PRECISIONS`)."""
    bandwidth_bytes_per_s: float
    """Of its DRAM."""
    power_w: float | None
    """Limit of the board, not a measurement; None where no source says."""
    base_clock_hz: float | None
    """None where no source says."""
    boost_clock_hz: float
    """Highest clock of the data sheet."""
    source: str
    """Texts that the numbers come from."""
    status: str
    """One of `sharp.provenance.STATUSES`."""

    def __post_init__(self) -> None:
        check_text("device", self.name)
        check_integer("cuda_cores", self.cuda_cores)
        for name in ("bandwidth_bytes_per_s", "boost_clock_hz"):
            check_number(name, getattr(self, name))
        for name in ("power_w", "base_clock_hz"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name))
        for precision, peak in self.peak_flops_per_s.items():
            check_name("peak_flops_per_s", precision, PRECISIONS)
            check_number(f"peak_flops_per_s.{precision}", peak)
        check_text("source", self.source)
        check_name("status", self.status, STATUSES)
        object.__setattr__(self, "peak_flops_per_s", ReadOnly(self.peak_flops_per_s))


# What ships ----------------------------------------------------------------------------------------------------------


def brainwave_latencies(device: str = "BrainWave") -> tuple[MeasuredLatency, ...]:
    """BrainWave's latencies on DeepBench, or those of the "Titan Xp" that its paper prints beside them."""
    return of_device(_shipped_latencies("brainwave_deepbench"), device)


def plasticine_latencies(device: str = "Plasticine") -> tuple[MeasuredLatency, ...]:
    """Plasticine's latencies on DeepBench, or those of the "Tesla V100" or "Xeon Skylake" beside them."""
    return of_device(_shipped_latencies("plasticine_deepbench"), device)


def gpu_latencies(device: str | None = None, batch_size: int | None = None) -> tuple[MeasuredLatency, ...]:
    """DeepBench's measurements of GPUs.

    Parameters
    ----------
    device : str, optional
        One GPU only.
    batch_size : int, optional
        One batch size only; none may be there.

    Raises
    ------
    SpecificationError
        Where no measurement has that device, or the batch size is no positive integer.
    """
    latencies = _shipped_latencies("gpu_deepbench")
    if device is not None:
        latencies = of_device(latencies, device)
    if batch_size is not None:
        check_integer("batch_size", batch_size)
        latencies = tuple(latency for latency in latencies if latency.network.batch_size == batch_size)
    return latencies


def serving_latencies(device: str) -> tuple[MeasuredLatency, ...]:
    """Latencies of a GPU at batch 1: DeepBench's own, or those of a "Tesla V100" that Plasticine's paper prints."""
    if device in {latency.device for latency in gpu_latencies(batch_size=1)}:
        return gpu_latencies(device, batch_size=1)
    return plasticine_latencies(device)


def measured_latencies(folder: Path = _FOLDER / "measured") -> tuple[MeasuredLatency, ...]:
    """What `benchmarks/gpu_rnn.py` measured on GPUs at hand: all files of a folder, those that ship by default."""
    return tuple(latency for path in sorted(folder.glob("*.csv")) for latency in load_latencies(path))


def cpu_latencies() -> tuple[MeasuredLatency, ...]:
    """What `benchmarks/cpu_rnn.py` measured of DeepBench's problems on a CPU, on one thread and on two."""
    return _shipped_latencies("cpu_rnn")


def gpu_devices() -> dict[str, Device]:
    """Data sheets of the GPUs that were measured, by name: peaks, clocks, bandwidths, each with its source."""
    return load_devices(_FOLDER / "gpu_devices.csv")


def cpu_devices() -> dict[str, Device]:
    """The same of CPUs on some threads; their bandwidth is that of the caches."""
    return load_devices(_FOLDER / "cpu_devices.csv")


def load_devices(path: Path) -> dict[str, Device]:
    """Data sheets of a file, by name."""
    devices = {}
    for line, row in read_rows(path):
        with within(f"{path}: line {line}: "):
            devices[row["device"]] = _device(row)
    return devices


def epur_numbers() -> dict[str, PublishedNumber]:
    """E-PUR's own machine and what its paper reports, by id (``sharp/data/rivals/epur.yaml``)."""
    return load_numbers(_FOLDER / "epur.yaml")


def of_device(latencies: tuple[MeasuredLatency, ...], device: str) -> tuple[MeasuredLatency, ...]:
    """Those of some latencies that are of a device."""
    check_name("device", device, dict.fromkeys(latency.device for latency in latencies))
    return tuple(latency for latency in latencies if latency.device == device)


@cache
def _shipped_latencies(stem: str) -> tuple[MeasuredLatency, ...]:
    return load_latencies(_FOLDER / f"{stem}.csv")


def _device(row: Mapping[str, str]) -> Device:
    peaks = {precision: f"peak_{column}_tflops" for precision, column in _PEAKS.items()}
    return Device(
        name=row["device"],
        cuda_cores=integer(row, "cuda_cores"),
        peak_flops_per_s={name: 1e12 * number(row, column) for name, column in peaks.items() if row[column]},
        bandwidth_bytes_per_s=1e9 * number(row, "bandwidth_gb_per_s"),
        power_w=number(row, "power_w") if row["power_w"] else None,
        base_clock_hz=1e6 * number(row, "base_clock_mhz") if row["base_clock_mhz"] else None,
        boost_clock_hz=1e6 * number(row, "boost_clock_mhz"),
        source=row["source"],
        status=row["status"],
    )


# A file of latencies -------------------------------------------------------------------------------------------------


def load_latencies(path: Path) -> tuple[MeasuredLatency, ...]:
    """Load measured latencies from a CSV file in UTF-8; lines that begin with ``#`` are comments.

    Its first line names the columns, in any order. ``device`` and ``latency_ms`` have to be there, and what was run:
    ``network`` (a name that sharp ships, or a YAML file), or ``cell``, ``hidden_size`` and ``seq_len`` of one layer
    with X = H, and ``batch_size`` if it is not 1. Beside a network these may be empty; where given, they have to be the
    network's. The other columns are ``precision``, ``input_product`` (yes, no or empty), ``tflops``, ``utilization``,
    ``source`` and ``status``; where empty or absent they are as in `MeasuredLatency`.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    SpecificationError
        With the file, the line, the column, what was expected and what was got.
    """
    latencies = []
    for line, row in read_rows(path, _COLUMNS, _REQUIRED):
        with within(f"{path}: line {line}: "):
            latencies.append(_latency(row))
    if not latencies:
        raise SpecificationError(f"{path}: expected at least one latency, got none")
    return tuple(latencies)


def latency_from(entry: Mapping[str, object]) -> MeasuredLatency:
    """A latency that a YAML file gives, in the columns of `load_latencies`."""
    row = {}
    for name, value in check_mapping("latency", entry, _COLUMNS, _REQUIRED).items():
        if not isinstance(value, str | int | float):
            raise refuse(name, "a text or a number", value)
        row[name] = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return _latency(row)


def _latency(row: Mapping[str, str]) -> MeasuredLatency:
    answer = row.get("input_product", "")
    if answer not in _ANSWERS:
        raise refuse("input_product", "yes, no or nothing", answer)
    return MeasuredLatency(
        device=row["device"],
        network=_network(row),
        latency_s=number(row, "latency_ms") / 1000,
        precision=row.get("precision") or MeasuredLatency.precision,
        input_product=_ANSWERS[answer],
        tflops=number(row, "tflops") if row.get("tflops") else None,
        utilization=number(row, "utilization") if row.get("utilization") else None,
        source=row.get("source") or MeasuredLatency.source,
        status=row.get("status") or MeasuredLatency.status,
    )


def _network(row: Mapping[str, str]) -> Network:
    if not row.get("network"):
        for name in _SHAPE:
            if not row.get(name):
                raise refuse(name, "a value, or a network in its place", row.get(name))
        layer = _layer(row)
        return single_layer(layer, integer(row, "seq_len"), integer(row, "batch_size") if row.get("batch_size") else 1)
    network = _known_networks().get(row["network"]) or find_network(row["network"])
    layer = network.layers[0]
    known: dict[str, object] = {"seq_len": network.seq_len, "batch_size": network.batch_size}
    if len(network.layers) == 1:
        known |= {"cell": layer.cell_name, "hidden_size": layer.hidden_size}
    for name in (*_SHAPE, "batch_size"):
        if row.get(name) and row[name] != str(known.get(name)):
            raise refuse(name, f"{known.get(name, 'nothing')} ({network.name})", row[name])
    return network


def _layer(row: Mapping[str, str]) -> RNNLayer:
    hidden_size = integer(row, "hidden_size")
    return RNNLayer(cell=check_name("cell", row["cell"], CELLS), input_size=hidden_size, hidden_size=hidden_size)


@cache
def _known_networks() -> dict[str, Network]:
    """Shipped networks by name: `find_network` reads a file each time."""
    return {network.name: network for network in shipped_networks()}
