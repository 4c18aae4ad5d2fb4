"""E-PUR's own machine: cycles by hand, its file against what is known of it, its native way to scale."""

import pytest

from sharp import (
    InfeasibleMappingError,
    Plan,
    RNNLayer,
    find_accelerator,
    find_network,
    find_technology,
    implement,
    simulate,
)
from sharp.energy.breakdown import break_down, full_speed
from sharp.energy.technology import with_settings as with_technology
from sharp.machine.accelerator import with_settings
from sharp.rivals.data import epur_numbers
from sharp.workload.single import single_layer, square_lstm

OWN = find_accelerator("epur-own")
NUMBERS = {key: number.value for key, number in epur_numbers().items()}
L_MVM = 1 + 4 + 1  # multiply, a tree of 4 levels, accumulate
L_A, L_C = 19, 31  # 6 and 11 of the MU's 17 stages
TAIL = L_MVM + 1 + L_A + 1 + L_C  # of the last cell of a step, one cycle in each unit


def counts(seq_len=1, macs=64, **layer):
    return simulate(single_layer(RNNLayer(**layer), seq_len), OWN.with_macs(macs)).counts


def test_the_file_is_what_is_known_of_the_machine():
    assert OWN.num_macs == NUMBERS["num_macs"] == NUMBERS["computation_units"] * NUMBERS["dpu_width"]
    assert OWN.tile_rows == (NUMBERS["computation_units"],)
    assert OWN.clock_hz == 1e6 * NUMBERS["clock_mhz"]
    assert OWN.dram_bytes_per_s == 1e9 * NUMBERS["dram_bandwidth_gb_per_s"]
    assert OWN.weight_buffer.capacity_bytes == 4 * 2**20 * NUMBERS["weight_memory_mb_per_cu"]
    assert OWN.io_buffer.capacity_bytes == 4 * 2**10 * NUMBERS["input_memory_kb_per_cu"]
    assert OWN.intermediate_buffer.capacity_bytes == 2**20 * NUMBERS["intermediate_memory_mb"]
    assert OWN.plan == Plan(schedule="intergate", reconfiguration=False)
    assert OWN.budget_label == "64"
    assert {OWN.with_macs(label).num_macs for label in OWN.budgets} == {64, 2**10, 2**12, 2**14, 2**16}


def test_latencies_follow_from_the_steps_of_the_multifunctional_unit():
    add, multiply, exponential = (NUMBERS[f"mu_{name}_cycles"] for name in ("add", "multiply", "exponential"))
    move, reciprocal = NUMBERS["mu_communication_cycles"], multiply
    activation = [multiply, add, add, exponential, add, reciprocal]
    update = [move, multiply, add, exponential, add, reciprocal, move, multiply]
    unnamed = [move] * int(NUMBERS["mu_stages_per_cell"] - len(activation) - len(update))
    assert (OWN.cycles("activation_ns"), OWN.cycles("update_ns")) == (sum(activation), sum(update + unnamed))
    assert (OWN.cycles("activation_ns"), OWN.cycles("update_ns")) == (L_A, L_C)
    tree = simulate(square_lstm(32), OWN).layers[0].mapping.mvm_cycles
    assert tree == L_MVM == 2 + NUMBERS["dpu_reduction_cycles"]


@pytest.mark.parametrize(
    ("layer", "cell_cycles"),
    [
        ({"input_size": 16, "hidden_size": 16}, 2),
        ({"input_size": 20, "hidden_size": 10}, 2),  # x and h share a dot product's second pass
        ({"input_size": 33, "hidden_size": 32}, 5),
        ({"input_size": 320, "hidden_size": 320}, 40),
    ],
)
def test_an_lstm_by_hand(layer, cell_cycles):
    # A segment is a cell: its four gates, one row each. The units after the array take one cycle a cell, no more than
    # the array, so only the last cell of a step is seen to pass them.
    step = layer["hidden_size"] * cell_cycles + TAIL
    found = counts(seq_len=3, **layer)
    assert found.total_cycles == 3 * step
    assert found.dependency_stall == 2 * TAIL
    assert found.fill_drain == TAIL
    assert found.row_padding == 0
    assert found.utilization == pytest.approx(
        4 * layer["hidden_size"] * (layer["input_size"] + layer["hidden_size"]) / (64 * step)
    )


def test_the_multifunctional_unit_is_hidden_but_for_the_last_cell():
    layer = {"input_size": 320, "hidden_size": 320}
    slower = with_settings(OWN, {"update_ns": OWN.update_ns + 100.0})
    network = single_layer(RNNLayer(**layer), 10)
    longer = simulate(network, slower).counts.total_cycles - simulate(network, OWN).counts.total_cycles
    assert longer == 10 * 50  # once a step, not once a cell
    assert simulate(find_network("eesen-original"), OWN).counts.utilization > 0.99


def test_a_gru_leaves_a_computation_unit_idle():
    # x and h on passes of their own: 2 and 1 a cell; n comes out after a second passage of the activation unit.
    found = counts(cell="gru", input_size=20, hidden_size=16)
    assert found.total_cycles == 16 * 3 + TAIL + L_A
    assert found.row_padding == 16 * 3 * 16
    assert found.useful == 3 * 16 * 36
    assert found.useful + found.column_padding == 3 * found.row_padding


def test_a_gru_that_resets_first_takes_two_cells_a_segment():
    # r and z of two cells on four rows: 8 segments of 3 passes; r * h is out a multiplication after the updater.
    found = counts(cell="gru", input_size=32, hidden_size=16, linear_before_reset=False)
    tail_s = L_MVM + 1 + L_A + 2 + 1  # both cells of a segment through one lane
    # W_n x of 4 cells a segment fills the wait: 4 segments of 2 passes; then U_n of 1 pass, 4 cells an update.
    start = 8 * 3 + max(4 * 2, tail_s)
    assert found.total_cycles == start + 1 + L_MVM + 1 + L_A + 4 * 4 + L_C


def test_a_projection_takes_four_rows_a_segment():
    found = counts(input_size=16, hidden_size=16, projection_size=8)
    assert found.total_cycles == 16 * 2 + TAIL + 2 * 1 + L_MVM


@pytest.mark.parametrize(("macs", "levels"), [("1K", 8), ("4K", 10), ("16K", 12), ("64K", 14)])
def test_its_native_way_to_scale_is_a_wider_dot_product_a_gate(macs, levels):
    machine = OWN.with_macs(macs)
    width = machine.num_macs // 4
    assert width == 2**levels
    found = counts(seq_len=2, macs=macs, input_size=1024, hidden_size=1024)
    cell = -(-2048 // width)
    assert found.total_cycles == 2 * (1024 * cell + TAIL - 4 + levels)
    assert simulate(find_network("eesen"), machine).counts.utilization > 0


def test_natively_scaled_it_falls_behind_its_scheduling_on_sharps_hardware():
    epur = find_accelerator("epur")
    found = {
        macs: [simulate(square_lstm(512), machine.with_macs(macs)).counts.utilization for machine in (OWN, epur)]
        for macs in ("1K", "16K", "64K")
    }
    assert found["1K"][0] > found["1K"][1]
    assert 2 * found["16K"][0] < found["16K"][1]
    assert 3 * found["64K"][0] < found["64K"][1]


def test_one_cells_gates_have_to_fit_its_rows():
    with pytest.raises(InfeasibleMappingError, match="expected at least 4"):
        simulate(square_lstm(32), with_settings(OWN, {"tile_rows": 2}))


@pytest.mark.paper
@pytest.mark.parametrize(("cell_type", "low", "high"), [("itrs-lstp", 0.7, 1.0), ("itrs-hp", 4.0, 5.0)])
def test_its_peak_power_asks_for_low_standby_power_cells(cell_type, low, high):
    # Its paper: 0.97 W. Ours lies 26 % below with low standby power cells; fast ones leak 3.8 W alone.
    place = {"node_nm": NUMBERS["technology_nm"], "voltage_v": NUMBERS["voltage_v"], "cell_type": cell_type}
    made = implement(OWN, with_technology(find_technology("32nm"), place))
    cycle = break_down(full_speed(OWN), made)
    assert low < (cycle.total_j - cycle.of("dram")) * OWN.clock_hz / NUMBERS["peak_power_w"] < high
