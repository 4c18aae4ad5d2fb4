"""Latency of LSTM and GRU layers on a CPU, in ONNX Runtime or PyTorch, as `sharp.rivals.data.load_latencies` reads it.

    nice -n -18 python benchmarks/cpu_rnn.py --name "CPU Xeon" -o sharp/data/rivals/cpu_rnn.csv

Needs onnx and onnxruntime, or torch; which of the two are there is measured. Measured are DeepBench's problems of one
layer with X = H, batch 1, fp32, products with x in the time, on some numbers of threads. A run is timed alone, from the
call to the last h; the minimum of the repetitions is written, since a shared machine only ever adds to it. Weights stay
in the caches where they fit, as they would for a service that does nothing else.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gpu_rnn import Problem, cpu_name, default_names, file_text, forward_pass, positive, row_of, say, select

from sharp import SharpError
from sharp.files import write_text
from sharp.workload.network import RNNLayer

WARM_UP_RUNS = 2


def onnx_model(layer: RNNLayer, seq_len: int) -> bytes:
    """A file of one layer with random weights; its input is called x."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    draws, hidden, gates = np.random.default_rng(0), layer.hidden_size, len(layer.gates)
    shapes = {
        "W": (1, gates * hidden, layer.input_size),
        "R": (1, gates * hidden, hidden),
        "B": (1, 2 * gates * hidden),
    }
    weights = [
        numpy_helper.from_array(draws.uniform(-0.05, 0.05, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    options = {"linear_before_reset": 1} if layer.cell_name == "gru" else {}
    node = helper.make_node(
        layer.cell_name.upper(), ["x", *shapes], ["", "h"], hidden_size=layer.hidden_size, **options
    )
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, [seq_len, 1, layer.input_size])
    given = helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, 1, layer.hidden_size])
    graph = helper.make_graph([node], "layer", [taken], [given], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def onnxruntime_run(problem: Problem, threads: int) -> Callable[[], object]:
    """A call that runs the problem once in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    (layer,), steps = problem.network.layers, problem.network.seq_len
    session = onnxruntime.InferenceSession(onnx_model(layer, steps), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).uniform(-1, 1, (steps, 1, layer.input_size)).astype(np.float32)
    return lambda: session.run(None, {"x": x})


def torch_run(problem: Problem, threads: int) -> Callable[[], object]:
    """A call that runs the problem once in PyTorch."""
    import torch

    torch.set_num_threads(threads)
    return forward_pass(torch, problem.network, "cpu", "fp32")


FRAMEWORKS = {"onnxruntime": ("ONNX Runtime", onnxruntime_run), "torch": ("PyTorch", torch_run)}


def versions() -> dict[str, str]:
    """Versions of the frameworks that are there."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in FRAMEWORKS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            say(f"cpu_rnn.py: {name} is not installed and left out")
    return found


def least_ms(run: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the fastest of some runs, after some that do not count."""

    def once() -> float:
        started = time.perf_counter()
        run()
        return 1000 * (time.perf_counter() - started)

    for _ in range(WARM_UP_RUNS):
        run()
    return min(once() for _ in range(repeats))


def head_lines(found: dict[str, str], repeats: int) -> list[str]:
    """What has to be known of the numbers."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    facts = dict.fromkeys(
        " ".join(line.split()) for line in lines if line.split(":")[0].strip() in ("model", "cpu MHz", "cache size")
    )
    return [
        f"Measured by benchmarks/cpu_rnn.py: the fastest of {repeats} runs, each alone; products with x included.",
        "A virtual machine, shared with other work: its clock, and what others take of its caches, are not known.",
        f"device: {cpu_name()}",
        *facts,
        *(f"{name}: {version}" for name, version in found.items()),
    ]


def measured(
    problems: Sequence[Problem], found: dict[str, str], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """A row each."""
    for name, version in found.items():
        label, make = FRAMEWORKS[name]
        for threads in options.threads:
            device = f"{options.name}, {threads} thread{'s' * (threads > 1)}, {label}"
            for problem in problems:
                least = least_ms(make(problem, threads), options.repeats)
                say(f"{problem.name}, {label}, {threads}: {least:.4g} ms")
                yield row_of(problem, device, "fp32", least, f"benchmarks/cpu_rnn.py, {name} {version}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description="Measure LSTM and GRU layers on this CPU.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--name", default=cpu_name(), help="of the processor, for the rows (default: as Linux says)")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: DeepBench's problems of batch 1")
    parser.add_argument("--threads", nargs="+", type=positive, default=(1, 2), help="default: 1 2")
    parser.add_argument("--most-macs", type=float, default=1e10, help="longer problems are left out (default: 1e10)")
    parser.add_argument("--repeats", type=positive, default=7, help="timed runs, of which the fastest counts")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 where something is missing or wrong."""
    options = parse(arguments)
    found = versions()
    if not found:
        return 2
    try:
        names = options.networks or [name for name in default_names() if name.startswith("deepbench-")]
        problems, notes = select(names, [1])
        problems = [entry for entry in problems if entry.network.num_macs <= options.most_macs]
        for note in notes:
            say(note)
        rows: list[dict[str, Any]] = []
        for row in measured(problems, found, options):
            rows.append(row)
            write_text(options.output, file_text(head_lines(found, options.repeats), rows))
    except SharpError as error:
        say(f"cpu_rnn.py: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
