"""Runs trained networks of a package in several number formats and as delta networks, and writes what that costs.

    .venv/bin/python benchmarks/trained_networks.py build/real_networks sharp/data/trained.csv

The packages are fetched by hash into the folder (as `make real-networks` does) and never installed; the input is made:
a voice of gliding harmonics in noise, as the logarithm of its power spectrum, which is what these networks read.
"""

import argparse
import csv
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import yaml
from real_networks import KNOWN, content, fetch

import sharp
from sharp.space.delta import DeltaCalls, shares_of
from sharp.values.execute import execute_layer
from sharp.values.formats import numerics
from sharp.values.onnx_model import execute_model

WINDOWS = {"nsnet2-16k": (16000, 320), "nsnet2-48k": (48000, 1024)}
"""Samples a second, and samples of a window, of which the next one begins half-way."""
FORMATS = ("fp32", "fp16", "bf16", "e4m3", "e5m2", "int8", "int4")
THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
BUDGETS = ("1K", "64K")
FRAMES = 100
COLUMNS = (
    *("network", "format", "macs", "delta_threshold", "max_abs", "snr_db", "cosine"),
    *("share_x", "share_h", "cycles", "source", "status"),
)
HEAD = """\
# Trained networks in several number formats, and as delta networks (delta_threshold): how far their output is from ONNX
# Runtime's in fp32, the share of x and of h that recurrent layers multiplied, cycles of the layers
# that ran on the machine, one after the other. Written by benchmarks/trained_networks.py. The weights are those of the
# package that source names; the input is made: 100 frames of harmonics that glide around 120 Hz, four syllables a
# second, in noise 10 dB below them, as the logarithm of the power spectrum. The output is a gain of each frequency.
"""


def made_voice(rate: int, samples: int) -> np.ndarray:
    """Harmonics of a gliding pitch, louder and softer four times a second, in noise."""
    time = np.arange(samples) / rate
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time)) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 25)) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))
    noise = np.random.default_rng(0).normal(size=samples)
    return 0.1 * (voice + noise * voice.std() * 10 ** (-10 / 20))


def frames_of(rate: int, window: int) -> np.ndarray:
    """The logarithm of the power spectrum, frame after frame: (1, frames, window / 2 + 1)."""
    hop = window // 2
    sound = made_voice(rate, hop * (FRAMES + 1))
    frames = np.stack([sound[place * hop : place * hop + window] for place in range(FRAMES)])
    power = np.abs(np.fft.rfft(frames * np.sqrt(np.hanning(window)))) ** 2
    return np.log10(np.maximum(power, 1e-12)).astype(np.float32)[None]


def run(path: Path, x: np.ndarray, label: str, threshold: float | None, budgets: tuple[str, ...]) -> list[dict]:
    """A row for each budget."""
    rows = []
    for budget in budgets:
        machine, technology = sharp.find_accelerator("sharp").with_macs(budget), sharp.find_technology("32nm")
        formats = numerics(label)
        calls = DeltaCalls(partial(execute_layer, accelerator=machine, formats=formats), threshold)
        single = partial(execute_layer, accelerator=machine, formats=numerics("fp32"))
        values = execute_model(path, {"input": x}, calls, single)
        (difference,) = values.differences.values()
        costs, shares = calls.costs(machine, machine.plan, formats, technology), shares_of(calls)
        print(path.stem, label, budget, threshold, difference, shares, flush=True)
        numbers = {name: f"{getattr(difference, name):.6g}" for name in ("max_abs", "snr_db", "cosine")}
        numbers |= {f"share_{name}": f"{share:.6g}" for name, share in shares.items()}
        fields = {"format": formats.label, "macs": budget, "delta_threshold": "" if threshold is None else threshold}
        rows.append({**fields, **numbers, "cycles": costs.cycles})
    return rows


def main():
    """Fetch, run, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    entries = [entry for entry in yaml.safe_load(KNOWN.read_text()) if entry["id"] in WINDOWS]
    fetch(entries, arguments.folder)
    rows = []
    for entry in entries:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / f"{entry['id']}.onnx"
            path.write_bytes(content(entry, arguments.folder))
            x = frames_of(*WINDOWS[entry["id"]])
            found = [row for label in FORMATS for row in run(path, x, label, None, BUDGETS[1:])]
            found += run(path, x, "fp16", None, BUDGETS[:1])
            found += [row for threshold in THRESHOLDS for row in run(path, x, "fp16", threshold, BUDGETS)]
        known = {"network": f"real-{entry['id']}", "status": "derived"}
        known |= {"source": f"{entry['package']} {entry['version']}, {entry['file']}"}
        rows += [known | row for row in found]
    with arguments.table.open("w", newline="") as file:
        file.write(HEAD)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
