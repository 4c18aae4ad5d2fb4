"""Choice: the best of every design, limits kept, idle time paid for, and how sure it is."""

import json
from dataclasses import replace

import pytest

from sharp import RNNLayer, SpecificationError, evaluate_energy, find_accelerator, find_network, find_technology
from sharp.design import Goal, choose
from sharp.design.axes import MAX_DESIGNS, default_axes, scenario_at
from sharp.design.files import load_space
from sharp.machine.accelerator import with_settings
from sharp.rivals.machines import as_machine
from sharp.space.scenario import Scenario
from sharp.workload.single import single_layer

NETWORK = find_network("bysdne")
AXES = {"macs": ["1K", "4K", "16K"], "clock_hz": [2.5e8, 5e8]}
SPOTTER = single_layer(RNNLayer(cell="gru", input_size=40, hidden_size=128), 100, 1)


def by_hand(point, goal, network=NETWORK):
    """What a design costs, by the library's parts."""
    machine = replace(find_accelerator("sharp").with_macs(point["macs"]), clock_hz=point["clock_hz"])
    report = as_machine(machine).run(network)
    costs = evaluate_energy(report, find_technology("32nm"))
    leakage = costs.implementation.leakage_w
    idle = leakage * max(0, (goal.period_s or goal.deadline_s) - report.latency_s)
    return report.latency_s, costs.energy.total_j + idle, costs.power_w, sum(costs.implementation.area_mm2.values())


@pytest.mark.parametrize("objective", ["energy", "latency", "area", "edp"])
def test_the_best_is_the_best_of_all(objective):
    goal = Goal(deadline_s=3e-4, objective=objective)
    choice = choose(NETWORK, goal, axes=AXES, samples=0)
    assert len(choice.designs) == 6
    points = [{"macs": macs, "clock_hz": clock} for macs in AXES["macs"] for clock in AXES["clock_hz"]]
    expected = {tuple(point.values()): by_hand(point, goal) for point in points}
    scores = {"energy": lambda c: c[1], "latency": lambda c: c[0], "area": lambda c: c[3], "edp": lambda c: c[0] * c[1]}
    meeting = {point: costs for point, costs in expected.items() if costs[0] <= goal.deadline_s}
    assert 0 < len(meeting) < 6
    best = min(meeting, key=lambda point: scores[objective](meeting[point]))
    assert tuple(choice.designs[0].point.values()) == best
    for design in choice.designs:
        assert tuple(design.costs) == pytest.approx(expected[tuple(design.point.values())], rel=1e-12)
        assert bool(design.excess) == (tuple(design.point.values()) not in meeting)


def test_where_nothing_meets_it_the_nearest_is_first():
    choice = choose(NETWORK, Goal(deadline_s=1e-9, power_w=1e-3), axes=AXES, samples=0)
    assert not choice.meets
    assert [design.worst for design in choice.designs] == sorted(design.worst for design in choice.designs)
    assert set(choice.designs[0].excess) == {"latency_s", "power_w"}


def test_leakage_counts_until_the_next_run():
    short, long = (
        choose(SPOTTER, Goal(deadline_s=1e-3, period_s=period), axes={"macs": ["1K"]}, samples=0).designs[0]
        for period in (1e-3, 1e-2)
    )
    leakage = evaluate_energy(long.report, find_technology("32nm")).implementation.leakage_w
    assert long.costs.energy_j - short.costs.energy_j == pytest.approx(9e-3 * leakage)
    assert long.costs.power_w == short.costs.power_w  # while it runs


def test_a_buffer_of_the_networks_size_saves_a_small_network_most_of_its_energy():
    best, *others = choose(SPOTTER, Goal(deadline_s=1e-2), samples=0).designs
    assert best.point["weight_buffer"] == 2**17  # 64,512 weights of two bytes
    own = min(d.costs.energy_j for d in others if d.point["weight_buffer"] == 26 * 2**20)
    assert own > 5 * best.costs.energy_j


def test_the_front_is_what_no_design_beats():
    choice = choose(find_network("eesen"), Goal(deadline_s=1e-3), samples=0)
    front = choice.pareto
    assert 1 < len(front) < len(choice.designs)
    numbers = [(d.costs.latency_s, d.costs.energy_j, d.costs.area_mm2) for d in choice.designs]
    unbeaten = {
        mine for mine in numbers if not any(other != mine and all(map(float.__le__, other, mine)) for other in numbers)
    }
    found = [(d.costs.latency_s, d.costs.energy_j, d.costs.area_mm2) for d in front]
    assert (set(found), len(found)) == (unbeaten, len(unbeaten))
    table = choice.table()
    assert table["pareto"].sum() == len(front)
    assert table["meets"].sum() == sum(not design.excess for design in choice.designs)


def test_confidence_is_the_share_of_samples_that_meet_it():
    sure = choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": ["4K"]}, samples=8).designs[0]
    assert sure.confidence == 1
    latency = sure.report.latency_s
    near = choose(NETWORK, Goal(deadline_s=latency), axes={"macs": ["4K"]}, samples=32).designs[0]
    assert 0 < near.confidence < 1  # latencies of the units may be shorter or longer
    none = choose(NETWORK, Goal(deadline_s=1e-9), axes={"macs": ["4K"]}, samples=8).designs[0]
    assert none.confidence == 0
    assert choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": ["4K"]}, samples=0).designs[0].confidence is None


def test_a_number_outside_its_assumed_range_is_known_where_it_is_set():
    machine = with_settings(find_accelerator("sharp"), {"activation_ns": 100.0})
    of_machine = choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": ["4K"]}, accelerator=machine, samples=4)
    of_axis = choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": ["4K"], "activation_ns": [100.0]}, samples=4)
    assert of_machine.designs[0].confidence == of_axis.designs[0].confidence == 1
    assert of_machine.designs[0].costs == of_axis.designs[0].costs


def test_a_machine_whose_own_plan_streams_streams():
    machine = find_accelerator("sharp")
    streaming = replace(machine, plan=replace(machine.plan, weights="streamed"))
    plans = [
        choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": ["4K"]}, accelerator=each, samples=0).designs[0].report.plan
        for each in (machine, streaming)
    ]
    assert [plan.weights for plan in plans] == ["resident", "streamed"]


def test_all_kinds_of_axes():
    axes = {
        "tile_set": [[32, 64], [128]],
        "precision": ["fp16/fp32", "int8/int32"],
        "node_nm": [32, 22],
        "schedule": ["unfolded", "batch"],
    }
    choice = choose(NETWORK, Goal(deadline_s=1e-2), axes=axes, samples=0)
    assert len(choice.designs) == 16
    assert {tuple(design.report.accelerator.tile_rows) for design in choice.designs} == {(32, 64), (128,)}
    base = Scenario(network=NETWORK, machine=as_machine(find_accelerator("sharp")), technology=find_technology("32nm"))
    for design in choice.designs:
        scenario = scenario_at(base, design.point)
        assert scenario.technology.node_nm == design.point["node_nm"]
        assert scenario.tiles.precision == design.point["precision"]


def test_designs_that_cannot_be_run_are_counted_with_their_reason():
    choice = choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": ["1K", 4_097]}, samples=0)
    assert len(choice.designs) == 1
    ((reason, count),) = choice.refused.items()
    assert (count, "num_macs: expected a multiple of every tile height" in reason) == (1, True)
    with pytest.raises(SpecificationError, match=r"^axes: expected a design that can run the network, got none"):
        choose(NETWORK, Goal(deadline_s=1.0), axes={"macs": [4_097]})


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({"precision": [1.5]}, "precision: expected a text, got 1.5"),
        ({"macs": []}, r"^axes\.macs: expected at least one value"),
        ({"mac": ["1K"]}, r"^axes: .*mac.*"),
        ({"hidden_size": [1]}, r"^axes\.hidden_size: expected a number or a name of the machine"),
        ({"macs": range(10**9), "clock_hz": range(1, 10**9)}, rf"^axes: expected at most {MAX_DESIGNS:,} designs"),
        ({"macs": range(1, 10**18)}, r"^axes: expected at most"),
    ],
)
def test_a_bad_space_is_refused_in_one_sentence(axes, sentence):
    with pytest.raises(SpecificationError, match=sentence) as caught:
        choose(NETWORK, Goal(deadline_s=1.0), axes=axes)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"deadline_s": 0}, "deadline_s: expected a positive number"),
        ({"deadline_s": 1.0, "power_w": -1}, "power_w: expected a positive number"),
        ({"deadline_s": 1.0, "objective": "energi"}, "objective: .*energy"),
        ({"deadline_s": 1.0, "period_s": 0.5}, "period_s: expected at least the deadline"),
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(fields, sentence):
    with pytest.raises(SpecificationError, match=sentence):
        Goal(**fields)


def test_default_axes_follow_the_network():
    def axes(network):
        return default_axes(Scenario(network=network, machine=as_machine(find_accelerator("sharp"))))

    assert axes(NETWORK)["schedule"] == ("unfolded",)
    assert axes(NETWORK)["order"] == ("layers", "wavefront")
    assert axes(SPOTTER)["order"] == ("layers",)
    assert axes(find_network("eesen"))["schedule"] == ("unfolded", "interleaved")
    assert axes(find_network("eesen"))["order"] == ("layers",)  # directions are barriers
    small = with_settings(find_accelerator("sharp"), {"weight_buffer": 2**16})
    base = Scenario(network=SPOTTER, machine=as_machine(small))
    assert default_axes(base)["weight_buffer"] == (2**16,)


def test_a_space_from_a_file(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("axes: {macs: [1K, 4K], clock_hz: 250e6}\ndeadline: 50ms\npower: 5W\nobjective: area\n")
    space = load_space(path)
    assert space.axes == {"macs": ("1K", "4K"), "clock_hz": (250e6,)}
    assert space.goal == {"deadline_s": 0.05, "power_w": 5.0, "objective": "area"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("deadline: 50ms", "axes"),
        ("axes: 7", "axes: expected"),
        ("axes: {macs: 1K}\ndeadlin: 1", "deadline"),
        ("axes: {macs: 1K}\ndeadline: 50 parsec", "deadline: expected a quantity such as 50ms"),
        ("axes: {schedule: mine.py:Mine}", "mine.py"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path, text, sentence):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(SpecificationError, match=rf"space\.yaml.*{sentence}"):
        load_space(path)


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_best_and_writes_files(command, tmp_path):
    table, figure = tmp_path / "t.csv", tmp_path / "f.svg"
    asked = ("choose", "--network", "bysdne", "--deadline", "0.3ms", "--samples", "0", "--table", str(table))
    outcome = command(*asked, "--figure", str(figure))
    assert outcome.code == 0
    assert "of 112 designs meet it" in outcome.out
    assert len(table.read_text().splitlines()) == 113
    assert figure.read_text().startswith("<?xml")


def test_the_command_as_json(command):
    asked = ("choose", "--hidden", "128", "--deadline", "10ms", "--objective", "area", "--samples", "4", "--json")
    data = json.loads(command(*asked, "--macs", "4K").out)
    assert data["meets"] is True
    keys = {"macs", "tile_rows", "schedule", "order", "weights", "binding", "confidence"}
    assert keys | {"latency_s", "energy_j", "power_w", "area_mm2"} <= data["designs"][0].keys()
    assert {design["macs"] for design in data["designs"]} == {4096}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--deadline: expected a quantity such as 50ms, got none"),
        (("--deadline", "fast"), "deadline: expected a quantity such as 50ms"),
        (("--deadline", "1ms", "--objective", "speed"), "objective: expected"),
        (("--deadline", "1ms", "--space", "missing.yaml"), "missing.yaml"),
        (("--deadline", "1ms", "--figure", "x.svg", "--table", "./x.svg"), "--table: expected another file than"),
        (("--deadline", "1ms", "--figure", "x.gif"), "--figure: expected a file whose name ends in .svg"),
        (("--deadline", "1ms", "--accelerator", "brainwave"), "brainwave"),
    ],
)
def test_the_command_refuses_in_one_sentence(command, arguments, sentence):
    outcome = command("choose", "--hidden", "64", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert sentence in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_what_an_option_fixes_is_no_axis_twice(command, tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("axes: {macs: [1K, 4K]}\n")
    outcome = command("choose", "--hidden", "64", "--deadline", "1ms", "--space", str(path), "--macs", "4K")
    assert (outcome.code, "--macs" in outcome.err) == (2, True)
