"""Files of machines of tiles: what ships says where it comes from; bad files get one sentence."""

import pytest

from sharp import SpecificationError, find_accelerator
from sharp.machine.accelerator import OPTIONAL, UNITS
from sharp.machine.files import load_accelerator
from sharp.rivals.machines import load_any


def test_every_number_of_the_shipped_machine_has_source_and_status():
    machine = find_accelerator("sharp")
    assert set(machine.provenance) == set(UNITS) - set(OPTIONAL)
    for name, entry in machine.provenance.items():
        assert entry.status != "given", name
        assert entry.unit == UNITS[name]
        assert entry.low is not None or name == "arithmetic", name
    assert all(budget.provenance.status == "published" for budget in machine.budgets.values())


def test_a_users_machine_of_plain_numbers(write):
    text = "\n".join(f"{name}: {4096 if 'macs' in name or 'buffer' in name else 32}" for name in UNITS)
    text = text.replace("arithmetic: 32", "arithmetic: integer").replace("accumulators: 32", "accumulators: single")
    machine = load_accelerator(write(f"name: mine\n{text}\nbudgets: {{small: {{num_macs: 1024, clock_hz: 1e8}}}}"))
    assert machine.tile_rows == (32,)
    assert machine.provenance["num_macs"].status == "given"
    assert machine.with_macs("small").clock_hz == 1e8


def machine_text(**changes):
    values = {name: 4096 if "macs" in name or "buffer" in name else 32 for name in UNITS if name not in OPTIONAL}
    values |= {"arithmetic": "float", **changes}
    return "name: m\n" + "\n".join(f"{name}: {value}" for name, value in values.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            machine_text(tile_rows="[32, 48]"),
            "num_macs: expected a multiple of every tile height (32, 48), got 4096, which 48",
        ),
        (machine_text(weight_buffer=-4), "weight_buffer.capacity_bytes: expected a positive integer, got -4"),
        (machine_text(clock_hz="{value: 500, unit: MHz}"), "clock_hz.unit: expected Hz, got 'MHz'"),
        (
            machine_text(clock_hz="{value: 500, range: [1, 2]}"),
            "clock_hz.value: expected a number in its own range 1 to 2, got 500",
        ),
        (
            machine_text(clock_hz="{value: 500, range: [1]}"),
            "clock_hz.range: expected two numbers, the lower one first, got [1]",
        ),
        (machine_text(lanes=3), "accelerator: expected no key 'lanes'"),
        (machine_text().replace("add_ns: 32\n", ""), "accelerator: expected a key 'add_ns'"),
        (
            machine_text(budgets="{1K: {num_macs: 1024, clock_hz: 5, status: sure}}"),
            "budgets.1K.status: expected published,",
        ),
        (machine_text(budgets="{1K: {num_macs: 1, clock_hz: 5}, 1k: {num_macs: 1, clock_hz: 5}}"), "each label once"),
        (machine_text(budgets="{1K: {num_macs: 1024}}"), "budgets.1K: expected a key 'clock_hz', got num_macs"),
    ],
)
def test_bad_machines(write, text, message):
    path = write(text)
    with pytest.raises(SpecificationError) as error:
        load_any(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}: ")


def test_a_parameter_that_a_file_may_leave_out(write):
    assert load_accelerator(write(machine_text())).chained_levels == 1
    text = machine_text(chained_levels="{value: 4, unit: levels, range: [1, 8], status: assumed, source: ours}")
    machine = load_accelerator(write(text))
    assert (machine.chained_levels, machine.provenance["chained_levels"].source) == (4, "ours")
