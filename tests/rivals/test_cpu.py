"""CPUs: what ships is a refit of what was measured, and runs and compares like any machine.

``python tests/rivals/test_cpu.py`` writes sharp/data/rivals/cpu_models.csv anew.
"""

import csv
import io
from dataclasses import replace

import pytest

from sharp import find_network
from sharp.files import write_text
from sharp.machines import find_machine, run_on
from sharp.rivals.cpu import Cpu, cpu_models
from sharp.rivals.data import cpu_devices, cpu_latencies
from sharp.rivals.gpu import ERRORS, FITTED
from sharp.rivals.gpu_fit import fit_gpu, model_row
from sharp.shipped import DATA
from sharp.workload.single import square_lstm

MODELS_CSV = DATA / "rivals" / "cpu_models.csv"
HEAD = """\
# CPUs as sharp/rivals/cpu.py models them, fitted to cpu_rnn.csv with cpu_devices.csv; columns as in gpu_models.csv.
# Written by tests/rivals/test_cpu.py, run as a program; the same file, run by pytest, refits every row.
"""
DEVICES = list(cpu_devices())


def fitted(device):
    return fit_gpu(cpu_latencies(), cpu_devices()[device], "fp32", Cpu)


def table():
    """What the shipped file has to be."""
    rows, text = [model_row(fitted(device)) for device in DEVICES], io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return HEAD + text.getvalue()


@pytest.mark.parametrize("device", DEVICES)
def test_what_ships_is_a_refit(device):
    made = fitted(device)
    shipped = cpu_models()[made.name]
    for network in (square_lstm(256), square_lstm(2048, 150)):
        assert shipped.latency_s(network) == pytest.approx(made.latency_s(network), rel=1e-5)
    for name in ERRORS:
        assert getattr(shipped, name) == pytest.approx(getattr(made, name), abs=1e-3), name
    same = {name: getattr(made, name) for name in (*FITTED, *ERRORS)}
    assert replace(shipped, **same) == made


def test_every_measurement_is_of_a_device_and_twice_the_threads_are_faster():
    latencies = {(entry.device, entry.network.name): entry.latency_s for entry in cpu_latencies()}
    assert {device for device, _ in latencies} == set(DEVICES)
    one, two = DEVICES
    for device, network in latencies:
        if device == one:
            assert latencies[two, network] < latencies[one, network]


def test_a_run_says_on_what_it_was_measured_and_how_well_it_fits():
    report = run_on(find_machine("cpu-xeon-1-thread-onnx-runtime"), find_network("deepbench-lstm-h1024-t25"))
    assert report.latency_s == pytest.approx(20.5e-3, rel=0.3)  # measured: 20.5 ms
    assert any("each left out in turn" in note for note in report.notes)
    assert any("virtual machine that others shared" in note for note in report.notes)


def test_one_set_by_hand_is_no_measurement():
    changed = find_machine("cpu-xeon-1-thread-onnx-runtime").with_settings({"launch_s": 1e-3})
    assert isinstance(changed, Cpu)
    assert changed.notes(square_lstm(256)) == (
        "the numbers of cpu-xeon-1-thread-onnx-runtime are not fitted to measurements here: launch_s set by hand",
    )


if __name__ == "__main__":
    write_text(MODELS_CSV, table())
