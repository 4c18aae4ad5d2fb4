"""What is not what a function takes is refused in a sentence: no call of the library ends in an error of Python's."""

import dataclasses
import inspect
from pathlib import Path

import numpy as np
import pytest

import sharp
from sharp import machines
from sharp.space.points import Grid
from sharp.values.weights import random_weights

WRONG = [
    None,
    0,
    -1,
    3,
    2.5,
    float("nan"),
    10**40,
    True,
    "",
    "nosuch",
    "a\nb\0",
    b"x",
    [],
    [1],
    {},
    {"x": 1},
    object(),
    Path("nosuch"),
]
MACHINE, LAYER = sharp.find_accelerator("sharp"), sharp.RNNLayer(input_size=8, hidden_size=8)
NETWORK, TECHNOLOGY = sharp.square_lstm(8, seq_len=3), sharp.find_technology("32nm")
REPORT = sharp.simulate(NETWORK, MACHINE)
PLAN = sharp.Plan(tile_rows=32)
TENSORS = {"weight_ih_l0": np.zeros((32, 8)), "weight_hh_l0": np.zeros((32, 8))}
CALLS = {
    "Budget": {"num_macs": 1024, "clock_hz": 5e8},
    "MemoryLevel": {"capacity_bytes": 1024},
    "Network": {"name": "n", "layers": (LAYER,), "seq_len": 3, "batch_size": 1, "lengths": (), "title": "t"},
    "NotModelled": {"count": 1, "macs": 3},
    "Place": {field.name: getattr(sharp.Place(), field.name) for field in dataclasses.fields(sharp.Place)},
    "Plan": dataclasses.asdict(PLAN),
    "Provenance": {"source": "me", "status": "assumed", "unit": "1", "low": 1.0, "high": 2.0},
    "RNNLayer": {field.name: getattr(LAYER, field.name) for field in dataclasses.fields(LAYER) if field.init},
    "Sequences": {"spans": ((2, 3), (1, 4))},
    "Sequences.of": {"lengths": [3, 2]},
    "Sequences.equal": {"seq_len": 3, "batch_size": 2},
    "Accelerator": {field.name: getattr(MACHINE, field.name) for field in dataclasses.fields(MACHINE)},
    "count_cycles": {"layer": LAYER, "sequences": 3, "accelerator": MACHINE, "plan": PLAN},
    "evaluate_energy": {"report": REPORT, "technology": TECHNOLOGY, "gating": None, "weight_locality": False},
    "execute_layer": {"layer": LAYER, "weights": random_weights(LAYER, seed=1), "x": np.ones((3, 1, 8)),
                      "accelerator": MACHINE, "plan": PLAN, "formats": None, "activation": None, "lengths": None,
                      "initial": {}},
    "explore": {"network": NETWORK, "accelerator": MACHINE, "plan": PLAN},
    "explore_layer": {"layer": LAYER, "sequences": 3, "accelerator": MACHINE, "plan": PLAN},
    "find_accelerator": {"name": "sharp"},
    "find_network": {"name": "eesen"},
    "find_technology": {"name": "32nm"},
    "from_torch": {"module": TENSORS, "seq_len": 3, "batch_size": 2, "name": "n"},
    "implement": {"accelerator": MACHINE, "technology": TECHNOLOGY, "sram_source": "table"},
    "load_accelerator": {"path": Path("nosuch.yaml")},
    "load_networks": {"path": Path("nosuch.yaml")},
    "make_timeline": {"layer": LAYER, "sequences": 3, "accelerator": MACHINE, "plan": PLAN, "num_steps": 2},
    "simulate": {"network": NETWORK, "accelerator": MACHINE, "plan": PLAN},
    "square_lstm": {"hidden_size": 8, "seq_len": 3},
    "sweep": {"points": {"hidden_size": 8}, "accelerator": MACHINE, "technology": TECHNOLOGY, "gating": None,
              "threads": 1},
    "grid": {"hidden_size": 8, "input_size": 8, "macs": "1K", "schedule": "batch", "tile_rows": 32, "lengths": [(3, 2)],
             "projection_size": 4, "update_ns": 24.0, "weights": "streamed", "cell": "lstm", "bidirectional": True},
    "find_machine": {"name": "brainwave"},
    "run_on": {"machine": MACHINE, "network": NETWORK, "plan": PLAN},
    "load_any": {"path": Path("nosuch.yaml")},
}  # fmt: skip
"""Calls with every argument right."""
METHODS = {
    "with_macs": (MACHINE, {"macs": "4K"}),
    "with_lengths": (NETWORK, {"lengths": [3, 2]}),
    "at": (PLAN, {"tile_rows": 32}),
}


def function_of(name):
    value = machines if hasattr(machines, name) else sharp
    for part in name.split("."):
        value = getattr(value, part)
    return value


def fault_of(function, arguments, name, value):
    """What is wrong with a call that has one argument which may be wrong; "" where it is refused, or works."""
    try:
        result = function(**{**arguments, name: value})
        if isinstance(result, Grid):
            sharp.sweep(result, MACHINE, threads=1)
        return ""
    except sharp.SharpError as error:
        return "" if str(error).isprintable() and str(error) else f"{name}={value!r}: no sentence"
    except Exception as error:
        return f"{name}={value!r}: {type(error).__name__}: {error}"


@pytest.mark.parametrize("name", CALLS)
def test_every_wrong_argument_is_refused_in_a_sentence(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    faults = [fault_of(function_of(name), CALLS[name], argument, value) for argument in CALLS[name] for value in WRONG]
    assert not any(faults), "\n".join(filter(None, faults))


@pytest.mark.parametrize("name", METHODS)
def test_every_wrong_argument_of_a_method(name):
    thing, arguments = METHODS[name]
    faults = [fault_of(getattr(thing, name), arguments, argument, value) for argument in arguments for value in WRONG]
    assert not any(faults), "\n".join(filter(None, faults))


def test_every_public_function_is_tried():
    results = {
        "CycleCounts",
        "EnergyBreakdown",
        "EnergyReport",
        "Implementation",
        "LayerReport",
        "LayerValues",
        "Report",
    }
    results |= {"TileTable", "Timeline", "Run", "Segment", "Task", "Technology", "Gating"}
    results |= {"LayerRun", "MachineReport"}
    bases = {"Schedule", "Machine", "sweep_chunks"}  # to derive from; `sweep` with another name
    bases |= {"Cell", "CellOptions", "Elementwise", "Phase"}  # checked as cells are
    public = {name: getattr(sharp, name) for name in sharp.__all__}
    errors = {name for name, value in public.items() if inspect.isclass(value) and issubclass(value, Exception)}
    called = {name for name, value in public.items() if inspect.isclass(value) or inspect.isfunction(value)}
    assert called - errors - results - bases <= set(CALLS)
    assert all(sharp.sweep(sharp.grid(**CALLS["grid"]), MACHINE)["total_cycles"] > 0)
