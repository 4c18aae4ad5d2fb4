"""Latency of LSTM and GRU networks in PyTorch (cuDNN on a GPU), as a file for `sharp.rivals.data.load_latencies`.

    python benchmarks/gpu_rnn.py -o sharp/data/rivals/measured/<name>.csv

Needs PyTorch, which sharp does not depend on. Results of any CUDA machine go to sharp/data/rivals/measured/<name>.csv,
one file a machine, and `sharp.rivals.gpu_fit.fit_gpu` makes a model of them.

Measured are the paper's four networks, as stacks of torch.nn.LSTM, and DeepBench's problems, one layer with X = H;
products with x are in the time. A batch has that many sequences of seq_len steps each, as in DeepBench. Each run is
timed alone, from an idle device to the last h: CUDA events around it on a GPU, after some runs that do not count; the
median of the repetitions is written. On a GPU each problem runs twice: launched by PyTorch, and as the replay of a
captured CUDA graph ("(CUDA graph)" behind the device's name). fp32 is without TF32. The file is written anew after
each problem. ``--device cpu`` tries the script where there is no GPU.
"""

import argparse
import csv
import io
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sharp import Network, RNNLayer, SharpError, find_network
from sharp.files import write_text
from sharp.workload.files import shipped_networks
from sharp.workload.single import single_layer

APPLICATIONS = ("eesen", "gmat", "bysdne", "rldradspr")
BATCHES = (1, 8, 64)
DTYPES = {"fp32": "float32", "tf32": "float32", "fp16": "float16", "bf16": "bfloat16"}
COLUMNS = (
    *("device", "network", "cell", "hidden_size", "seq_len", "batch_size"),
    *("precision", "input_product", "latency_ms", "source"),
)
WARM_UP_RUNS = 5
TENSOR_CORES = (7, 0)
"""Compute capability from which on products in fp16 run on tensor cores."""
QUERY = ("driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem", "power.limit")


@dataclass(frozen=True)
class Problem:
    """What is measured."""

    name: str
    """Name of a network, or "" for one layer with X = H that is said by its sizes."""
    network: Network

    def columns(self) -> dict[str, object]:
        """How a file of latencies says it."""
        network = self.network
        columns = {"network": self.name, "seq_len": network.seq_len, "batch_size": network.batch_size}
        if len(network.layers) == 1:
            columns |= {"cell": network.layers[0].cell_name, "hidden_size": network.layers[0].hidden_size}
        return columns


# Problems ------------------------------------------------------------------------------------------------------------


def default_names() -> list[str]:
    """The paper's networks and DeepBench's problems."""
    shipped = [network.name for network in shipped_networks() if network.batch_size == 1]
    return [*APPLICATIONS, *(name for name in shipped if name.startswith("deepbench-"))]


def obstacle(network: Network) -> str:
    """What of a network cuDNN does not have, or ""."""
    if network.lengths:
        return "sequences of different lengths"
    for layer in network.layers:
        if layer.cell_name not in ("lstm", "gru"):
            return f"the cell {layer.cell_name}"
        for name in ("peephole", "residual"):
            if getattr(layer, name):
                return f"{name} layers"
        if not layer.linear_before_reset:
            return "a GRU that resets before the product"
    return ""


def select(names: Sequence[str], batches: Sequence[int]) -> tuple[list[Problem], list[str]]:
    """Networks in each batch that can be measured and written down, and a sentence for each that cannot."""
    problems, notes = [], []
    for name in names:
        network = find_network(name)
        layer, lacking = network.layers[0], obstacle(network)
        square = RNNLayer(cell=layer.cell_name, input_size=layer.hidden_size, hidden_size=layer.hidden_size)
        for batch in batches:
            if lacking:
                notes.append(f"{name} is left out: cuDNN has no {lacking}.")
                break
            if batch == network.batch_size:
                problems.append(Problem(name, network))
            elif network.layers == (square,):
                problems.append(Problem("", single_layer(layer, network.seq_len, batch)))
            else:
                notes.append(f"{name} is left out in batches of {batch}: a file of latencies cannot say that.")
    return problems, notes


def stacks(network: Network) -> Iterator[tuple[RNNLayer, int]]:
    """Layers that are one torch.nn.LSTM or GRU: the first, and how many."""
    for _, group in groupby(
        network.layers,
        key=lambda layer: (layer.cell_name, layer.hidden_size, layer.bidirectional, layer.projection_size),
    ):
        layers = list(group)
        yield layers[0], len(layers)


# PyTorch -------------------------------------------------------------------------------------------------------------


def forward_pass(torch: Any, network: Network, device: str, precision: str) -> Callable[[], object]:
    """A call that runs the network once on random numbers."""
    options = {"device": device, "dtype": getattr(torch, DTYPES[precision])}
    modules = []
    for layer, count in stacks(network):
        sizes = {"proj_size": layer.projection_size} if layer.projection_size else {}
        module = getattr(torch.nn, layer.cell_name.upper())(
            layer.input_size, layer.hidden_size, count, bidirectional=layer.bidirectional, **sizes, **options
        )
        modules.append(module.eval())
    inputs = torch.randn(network.seq_len, network.batch_size, network.layers[0].input_size, **options)

    def run() -> object:
        values = inputs
        with torch.no_grad():
            for module in modules:
                values, _ = module(values)
        return values

    return run


def captured(torch: Any, run: Callable[[], object]) -> Callable[[], object]:
    """A call that replays a run as a CUDA graph; what the run reads has to live as long."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP_RUNS):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    replay: Callable[[], object] = graph.replay
    return replay


def cuda_ms(torch: Any, run: Callable[[], object]) -> float:
    """Milliseconds of a run on the GPU."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def cpu_ms(_: Any, run: Callable[[], object]) -> float:
    """Milliseconds of a run on the CPU."""
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started)


def median_ms(torch: Any, run: Callable[[], object], device: str, repeats: int) -> float:
    """Median of some runs, after some that do not count."""
    time_run = cuda_ms if device == "cuda" else cpu_ms
    for _ in range(WARM_UP_RUNS):
        run()
    return statistics.median(time_run(torch, run) for _ in range(repeats))


def measure(torch: Any, problem: Problem, device: str, precision: str, repeats: int) -> Iterator[tuple[str, float]]:
    """What follows the device's name, and milliseconds: launched, and on a GPU as a CUDA graph too."""
    run = forward_pass(torch, problem.network, device, precision)
    yield "", median_ms(torch, run, device, repeats)
    if device == "cuda":
        yield " (CUDA graph)", median_ms(torch, captured(torch, run), device, repeats)


# The file ------------------------------------------------------------------------------------------------------------


def cpu_name() -> str:
    """The processor, as Linux or Python names it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def precision_label(precision: str, capability: tuple[int, int] | None) -> str:
    """One of `sharp.rivals.data.PRECISIONS`; a capability of None is a CPU."""
    tensor = precision == "fp16" and capability is not None and capability >= TENSOR_CORES
    return "fp16_tensor" if tensor else precision


def query_gpu() -> list[str]:
    """What nvidia-smi says of the first GPU, where there is such a program."""
    command = ["nvidia-smi", "-i", "0", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [f"{name}: {value.strip()}" for name, value in zip(QUERY, answer.split(","), strict=False)]


def head_lines(torch: Any, device: str, name: str, repeats: int) -> list[str]:
    """What has to be known of the numbers."""
    lines = [
        f"Measured by benchmarks/gpu_rnn.py: median of {repeats} runs, each alone; products with x are in the time.",
        f"device: {name}",
        f"torch: {torch.__version__}",
    ]
    if device == "cuda":
        lines += [f"CUDA: {torch.version.cuda}", f"cuDNN: {torch.backends.cudnn.version()}", *query_gpu()]
    else:
        lines.append(f"threads: {torch.get_num_threads()}")
    return lines


def row_of(problem: Problem, device: str, precision: str, milliseconds: float, source: str) -> dict[str, object]:
    """A measurement as a row of the file."""
    return {
        "device": device,
        **problem.columns(),
        "precision": precision,
        "input_product": "yes",
        "latency_ms": f"{milliseconds:.6g}",
        "source": source,
    }


def file_text(head: Sequence[str], rows: Sequence[dict[str, object]]) -> str:
    """The whole file."""
    text = io.StringIO()
    text.writelines(f"# {line}\n" for line in head)
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# Command -------------------------------------------------------------------------------------------------------------


def positive(text: str) -> int:
    """An option's positive integer."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description="Measure LSTM and GRU networks in PyTorch.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="names that sharp ships, or YAML files")
    parser.add_argument("--batch", nargs="+", type=positive, default=BATCHES, help="sequences (default: 1 8 64)")
    parser.add_argument("--precision", nargs="+", choices=DTYPES, help="default: fp32 fp16; fp32 on a CPU")
    parser.add_argument("--repeats", type=positive, default=30, help="timed runs, of which the median counts")
    return parser.parse_args(arguments)


def say(sentence: str) -> None:
    """Tell the user without touching the standard output."""
    print(sentence, file=sys.stderr)


def run_all(torch: Any, options: argparse.Namespace, problems: Sequence[Problem]) -> None:
    """Measure everything, and write the file after each problem."""
    cuda = options.device == "cuda"
    name = torch.cuda.get_device_name(0) if cuda else cpu_name()
    capability = torch.cuda.get_device_capability(0) if cuda else None
    source = f"benchmarks/gpu_rnn.py, torch {torch.__version__}"
    rows: list[dict[str, object]] = []
    for precision in options.precision or (("fp32", "fp16") if cuda else ("fp32",)):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        label = precision_label(precision, capability)
        for problem in problems:
            try:
                for suffix, found in measure(torch, problem, options.device, precision, options.repeats):
                    rows.append(row_of(problem, name + suffix, label, found, source))
                    say(f"{problem.name or problem.network.name}, {label}{suffix}: {found:.4g} ms")
            except RuntimeError as error:  # out of memory, or PyTorch has no such kernel
                say(f"{problem.network.name} in {label} is left out: {str(error).splitlines()[0]}")
            if rows:
                write_text(options.output, file_text(head_lines(torch, options.device, name, options.repeats), rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 where something is missing or wrong."""
    options = parse(arguments)
    try:
        import torch
    except ImportError:
        say("gpu_rnn.py: expected PyTorch (pip install torch) in this Python, got none")
        return 2
    if options.device == "cuda" and not torch.cuda.is_available():
        say("gpu_rnn.py: --device: expected a CUDA GPU that PyTorch can use, got none (--device cpu needs none)")
        return 2
    try:
        problems, notes = select(options.networks or default_names(), options.batch)
        for note in notes:
            say(note)
        run_all(torch, options, problems)
    except SharpError as error:
        say(f"gpu_rnn.py: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
