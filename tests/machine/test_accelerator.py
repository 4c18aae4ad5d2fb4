"""The machine: budgets, tile heights, settings, bad input."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from sharp import SpecificationError
from sharp.machine.accelerator import UNITS, with_settings


def test_cycles_of_the_nominal_latencies(accelerator):
    names = ("multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns")
    assert [accelerator.cycles(name) for name in names] == [1, 1, 1, 15, 18]
    slow = accelerator.with_macs("96K")
    assert [slow.cycles(name) for name in names] == [1, 1, 1, 8, 9]


@pytest.mark.parametrize(
    ("macs", "num_macs", "clock_hz"),
    [
        ("1K", 1024, 5e8),
        ("64k", 65536, 5e8),
        ("96K", 96000, 2.5e8),
        ("96000", 96000, 2.5e8),
        (96000, 96000, 2.5e8),
        ("98304", 98304, 5e8),
        ("8K", 8192, 5e8),
    ],
)
def test_with_macs(accelerator, macs, num_macs, clock_hz):
    machine = accelerator.with_macs(macs)
    assert (machine.num_macs, machine.clock_hz) == (num_macs, clock_hz)


@pytest.mark.parametrize(
    ("macs", "message"),
    [
        ("64Q", "macs: expected a number such as 4096 or 64K (1K, 4K, 16K, 64K, 96K), got '64Q' (did you mean '64K'?)"),
        ("0", "macs: expected a number such as 4096 or 64K (1K, 4K, 16K, 64K, 96K), got '0'"),
        (
            "1000",
            "num_macs: expected a multiple of every tile height (32, 64, 128, 256), got 1000, which 32 does not divide",
        ),
    ],
)
def test_bad_macs(accelerator, macs, message):
    with pytest.raises(SpecificationError) as error:
        accelerator.with_macs(macs)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tile_rows": ()}, "tile_rows: expected at least one tile height"),
        ({"tile_rows": (64, 32)}, "tile_rows: expected tile heights in ascending order"),
        ({"tile_rows": (0,)}, "tile_rows: expected a positive integer, got 0"),
        ({"clock_hz": -1.0}, "clock_hz: expected a positive number, got -1.0"),
        ({"clock_hz": float("nan")}, "clock_hz: expected a positive number, got nan"),
        ({"activation_lanes": 0}, "activation_lanes: expected a positive integer, got 0"),
    ],
)
def test_bad_machines(accelerator, fields, message):
    with pytest.raises(SpecificationError, match=message):
        replace(accelerator, **fields)


def test_settings(accelerator):
    assert with_settings(accelerator, {"activation_lanes": 128}).activation_lanes == 128
    assert with_settings(accelerator, {"tile_rows": [32, 512]}).tile_rows == (32, 512)
    assert with_settings(accelerator, {"tile_rows": 32}).tile_rows == (32,)
    assert with_settings(accelerator, {"weight_buffer": 1000}).weight_buffer.capacity_bytes == 1000
    with pytest.raises(SpecificationError, match=r"did you mean 'activation_lanes'"):
        with_settings(accelerator, {"activation_lane": 128})
    with pytest.raises(SpecificationError, match=r"weight_buffer.capacity_bytes: expected a positive integer, got -4"):
        with_settings(accelerator, {"weight_buffer": -4})


def test_settings_are_applied_together(accelerator):
    machine = with_settings(accelerator, {"tile_rows": [10, 20], "num_macs": 1000})
    assert (machine.num_macs, machine.tile_rows) == (1000, (10, 20))


def test_machines_can_be_pickled_and_take_numpy_integers(accelerator):
    assert pickle.loads(pickle.dumps(accelerator)) == accelerator
    machine = replace(accelerator, num_macs=np.int64(1024), tile_rows=[np.int64(32)])
    assert hash(machine) == hash(replace(accelerator, num_macs=1024, tile_rows=(32,)))
    assert type(machine.num_macs) is int


def test_every_parameter_has_a_unit(accelerator):
    fields = set(accelerator.__dataclass_fields__) - {"name", "budgets", "plan", "provenance"}
    assert fields == set(UNITS)


def test_a_number_that_is_set_is_no_longer_assumed(accelerator):
    changed = with_settings(accelerator, {"activation_ns": 100.0})
    entry = changed.provenance["activation_ns"]
    assert (entry.status, entry.source, entry.unit) == ("given", "a setting", "ns")
    assert changed.provenance["update_ns"] == accelerator.provenance["update_ns"]
