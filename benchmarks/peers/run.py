"""Time peer simulators and `sharp` on the same LSTM layer (opt-in: it installs the peers from the package index).

    python benchmarks/peers/run.py

in the environment that has `sharp`. The layer: 1024 inputs, 1024 cells, 25 steps, which is 25 matrix-vector products of
4096 x 2048 on 4096 multiply-accumulate units. Each peer gets a virtual environment of its own, build/peers/NAME, from
the pinned NAME.txt (about 1 GB for all; kept for the next run, made anew when NAME.txt changes), and its adapter
peer_NAME.py runs in it. "peer_" keeps an adapter from hiding the package that it imports.

What is timed: the evaluation in its own process, imports apart, the median of five runs where the first stays below ten
seconds, else that run alone. Where a peer has several settings, the fastest stands for it. Where it takes products one
by one, one is measured and multiplied by 25; the table and results.json say so. A peer whose 25 products are all equal
may as well be asked once: the column "one product" gives that. Times of `sharp` include its search over tile heights.
Wall time on a shared machine is noisy: read ratios to one digit.

Takes about three minutes, most of it SCALE-Sim, and some more for the first installation. Writes results.json beside
this file when no peer failed. Exit status: 0, or 1 where a peer (or `sharp`) failed. A peer that the index does not
have is reported, and is no failure.
"""

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from peer_report import ARRAY_COLUMNS, ARRAY_ROWS, COLUMNS, HIDDEN_SIZE, ROWS, STEPS, measure

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / "build" / "peers"
RESULTS = HERE / "results.json"

PEERS = {"zigzag": "zigzag-dse", "scalesim": "scalesim", "nn-dataflow": "nn-dataflow"}
"""Name of requirements, environment and adapter; name on the index."""
ABSENT = {"neusim": "NeuSim (an NPU simulator) is not published on the package index"}
"""Peers looked for but never installed: another project may take a free name at any time."""

PYTHONS = ("3.11", "3.12", "3.13")
INSTALL_LIMIT_S = 900
EVALUATE_LIMIT_S = 600
SHARP_REPETITIONS = 51
REASON_LENGTH = 300

WORKLOAD = (
    f"one LSTM layer, {HIDDEN_SIZE} inputs, {HIDDEN_SIZE} cells, {STEPS} steps: {STEPS} matrix-vector products of "
    f"{ROWS} x {COLUMNS} on {ARRAY_ROWS * ARRAY_COLUMNS} multiply-accumulate units"
)
NOISE = "wall time on a shared machine, so noisy: read ratios to one digit"

Record = dict[str, Any]


class PeerError(Exception):
    """A peer could not be installed or evaluated, in one sentence."""


def redact(text: str) -> str:
    """The text less addresses and folders, which differ from machine to machine."""
    text = re.sub(r"\S+://\S+", "<address>", text)
    return re.sub(r"(?<![\w.])/(?:[^\s/'\"]+/)+", "", text)


def call(command: list[str | Path], limit_s: float, cwd: Path | None = None, **variables: str) -> str:
    """Run a command and give back what it printed; its last error line becomes the reason when it fails."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{name} took more than {limit_s:.0f} s") from None
    except OSError as error:
        raise PeerError(f"{name} does not start: {error.strerror}") from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")]
        reason = (errors or lines or [f"{name} ended with status {done.returncode}"])[-1]
        raise PeerError(redact(reason)[:REASON_LENGTH])
    return done.stdout


def interpreters() -> dict[str, str]:
    """Python versions to try and their executables: this one, then others on the path."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    for python in PYTHONS:
        executable = shutil.which(f"python{python}")
        if python not in found and executable:
            try:
                call([executable, "--version"], 60, PYENV_VERSION=python)
            except PeerError:
                continue
            found[python] = executable
    return found


def install(name: str) -> Path:
    """Python of the peer's environment, made now unless it is there with the same requirements."""
    requirements = HERE / f"{name}.txt"
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    installed = folder / "installed.txt"
    if installed.is_file() and python.exists() and installed.read_text() == requirements.read_text():
        return python
    reasons = []
    for version, executable in interpreters().items():
        print(f"{name}: installing for Python {version}", file=sys.stderr, flush=True)
        try:
            call([executable, "-m", "venv", "--clear", folder], INSTALL_LIMIT_S, PYENV_VERSION=version)
            call([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], INSTALL_LIMIT_S)
        except PeerError as error:
            reasons.append(f"Python {version}: {error}")
            continue
        installed.write_text(requirements.read_text())
        return python
    raise PeerError(f"cannot be installed ({'; '.join(reasons)})")


def evaluate(name: str) -> Record:
    """Install a peer, run its adapter, and read its line."""
    python = install(name)
    print(f"{name}: evaluating", file=sys.stderr, flush=True)
    adapter = HERE / f"peer_{name.replace('-', '_')}.py"
    with tempfile.TemporaryDirectory() as scratch:
        printed = call([python, adapter], EVALUATE_LIMIT_S, cwd=Path(scratch), MPLBACKEND="Agg")
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if not lines:
        raise PeerError("its adapter printed no result")
    freeze = call([python, "-m", "pip", "freeze"], 60).split()
    version = call([python, "-c", "import platform; print(platform.python_version())"], 60).strip()
    packages = dict(pin.split("==") for pin in freeze if "==" in pin)
    return {"status": "measured", **json.loads(lines[-1]), "python": version, "packages": packages}


def look_for(name: str, why: str) -> Record:
    """A peer expected to be absent from the index: say so with pip's own words, or that it has come."""
    answers = []
    for version, executable in interpreters().items():
        try:
            found = call([executable, "-m", "pip", "index", "versions", name], 120, PYENV_VERSION=version)
        except PeerError as error:
            answers.append(f"Python {version}: {error}")
            continue
        first = found.splitlines()[0]
        return failed(name, f"pip now finds {first}; if that is the simulator, it needs an adapter here")
    return {"peer": name, "status": "unavailable", "reason": f"{why} ({'; '.join(answers)})"}


def failed(name: str, reason: object) -> Record:
    """The record of a peer without a result."""
    return {"peer": name, "status": "failed", "reason": str(reason)}


def time_sharp() -> Record:
    """Time `sharp` on the layer, in this process."""
    import sharp

    def evaluate_layer() -> sharp.Report:
        return sharp.simulate(sharp.square_lstm(HIDDEN_SIZE), sharp.find_accelerator("sharp").with_macs("4K"))

    seconds, repetitions, report = measure(evaluate_layer, SHARP_REPETITIONS)
    return {
        "version": sharp.__version__,
        "seconds_per_layer": seconds,
        "repetitions": repetitions,
        "reported_cycles": report.counts.total_cycles,
        "measured": "all 25 steps at every tile height, the accelerator's file read included",
    }


def processor() -> str:
    """Model name of the processor."""
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def gather(sharp_record: Record) -> Record:
    """Time the peers; everything that results.json says."""
    peers = []
    for name, distribution in PEERS.items():
        try:
            record = evaluate(name)
        except PeerError as error:
            record = failed(distribution, error)
        else:
            record["ratio_to_sharp"] = record["seconds_per_layer"] / sharp_record["seconds_per_layer"]
            record["ratio_one_product"] = record["seconds_one_product"] / sharp_record["seconds_per_layer"]
        peers.append(record)
    peers += [look_for(name, why) for name, why in ABSENT.items()]
    return {
        "workload": WORKLOAD,
        "note": NOISE,
        "python": platform.python_version(),
        "processor": processor(),
        "processor_count": os.cpu_count(),
        "packages": {"numpy": importlib.metadata.version("numpy")},
        "sharp": sharp_record,
        "peers": peers,
    }


def print_table(results: Record) -> None:
    """Numbers as a table, then what each peer can and cannot represent."""
    sharp_record = results["sharp"]
    print(f"{results['workload']}\n{results['processor']}, {results['processor_count']} cores; {results['note']}\n")
    head = f"{'peer':<20}{'s a layer':>12}{'x sharp':>10}{'one product s':>15}{'x sharp':>10}"
    print(f"{head}{'cycles':>12}{'import s':>10}")
    name = f"sharp {sharp_record['version']}"
    print(f"{name:<20}{sharp_record['seconds_per_layer']:>12.5f}{1:>10}{'':>25}{sharp_record['reported_cycles']:>12,}")
    for peer in results["peers"]:
        if peer["status"] != "measured":
            print(f"{peer['peer']:<20}{peer['status']:>12}")
            continue
        name = f"{peer['peer']} {peer['version']}"
        print(
            f"{name:<20}{peer['seconds_per_layer']:>12.3g}{peer['ratio_to_sharp']:>10,.0f}"
            f"{peer['seconds_one_product']:>15.3g}{peer['ratio_one_product']:>10,.0f}"
            f"{peer['reported_cycles']:>12,}{peer['import_s']:>10.2f}"
        )
    for peer in results["peers"]:
        print(f"\n{peer['peer']}")
        if peer["status"] != "measured":
            print(f"  {peer['status']}: {peer['reason']}")
            continue
        print(f"  measured:   {peer['measured']}; {peer['setting']}, times {peer['multiplied_by']}, ", end="")
        print(f"{peer['repetitions']} run(s)\n  cycles:     {peer['cycles_are']}")
        print(f"  represents: {peer['represents']}\n  cannot:     {peer['cannot_represent']}")


def write(results: Record) -> None:
    """Replace results.json at once."""
    draft = RESULTS.with_suffix(".json.tmp")
    draft.write_text(json.dumps(results, indent=2) + "\n")
    draft.replace(RESULTS)


def main() -> int:
    """Time, print, write; the exit status."""
    try:
        sharp_record = time_sharp()
    except (ImportError, AttributeError, TypeError) as error:
        print(f"sharp cannot be timed: {error}; run this in the environment that has this version.", file=sys.stderr)
        return 1
    results = gather(sharp_record)
    print_table(results)
    failures = [peer["peer"] for peer in results["peers"] if peer["status"] == "failed"]
    if failures:
        print(f"\n{', '.join(failures)} failed, for the reason above; results.json is left as it was.", file=sys.stderr)
        return 1
    write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
